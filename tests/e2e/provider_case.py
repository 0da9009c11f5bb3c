"""The whole agent where people sign in at a real identity provider, and alice has."""

import contextlib
import fcntl
import json
import os
import pathlib
import subprocess
import tempfile
import time
import urllib.parse

import harness  # first: it makes tests/support importable
import agent
import clients
import identity_provider
import sandbox

ALICE = {"name": "alice", "groups": ["developers", "release"], "gone": False}
FRESH = 3  # seconds
POLICY = agent.POLICY.replace("[[action]]", """\
[[action]]
category = "secret"
group = "release"
action = "pass"
[[action]]""", 1)
UNSET = 2**32 - 1


class Provider(identity_provider.IdentityProvider):
  """In the sandbox, where the agent reaches it."""

  def __init__(self, box):
    self.box = box
    # Outside the folders of the agent: what it keeps has tokens in it.
    self._folder = tempfile.TemporaryDirectory(prefix="veilwire-provider-", dir="/var/tmp")
    super().__init__(f"{self._folder.name}/kept")

  def _popen(self, command, **options):
    return self.box.popen(command, where="direct", **options)

  def _post(self, address, body):
    data = body if isinstance(body, bytes) else urllib.parse.urlencode(body).encode()
    run = self.box.run(["curl", "-sS", "--fail", "--data-binary", "@-", address], where="direct", input=data)
    if run.returncode:
      raise sandbox.SandboxError(run.stderr.decode())
    return run.stdout.decode()

  def visit(self, name, address):
    """Somebody signs in with a browser; what it shows in the end."""
    person = identity_provider.FOLDER / "idp/person.py"
    end = self.box.run([sandbox.PYTHON, "-B", person, name, address], where="direct").stdout.decode().strip()
    return self.box.run(["curl", "-sS", end], where="direct").stdout.decode()

  def tokens(self):
    """All that it has given, by what they are."""
    return {f"{kind} {number}": answer[kind] for number, answer in enumerate(json.loads(self.tell("tokens")))
            for kind in ("access_token", "refresh_token", "id_token") if kind in answer}

  def remove(self):
    self.close()
    self._folder.cleanup()


LOGINUID = pathlib.Path("/proc/self/loginuid")


class SigningAgent(agent.Agent):
  def _config(self):
    return super()._config() + f"""
[[identity.account]]
subject = "alice"
uid = 0
[[identity.ci]]
name = "made up"
issuer = "{self._overrides['identity']['issuer']}"
audience = "workstation"
groups = ["deployers"]
display = "job of {{sub}}"
[[identity.ci.when]]
claim = ["sub"]
is = ["bob"]
[[identity.machine]]
name = "nightly import"
units = ["/{self.box.name}/{self.box.attach_cgroup.name}"]
client_id = "import"
client_authentication = "private_key_jwt"
client_key_file = "{self.machine_key}"
client_key_id = "one"
scopes = ["profile"]
resource = "https://veilwire.test"
audience = "https://veilwire.test"
"""

  @property
  def machine_key(self):
    return self.box.folder / "state/identity/import.key"


@contextlib.contextmanager
def as_a_service():
  """What starts meanwhile belongs to no login."""
  LOGINUID.write_text(str(UNSET))
  try:
    yield
  finally:
    LOGINUID.write_text("0")  # a login of its own, as a person has one


class ProviderCase(harness.AgentCase):
  """Alice has signed in."""

  agent_class = SigningAgent
  policy = POLICY
  cached = 600  # seconds

  @classmethod
  def setUpClass(cls):
    harness.SandboxCase.setUpClass.__func__(cls)
    cls.provider = Provider(cls.box)
    cls.addClassCleanup(cls.provider.remove)
    folder = cls.box.folder
    cls.agent = cls.agent_class(cls.box, harness.BUILD, cls.policy, identity={
        "provider": "oidc", "issuer": cls.provider.issuer, "client_id": "workstation", "runner_users": ["root"], "redirect_path": "/signed-in",
        "scopes": ["openid", "offline_access", "profile", "groups"], "fresh_seconds": FRESH, "cached_seconds": cls.cached,
        "hold_seconds": 0, "people_socket": str(folder / "run/identity/people.sock"),
        "state_file": str(folder / "state/identity/sessions"),
        "key_file": str(folder / "state/identity/sessions.key")})
    cls.addClassCleanup(cls.agent.stop)
    key = pathlib.Path(cls.provider.tell("machine")) / "assertion.key"
    cls.agent.machine_key.write_bytes(cls.box.run(["cat", key], where="direct").stdout)
    cls.agent.machine_key.chmod(0o400)
    os.chown(cls.agent.machine_key, agent.USERS["identity"], agent.USERS["identity"])
    cls.agent.start()

  def setUp(self):
    super().setUp()
    self.login = self.sign_in()

  def sign_in(self):
    """The command has heard that it is done, and cannot print it: so it stays for now."""
    out, full = os.pipe()
    size = fcntl.fcntl(full, fcntl.F_SETPIPE_SZ, 4096)
    os.write(full, bytes(size))
    login = self.box.popen([self.agent.programs / "veilwire", "--config", self.agent.config_file, "login",
                            "--no-browser", "--json"], stdout=full, stderr=subprocess.PIPE, text=True)
    os.close(full)
    self.addCleanup(os.close, out)
    self.addCleanup(login.kill)
    address = ""
    while not address.startswith("http"):
      address = login.stderr.readline().strip()
    self.assertIn("You are signed in", self.provider.visit("alice", address))
    clients.wait_until(lambda: "pipe" in pathlib.Path(f"/proc/{login.pid}/wchan").read_text(), what="a full pipe")
    return login

  def ask(self, prompt="[[demo hello]]"):
    self.assertIn("message_stop", self.must_succeed(self.clients.curl_message(prompt)))

  def person_of(self, marker):
    heads = clients.wait_until(lambda: [record for record in self.exchange_with(marker)
                                        if record["kind"] == "request.head"], what="the record")
    return heads[0]["person"]

  def standing(self):
    """Of who asks now, as it is recorded."""
    marker = f"at{time.monotonic_ns()}"
    self.ask(f"[[demo hello]] {marker}")
    return self.person_of(marker)["standing"]

  def running_stream(self):
    """Of alice, who may see secrets, in the middle; and its gate."""
    self.addCleanup(self.provider.tell, "person", **ALICE)
    gate = f"provider{time.monotonic_ns()}"
    self.addCleanup(self.clients.open_gate, gate)
    watched = clients.Watched(self.clients, f"[[demo two gate={gate}]]")
    watched.until("ghp_")
    return watched, gate

  def change_in(self, gate):
    return [record for record in self.exchange_with(gate) if record["kind"] == "identity.change"]


def main():
  if os.geteuid() == 0 and int(LOGINUID.read_text()) == UNSET:
    LOGINUID.write_text("0")  # a login of its own, as a person has one
  harness.main()
