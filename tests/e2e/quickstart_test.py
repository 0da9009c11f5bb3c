"""packaging/quickstart as somebody runs it: it shows masks, notices a secret that comes through, and whatever ends it,
nothing stays behind but what was asked to be kept."""

import contextlib
import os
import pathlib
import re
import shlex
import signal
import subprocess
import tempfile
import unittest

import harness  # first: it makes tests/support importable
import agent
import clients
import sandbox

NAME = f"test-{os.getpid()}"  # swept with other leftovers if this test is killed
# Under nohup or in the background of a script some signals come ignored; here they shall not be.
COMMAND = ["env", "--default-signal", sandbox.SOURCE / "packaging/quickstart", "--built", harness.BUILD, "--name", NAME,
           "--short"]
CLIENTS = 5
UP = "are up after"


def is_running(pid):
  """False for a zombie too: one that was left to init is reaped when init likes to."""
  status = pathlib.Path(f"/proc/{pid}/status")
  return status.exists() and "State:\tZ" not in status.read_text()


def is_loaded(program):
  return subprocess.run(["bpftool", "prog", "show", "id", program], capture_output=True,
                        env=sandbox.CLEAN_ENVIRONMENT).returncode == 0


class QuickstartTest(unittest.TestCase):
  def setUp(self):
    self.addCleanup(sandbox.sweep, f"veilwire-{NAME}")
    self.group = sandbox.cgroup2_mount() / f"veilwire-{NAME}"

  def start(self, *arguments):
    """Returns once it is up, with what it runs by then."""
    process = subprocess.Popen([*COMMAND, *arguments], cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    self.addCleanup(process.stdout.close)
    self.addCleanup(process.kill)
    said = ""
    while UP not in said:
      line = process.stdout.readline()
      self.assertTrue(line, f"it ended early: {said}")
      said += line
    self.running = self.processes(), self.kernel_programs()
    return process

  def end(self, process, code):
    out, _ = process.communicate(timeout=120)
    self.assertEqual(process.returncode, code, out)
    return out

  def processes(self):
    return [int(pid) for file in self.group.rglob("cgroup.procs") for pid in file.read_text().split()]

  def kernel_programs(self):
    """The identifiers of the kernel programs that its processes hold."""
    found = set()
    for pid in self.processes():
      with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        for file in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
          with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
            found |= set(re.findall(r"^prog_id:\s*(\d+)", file.read_text(), re.MULTILINE))
    self.assertTrue(found, "no kernel program: the test shows nothing")
    return found

  def must_leave_nothing(self):
    processes, programs = self.running
    self.assertFalse(self.group.exists())
    self.assertFalse((sandbox.FOLDERS / self.group.name).exists())
    self.assertEqual(list(pathlib.Path("/run/netns").glob(f"{self.group.name}-*")), [])
    self.assertEqual(list(filter(is_running, processes)), [])
    # The kernel frees a program some time after the last process that holds it.
    clients.wait_until(lambda: not any(map(is_loaded, programs)), what="the end of the kernel programs")

  def every_client_saw_masks(self, out):
    self.assertIn(f"{CLIENTS} of {CLIENTS} clients saw masked text", out)
    self.assertEqual(len(re.findall(r"client saw .*\[MASKED:", out)), CLIENTS, out)

  def test_every_client_sees_masks_and_nothing_is_left(self):
    self.every_client_saw_masks(self.end(self.start(), 0))
    self.must_leave_nothing()

  def test_what_is_kept_works_as_printed_until_it_is_stopped(self):
    out = self.end(self.start("--keep"), 0)
    self.every_client_saw_masks(out)
    for title in ("Is it well", "What was recorded"):
      line = re.search(rf"^{title}: (.*)$", out, re.MULTILINE)[1]
      run = subprocess.run(shlex.split(line), capture_output=True, text=True)
      self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
    self.running = self.processes(), self.kernel_programs()
    stop = re.search(r"^End it: (.*)$", out, re.MULTILINE)[1]
    subprocess.run(shlex.split(stop), cwd=sandbox.SOURCE, check=True)
    self.must_leave_nothing()

  def test_it_fails_when_a_secret_comes_through_to_any_of_the_clients(self):
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as policy:
      policy.write(agent.POLICY.replace('action = "mask"', 'action = "pass"'))
      policy.flush()
      out = self.end(self.start("--policy", policy.name), 1)
    self.assertEqual(len(re.findall("^   LEAKED ", out, re.MULTILINE)), CLIENTS, out)
    self.must_leave_nothing()

  def test_a_signal_in_the_middle_ends_it_and_leaves_nothing(self):
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
      with self.subTest(signal=number.name):
        process = self.start()
        process.send_signal(number)
        self.end(process, 128 + number)
        self.must_leave_nothing()


if __name__ == "__main__":
  harness.main()
