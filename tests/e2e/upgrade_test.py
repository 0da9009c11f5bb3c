"""What a package does when it takes an older one's place, as docs/upgrade.md says: every program ends and starts again
while people work. No connection is refused, and an answer that is under way comes to its end."""

import json
import signal
import threading
import time
import unittest

import harness  # first: it makes tests/support importable
import clients


class UpgradeTest(harness.AgentCase):
  config = {"proxy": {"drain_seconds": 20}}

  def setUp(self):
    super().setUp()
    self.over = threading.Event()
    self.calls = []
    self.caller = threading.Thread(target=self.call)

  def call(self):
    """One new connection after the other, as short ones as there are."""
    while not self.over.is_set():
      run = self.clients.curl_message("[[demo hello]]", "--max-time", "20")
      self.calls.append((run.returncode, run.stderr))

  def upgrade(self, gate):
    """systemctl restart veilwire.target: the proxy, which needs the others, ends first and starts last."""
    services = self.agent.services
    services["proxy"].take_messages()
    services["proxy"].signal(signal.SIGTERM)
    time.sleep(0.5)  # connections come while it waits for its last answer
    self.clients.open_gate(gate)
    self.assertEqual(services["proxy"].wait(30), 0, self.agent.logs())
    for name in ("recorder", "identity", "signer", "redirector"):
      self.agent.restart(name)
    services["proxy"].start()

  def test_every_program_starts_again_and_no_connection_is_refused(self):
    gate = f"upgrade{time.monotonic_ns()}"
    watched = clients.Watched(self.clients, f"[[demo two gate={gate}]]")
    watched.until("First")
    self.caller.start()
    try:
      clients.wait_until(lambda: len(self.calls) >= 3, what="some calls before")
      self.upgrade(gate)
      done = len(self.calls)
      clients.wait_until(lambda: len(self.calls) >= done + 3, what="some calls after")
    finally:
      self.over.set()
      self.caller.join()
    self.assertEqual(watched.end(), 0, self.agent.logs())
    self.assertIn(b"Second", watched.seen)
    self.assertEqual([call for call in self.calls if call[0]], [], self.agent.logs())
    listed = json.loads(self.agent.ctl("audit", "--ledger", self.agent.ledger, "list", "--json").stdout)
    self.assertEqual({row["outcome"] for row in listed if row["outcome"]}, {"complete"})


if __name__ == "__main__":
  harness.main()
