"""kill -9 of each program in the middle of a stream: no secret gets out, what can go on goes on, and what was running
before works again once the program is back."""

import json
import signal
import time
import unittest

import harness  # first: it makes tests/support importable
import clients
from upstream import scenario

SECRET = scenario.SECRETS["github"]
SURVIVE = ("redirector", "signer", "identity", "recorder")


class CrashTest(harness.AgentCase):
  config = {"proxy": {"drain_seconds": 4}}

  def setUp(self):
    super().setUp()
    self.gate = f"crash{time.monotonic_ns()}"

  def running_stream(self):
    watched = clients.Watched(self.clients, f"[[demo two gate={self.gate}]]")
    watched.until("[MASKED:")
    return watched

  def must_work(self):
    run = self.clients.curl_message("[[demo secret]]")
    self.must_not_leak(run, SECRET)
    self.assertIn("[MASKED:", self.must_succeed(run))

  def test_a_stream_goes_on_when_another_program_than_the_proxy_is_killed_and_started_again(self):
    for name in SURVIVE:
      with self.subTest(killed=name):
        self.gate = f"{name}{time.monotonic_ns()}"
        watched = self.running_stream()
        self.agent.kill(name)
        self.agent.services[name].start()
        self.clients.open_gate(self.gate)
        self.assertEqual(watched.end(), 0, self.agent.logs())
        self.assertIn(b"The end.", watched.seen)
        self.assertNotIn(SECRET.encode(), watched.seen)
        self.assertEqual(watched.seen.count(b"[MASKED:"), 2)
        self.must_work()

  def test_new_connections_are_redirected_while_the_redirector_is_dead(self):
    self.agent.kill("redirector")
    self.addCleanup(self.agent.services["redirector"].start)
    self.must_work()

  def test_a_stream_waits_for_a_recorder_that_is_dead_and_no_record_is_lost(self):
    watched = self.running_stream()
    self.agent.kill("recorder")
    self.clients.open_gate(self.gate)
    self.agent.services["recorder"].start()
    self.assertEqual(watched.end(), 0, self.agent.logs())
    # Commits come in groups, so the last one may still be on its way.
    clients.wait_until(lambda: "exchange.close" in [r["kind"] for r in self.exchange_with(self.gate)], what="the last record")
    self.assertEqual(self.released(self.gate).encode(), watched.seen)

  def test_a_killed_proxy_cuts_its_streams_with_an_error_and_leaks_nothing(self):
    watched = self.running_stream()
    self.agent.kill("proxy")
    self.assertNotEqual(watched.end(), 0)
    self.assertNotIn(SECRET.encode(), watched.seen)
    self.agent.services["proxy"].start()
    self.must_work()

  def test_the_ledger_says_what_a_killed_proxy_left_open(self):
    watched = self.running_stream()
    self.agent.kill("proxy")
    watched.end()
    self.agent.services["proxy"].start()
    self.ends_as(self.gate, "proxy gone")

  def test_the_ledger_says_so_too_when_the_recorder_was_killed_with_the_proxy(self):
    watched = self.running_stream()
    clients.wait_until(lambda: self.released(self.gate), what="the record of what was seen")
    self.agent.kill("recorder")
    self.agent.kill("proxy")
    watched.end()
    self.agent.services["recorder"].start()
    self.agent.services["proxy"].start()
    self.ends_as(self.gate, "proxy gone")

  def test_a_proxy_that_is_told_to_stop_says_how_its_streams_ended(self):
    watched = self.running_stream()
    self.agent.restart("proxy")
    self.assertNotEqual(watched.end(), 0)
    self.ends_as(self.gate, "agent stopped")
    self.assertEqual(self.released(self.gate).encode(), watched.seen)
    session = self.exchange_with(self.gate)[0]["session"]
    self.assertEqual([r["reason"] for r in self.records("session.close") if r["session"] == session],
                     ["agent stopped"])

  def test_an_answer_under_way_ends_before_a_proxy_that_is_told_to_stop(self):
    watched = self.running_stream()
    proxy = self.agent.services["proxy"]
    proxy.take_messages()
    proxy.signal(signal.SIGTERM)
    self.clients.open_gate(self.gate)
    self.assertEqual(watched.end(), 0, self.agent.logs())
    self.assertIn(b"The end.", watched.seen)
    self.assertEqual(proxy.wait(), 0, self.agent.logs())
    proxy.start()
    self.ends_as(self.gate, "complete")

  def test_a_proxy_that_is_told_to_stop_waits_until_all_that_was_seen_is_on_disk(self):
    watched = self.running_stream()
    recorder, proxy = self.agent.services["recorder"], self.agent.services["proxy"]
    recorder.signal(signal.SIGSTOP)  # what it is handed now is lost with it
    self.clients.open_gate(self.gate)
    self.assertEqual(watched.end(), 0, self.agent.logs())
    self.agent.kill("recorder")
    self.assertNotIn("The end.", self.released(self.gate))
    proxy.take_messages()
    proxy.signal(signal.SIGTERM)
    recorder.start()
    self.assertEqual(proxy.wait(), 0, self.agent.logs())
    proxy.start()
    self.ends_as(self.gate, "complete")
    self.assertEqual(self.released(self.gate).encode(), watched.seen)

  def ends_as(self, prompt, outcome):
    """What `audit list` and `audit show` say of the exchange with this prompt, in the end."""
    asked = clients.wait_until(lambda: self.exchange_with(prompt), what="the record of the request")[0]
    name = f"{asked['session']}.{asked['exchange']}"

    def listed():
      rows = json.loads(self.agent.ctl("audit", "list", "--json", "--ledger", self.agent.ledger).stdout)
      return [row["outcome"] for row in rows if row["id"] == name]
    clients.wait_until(lambda: listed() == [outcome], seconds=20, what=f"the outcome {outcome!r}")
    self.assertIn(outcome, self.agent.ctl("audit", "show", name, "--ledger", self.agent.ledger).stdout)

  def test_nothing_passes_uninspected_while_the_proxy_is_dead(self):
    self.agent.kill("proxy")
    try:
      run = self.clients.curl_message("[[demo secret]]", "--max-time", "3")
      self.must_not_leak(run, SECRET)
      self.assertNotEqual(run.returncode, 0)
      self.assertEqual(self.box.upstream_log("request"), [])
    finally:
      self.agent.services["proxy"].start()
    self.must_work()

  def test_connects_wait_while_the_proxy_restarts_in_an_orderly_way(self):
    failures = []
    for _ in range(3):
      before = self.clients.curl_message("[[demo hello]]")
      self.agent.restart("proxy")
      after = self.clients.curl_message("[[demo hello]]")
      failures += [run.stderr for run in (before, after) if run.returncode]
    self.assertEqual(failures, [])

  def test_the_record_of_a_cut_stream_holds_all_that_the_client_saw(self):
    watched = self.running_stream()
    self.agent.kill("proxy")
    watched.end()
    self.agent.services["proxy"].start()
    clients.wait_until(lambda: self.released(self.gate).startswith(watched.seen.decode()), what="what the client saw")
    self.assertNotIn(SECRET, json.dumps(self.records()))


if __name__ == "__main__":
  harness.main()
