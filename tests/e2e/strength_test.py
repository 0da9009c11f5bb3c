"""The two strengths of recording, told apart by a recorder that stands still: what is handed is seen, what is to be
committed is not."""

import signal
import time
import unittest

import harness  # first: it makes tests/support importable
import agent
import clients
import sandbox
from readable import readable
from upstream import scenario

SECRET = scenario.SECRETS["github"]


class StrengthCase(harness.AgentCase):
  def stream_beside_a_standing_recorder(self):
    """A stream whose second half comes while the recorder is stopped; it goes on when the test does."""
    gate = f"still{time.monotonic_ns()}"
    watched = clients.Watched(self.clients, f"[[demo two gate={gate}]]")
    watched.until("[MASKED:")
    recorder = self.agent.services["recorder"]
    self.addCleanup(recorder.signal, signal.SIGCONT)
    recorder.signal(signal.SIGSTOP)
    self.clients.open_gate(gate)
    clients.wait_until(lambda: "The end." in self.said(), what="the rest of the upstream's answer")
    return gate, watched

  def must_end_well(self, gate, watched):
    self.agent.services["recorder"].signal(signal.SIGCONT)
    self.assertEqual(watched.end(), 0, self.agent.logs())
    self.assertIn(b"The end.", watched.seen)
    self.assertNotIn(SECRET.encode(), watched.seen)
    clients.wait_until(lambda: self.released(gate).encode() == watched.seen, what="the record of all that was seen")


class CommittedTest(StrengthCase):
  policy = agent.POLICY + '[record]\nstrength = "committed"\n'

  def must_be_on_disk(self, run):
    """Read after the client has ended, without waiting for anybody."""
    out = self.must_succeed(run)
    self.must_not_leak(run, SECRET)
    self.assertIn("[MASKED:", out)
    return "".join(r["content"] for r in self.records("response.fragment"))

  def test_a_client_sees_nothing_that_the_ledger_has_not_committed(self):
    gate, watched = self.stream_beside_a_standing_recorder()
    with self.assertRaises(sandbox.SandboxError):
      watched.until("Second", seconds=1)
    self.assertTrue(self.released(gate).encode().startswith(watched.seen))
    self.must_end_well(gate, watched)

  def test_what_curl_saw_is_on_disk_when_it_ends(self):
    run = self.clients.curl_message("[[demo secret cut=each]]")
    self.assertTrue(self.must_be_on_disk(run).startswith(run.stdout.decode()))

  def test_claude_code_works_as_with_the_other_strength(self):
    said = self.must_be_on_disk(self.clients.claude("[[demo secret cut=each]]"))
    self.assertIn("keep it safe.", readable(said))


class HandedTest(StrengthCase):
  def test_a_client_sees_what_the_recorder_has_though_it_is_not_on_disk(self):
    gate, watched = self.stream_beside_a_standing_recorder()
    watched.until("The end.")
    self.assertNotIn("The end.", self.released(gate))
    self.must_end_well(gate, watched)


if __name__ == "__main__":
  harness.main()
