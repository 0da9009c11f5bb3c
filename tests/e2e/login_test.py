"""Signing in with the veilwire command: a browser, another device, a build system's job, and the daemon restarted."""

import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

from identity_provider import IdentityProvider, Person, get  # noqa: E402

BINARIES = pathlib.Path(os.environ.get("VEILWIRE_BINARY_DIR", "build/dev")) / "bin"
PATIENCE = 20
UNSET = 2**32 - 1
NOBODY = 65534


def cgroup2():
  for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
    if " - cgroup2 " in line:
      return pathlib.Path(line.split()[4])
  return None


def within(seconds, holds):
  end = time.monotonic() + seconds
  while not holds():
    if time.monotonic() > end:
      raise AssertionError("it is never so")
    time.sleep(0.02)


class LoginTest(unittest.TestCase):
  @classmethod
  def setUpClass(cls):
    cls.idp = IdentityProvider()

  @classmethod
  def tearDownClass(cls):
    cls.idp.close()

  def setUp(self):
    self.folder = pathlib.Path(tempfile.mkdtemp(prefix="veilwire-login-"))
    self.folder.chmod(0o755)
    state = self.folder / "state"
    state.mkdir(mode=0o700)
    os.chown(state, NOBODY, NOBODY)
    self.config = self.folder / "agent.toml"
    self.config.write_text(f"""
[identity]
user = "{NOBODY}:{NOBODY}"
proxy_user = "root"
provider = "oidc"
issuer = "{self.idp.issuer}"
client_id = "workstation"
scopes = ["openid", "offline_access", "profile", "groups"]
redirect_path = "/signed-in"
runner_users = ["root"]
socket = "{self.folder}/identity.sock"
status_socket = "{self.folder}/status.sock"
people_socket = "{self.folder}/people.sock"
state_file = "{state}/sessions"
key_file = "{state}/sessions.key"
[[identity.account]]
subject = "alice"
uid = 0
[[identity.ci]]
name = "made up"
issuer = "{self.idp.issuer}"
audience = "workstation"
groups = ["deployers"]
display = "job of {{sub}}"
[[identity.ci.when]]
claim = ["sub"]
is = ["bob"]
""")
    self.daemon = None
    self.start()

  def tearDown(self):
    self.stop()
    subprocess.run(["rm", "-r", self.folder], check=True)

  def start(self):
    self.log = open(self.folder / "log", "a+")
    self.daemon = subprocess.Popen([BINARIES / "veilwire-identity", "--config", self.config], stderr=self.log)
    within(PATIENCE, lambda: self.daemon.poll() is not None or (self.folder / "log").read_text().count("people on") >
           getattr(self, "starts", 0))
    self.starts = getattr(self, "starts", 0) + 1
    self.assertIsNone(self.daemon.poll(), (self.folder / "log").read_text())

  def stop(self):
    self.daemon.send_signal(signal.SIGTERM)
    self.assertEqual(self.daemon.wait(PATIENCE), 0)
    self.log.close()

  def command(self, *arguments, **how):
    return subprocess.run([BINARIES / "veilwire", "--config", self.config, *arguments], capture_output=True, text=True,
                          timeout=60, **how)

  def login(self, name):
    """By a browser on this machine."""
    command = subprocess.Popen([BINARIES / "veilwire", "--config", self.config, "login", "--no-browser", "--json"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    address = ""
    while not address.startswith("http"):
      line = command.stderr.readline()
      self.assertTrue(line, "no address")
      address = line.strip()
    page = get(Person(name).visit(address))
    out, err = command.communicate(timeout=PATIENCE)
    return command.returncode, out, err, page

  def test_a_person_signs_in_is_known_after_a_restart_and_signs_out(self):
    before = self.command("whoami")
    self.assertEqual(before.returncode, 1)
    self.assertIn("nobody has signed in", before.stderr)

    code, out, err, page = self.login("alice")
    self.assertEqual(code, 0, err)
    self.assertIn("You are signed in", page)
    self.assertEqual(json.loads(out)["groups"], ["developers", "release"])

    self.stop()
    self.start()
    after = json.loads(self.command("whoami", "--json").stdout)
    self.assertEqual((after["subject"], after["method"], after["class"]), ("alice", "pkce", "human"))
    listed = json.loads(self.command("sessions", "--json").stdout)
    self.assertEqual([session["subject"] for session in listed], ["alice"])

    self.assertEqual(self.command("logout").returncode, 0)
    again = self.command("whoami")
    self.assertEqual(again.returncode, 1)
    self.assertIn("signed out", again.stderr)

  def test_who_owns_another_account_is_refused(self):
    code, _, err, page = self.login("bob")
    self.assertEqual(code, 1)
    self.assertIn("you are bob", err)
    self.assertIn("You are not signed in", page)

  def test_another_device_signs_in_and_an_operator_ends_it(self):
    command = subprocess.Popen([BINARIES / "veilwire", "--config", self.config, "login", "--device", "--json"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    shown = json.loads(command.stdout.readline())
    Person("alice").visit(shown["complete"])
    out, err = command.communicate(timeout=60)
    self.assertEqual(command.returncode, 0, err)
    self.assertEqual(json.loads(out)["method"], "device")
    self.assertIn(shown["code"], err)
    ended = self.command("sessions", "--revoke", "alice")
    self.assertEqual(ended.stdout, "1 sessions of alice ended\n")
    self.assertIn("revoked", self.command("whoami").stderr)

  def test_a_job_is_known_by_its_token_in_its_cgroup_alone(self):
    cgroup = cgroup2() / f"veilwire-login-{os.getpid()}.scope" / "job"
    cgroup.mkdir(parents=True)
    try:
      inside = {"preexec_fn": lambda: (cgroup / "cgroup.procs").write_text(str(os.getpid()))}
      token = self.idp.id_token("bob")
      attached = self.command("attach", "--ci", "--json", input=token, **inside)
      self.assertEqual(attached.returncode, 0, attached.stderr)
      job = json.loads(attached.stdout)
      self.assertEqual((job["class"], job["name"], job["groups"]), ("ci", "job of bob", ["deployers"]))
      self.assertEqual(json.loads(self.command("whoami", "--json", **inside).stdout)["class"], "ci")
      self.assertEqual(self.command("whoami").returncode, 1)
      other = self.command("attach", "--ci", input=self.idp.id_token("alice"), **inside)
      self.assertEqual(other.returncode, 1)
      self.assertIn("the job is refused", other.stderr)
      self.assertEqual(self.command("attach", "--ci", input="made.up.token", **inside).returncode, 1)
    finally:
      cgroup.rmdir()
      cgroup.parent.rmdir()

  def test_nothing_of_a_token_is_left_outside(self):
    self.login("alice")
    process = pathlib.Path(f"/proc/{self.daemon.pid}")
    limits = (process / "limits").read_text()
    self.assertRegex(limits, r"Max core file size\s+0\s+0")
    # Not dumpable: what belongs to the daemon's user is root's here.
    self.assertEqual((process / "mem").stat().st_uid, 0)
    within(PATIENCE, (self.folder / "state/sessions").exists)
    for path in [self.folder / "log", *(self.folder / "state").iterdir()]:
      data = path.read_bytes()
      self.assertNotIn(b"eyJ", data, f"a JWT in {path}")
      if path.parent.name == "state":
        self.assertNotIn(b"alice", data)
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)

  def test_without_a_daemon_the_command_says_what_to_do(self):
    self.stop()
    alone = self.command("whoami")
    self.assertEqual(alone.returncode, 3)
    self.assertIn("veilwire-identity does not run", alone.stderr)
    self.start()

  def test_help_is_for_each_command(self):
    for name in ("login", "logout", "whoami", "sessions", "attach"):
      self.assertIn("Exit code", self.command(name, "--help").stdout)
    self.assertEqual(self.command("attach").returncode, 2)


def main():
  if os.geteuid() != 0 or cgroup2() is None:
    print("SKIPPED: needs root and cgroup2")
    return 77
  # A login of its own, as a person has one.
  if int(pathlib.Path("/proc/self/loginuid").read_text()) == UNSET:
    pathlib.Path("/proc/self/loginuid").write_text("0")
  resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
  return 0 if unittest.main(argv=sys.argv, exit=False).result.wasSuccessful() else 1


if __name__ == "__main__":
  sys.exit(main())
