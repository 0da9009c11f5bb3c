"""What somebody gets who has taken one of the programs over: no other program, no other process, and none of the calls
that have been a way into the kernel. Each is made from inside of the running program (tests/support/injected.py), where
nothing but its own filter of system calls refuses it: no unit is around it here.
"""

import pathlib
import subprocess
import unittest

import harness  # first: it makes tests/support importable
import agent
import clients
import injected
import saml_test

CLOCK_NANOSLEEP = 230  # on x86-64, as everything that is injected


def read(path):
  return pathlib.Path(path).read_text()


class InjectedTest(unittest.TestCase):
  """What the others rely on: who has no filter is refused nothing."""

  def start(self, *command):
    process = subprocess.Popen(command)
    self.addCleanup(process.wait)
    self.addCleanup(process.kill)
    clients.wait_until(lambda: self.is_asleep(process.pid), what="its sleep")
    return process

  def is_asleep(self, pid):
    """It is another program than ours, whole, and waits."""
    return "libc.so.6" in read(f"/proc/{pid}/maps") and read(f"/proc/{pid}/syscall").startswith(f"{CLOCK_NANOSLEEP} ")

  def test_a_program_without_a_filter_can_be_made_to_do_all_of_it(self):
    process = self.start("sleep", "60")
    for name, arguments in injected.BAD.items():
      self.assertNotIn(injected.call(process.pid, name, *arguments), (0, injected.REFUSED[name]), name)
    self.assertIsNone(process.poll())
    self.assertEqual(injected.start_true(process.pid), 0)
    self.assertEqual(process.wait(10), 0)

  def test_it_goes_on_with_what_it_was_at(self):
    process = self.start("sleep", "1")
    injected.call(process.pid, "keyctl", -1)
    self.assertEqual(process.wait(10), 0)


class TakenOver:
  def nothing_is_gained(self, *names):
    self.assertLessEqual(set(names), set(self.agent.services))
    for name in names:
      with self.subTest(name):
        pid = self.agent.services[name].process.pid
        self.assertEqual(injected.states(pid), {("2", "1")}, "Seccomp and NoNewPrivs of its threads")
        self.assertEqual(injected.taken_over(pid), injected.REFUSED)


class AgentTest(TakenOver, harness.AgentCase):
  config = {"credentials": {"source": [{"name": "api", "kind": "file", "path": "/nonexistent"}]},
            "forwarder": {}, "metrics": {"listen": "127.0.0.1:9469"}}

  def test_no_program_starts_another_or_reaches_another_process(self):
    self.nothing_is_gained("redirector", "signer", "identity", "recorder", "proxy", "credentials", "forwarder",
                           "metrics")
    self.assertEqual(set(self.agent.services) - {"saml"}, {*agent.ORDER, "credentials", "forwarder", "metrics"})
    self.assertIn("message_stop", self.must_succeed(self.clients.curl_message("[[demo hello]]")))


class CommandTest(harness.AgentCase):
  """Where a credential comes from a program, this has to be started; what is left is the unit's filter."""

  config = {"credentials": {"source": [{"name": "api", "kind": "command", "command": ["/bin/echo", "sk-ant-said"]}]}}

  def all_must_run(self):
    self.assertEqual(self.agent.not_running(), ["credentials"])

  def test_it_can_start_programs_without_new_privileges(self):
    process = self.agent.services["credentials"].process
    self.assertEqual(injected.states(process.pid), {("0", "1")})
    self.assertEqual(injected.start_true(process.pid), 0)
    self.assertEqual(process.wait(10), 0)


class SamlTest(TakenOver, saml_test.SamlCase):
  def test_the_reader_of_saml_and_who_asks_it_start_nothing(self):
    self.nothing_is_gained("saml", "identity")
    self.sign_in()
    self.assertTrue(self.passes())


if __name__ == "__main__":
  harness.main()
