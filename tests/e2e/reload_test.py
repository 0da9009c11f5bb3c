"""A policy that changes while a stream runs applies from the next event on, and one with a mistake changes nothing."""

import time
import unittest

import harness  # first: it makes tests/support importable
import agent
import clients
from upstream import scenario

SECRET = scenario.SECRETS["github"].encode()
PASSING = agent.POLICY.replace('action = "mask"', 'action = "pass"')


class ReloadTest(harness.AgentCase):
  def test_a_stricter_policy_masks_the_rest_of_a_running_stream(self):
    self.change_policy(PASSING)
    self.addCleanup(self.change_policy, agent.POLICY)
    gate = f"stricter{time.monotonic_ns()}"
    watched = clients.Watched(self.clients, f"[[demo two gate={gate}]]")
    watched.until("First")
    watched.until(SECRET.decode())
    self.change_policy(agent.POLICY)
    self.clients.open_gate(gate)
    self.assertEqual(watched.end(), 0)
    first, second = watched.seen.split(b"Second")
    self.assertIn(SECRET, first)
    self.assertNotIn(SECRET, second)
    self.assertIn(b"[MASKED:", second)

  def test_a_policy_with_a_mistake_is_refused_and_the_old_one_stays(self):
    change = self.change_policy(agent.POLICY + "\n[defualt]\nresponse = 'pass'\n", accepted=False)
    self.assertIn("defualt", change["outcome"])
    run = self.clients.curl_message("[[demo secret]]")
    self.assertNotIn(SECRET, run.stdout)
    self.assertIn(b"[MASKED:", run.stdout)
    self.change_policy(agent.POLICY + "\n# mended\n")


if __name__ == "__main__":
  harness.main()
