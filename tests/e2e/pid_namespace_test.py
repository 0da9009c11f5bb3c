"""The whole agent and its clients in a PID namespace of their own, as in a container: nothing there has the number that the
kernel knows it by. A real client is masked, and everybody says the number that is true in there; the initial namespace's
is in the record beside it."""

import json
import os
import pathlib
import subprocess
import sys
import unittest

import harness  # first: it makes tests/support importable
import clients
import sandbox
from status_test import ALICE, StatusTest
from upstream import scenario

OWNER = "VEILWIRE_TEST_OWNER"  # this process's number outside: a sandbox is named after its owner
SECRET = scenario.SECRETS["github"]


class PidNamespaceTest(harness.AgentCase):
  @classmethod
  def make_box(cls):
    return sandbox.Sandbox(f"{sandbox.PREFIX}{os.environ[OWNER]}")

  def test_a_real_client_is_masked_and_its_process_is_named_in_both_ways(self):
    run = self.clients.claude("[[demo secret cut=each]]", uid=ALICE)
    self.must_not_leak(run, SECRET)
    result = json.loads(self.must_succeed(run).splitlines()[-1])["result"]
    self.assertRegex(result, r"The deployment token is \[MASKED:[^]]+\], keep it safe\.")
    peers = [record["peer"] for record in self.records("session.open") if record["handling"] == "intercepted"]
    self.assertTrue(peers)
    for peer in peers:
      self.assertGreater(peer["kernel_tgid"], 0)
      self.assertNotEqual(peer["kernel_tgid"], peer["tgid"])

  def test_the_record_of_a_process_has_the_number_that_we_know_it_by(self):
    watched = clients.Watched(self.clients, "[[demo two gate=record]]", uid=ALICE)
    watched.until("[MASKED:")
    self.clients.open_gate("record")
    self.assertEqual(watched.end(), 0)
    peers = [record["peer"] for record in self.records("session.open") if record["peer"]["tgid"] == watched.pid]
    self.assertEqual([(peer["comm"], peer["uid"]) for peer in peers], [("curl", ALICE)])


class StatusInThereTest(StatusTest):
  """What the agent says about processes, and how it reads /proc, is all as elsewhere."""

  make_box = PidNamespaceTest.make_box


del StatusTest  # its own case runs in the initial namespace


def main():
  if OWNER in os.environ:
    return unittest.main(verbosity=2)
  reason = sandbox.why_impossible()
  if reason:
    print(f"SKIPPED: {reason}")
    return sys.exit(harness.SKIPPED)
  sandbox.sweep_leftovers()
  name = f"{sandbox.PREFIX}{os.getpid()}"
  try:
    inside = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, "-B",
                             pathlib.Path(__file__).resolve(), *sys.argv[1:]], env={**os.environ, OWNER: str(os.getpid())})
  finally:
    sandbox.sweep(name)
  return sys.exit(inside.returncode)


if __name__ == "__main__":
  main()
