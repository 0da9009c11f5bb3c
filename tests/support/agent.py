"""The agent's programs in a sandbox: configured, started in order, observed, killed and restarted. veilwire-credentials,
veilwire-forwarder and veilwire-metrics are among them where their tables are given.

Each runs as a user of its own, as on an installed host, below the cgroup that the kernel programs are attached to.
"""

import collections
import contextlib
import ctypes
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import tomllib

import sandbox as sandboxes
from service_manager import Service

SOURCE = pathlib.Path(__file__).resolve().parents[2]
USERS = {"signer": 64002, "identity": 64003, "recorder": 64004, "proxy": 64001, "credentials": 64005, "forwarder": 64006,
         "metrics": 64007}
ORDER = ("redirector", "signer", "identity", "recorder", "proxy")

POLICY = """\
ports = [443]
[[host]]
name = "api.anthropic.com"
speaks = "anthropic"
[[host]]
name = "mcp.example.com"
speaks = "mcp"
[rules]
packs = ["rules/cloud.toml", "rules/source-hosts.toml", "rules/ai.toml", "rules/communication.toml",
         "rules/payment.toml", "rules/services.toml", "rules/data.toml", "rules/formats.toml", "rules/generic.toml"]
[[action]]
category = "secret"
action = "mask"
"""


def to_toml(value):
  """On one line, tables included."""
  if isinstance(value, dict):
    return "{" + ", ".join(f"{key} = {to_toml(inner)}" for key, inner in value.items()) + "}"
  if isinstance(value, list):
    return "[" + ", ".join(map(to_toml, value)) + "]"
  return json.dumps(value)


def unpacked(text):
  """What a text of the ledger is that is stored as zstd; by the library, since Python 3.11 has nothing for it."""
  library = ctypes.CDLL("libzstd.so.1")
  library.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
  library.ZSTD_decompress.restype = ctypes.c_size_t
  size = library.ZSTD_getFrameContentSize(text, ctypes.c_size_t(len(text)))
  out = ctypes.create_string_buffer(size)
  got = library.ZSTD_decompress(out, ctypes.c_size_t(size), text, ctypes.c_size_t(len(text)))
  if got != size:
    raise ValueError("a text of the ledger cannot be unpacked")
  return out.raw


class Agent:
  environment = {}  # of programs, by name

  def __init__(self, box, build, policy=POLICY, **overrides):
    self.box = box
    self.programs = pathlib.Path(build).resolve() / "bin"
    self.policy_file = box.folder / "policy" / "policy.toml"
    self.config_file = box.folder / "etc/agent.toml"
    self.ledger = box.folder / "state/recorder/ledger.db"
    self.authority = box.folder / "ca/ca.pem"
    self.authority_key = box.folder / "state/signer/ca.key"
    self.site_key = box.folder / "state/proxy/site.key"
    self.services = {}
    self._overrides = overrides
    # Those that the proxy asks come before it.
    before, *after = (tuple({name} & overrides.keys()) for name in ("credentials", "forwarder", "metrics"))
    self.order = (*ORDER[:-1], *before, ORDER[-1], *after[0], *after[1])
    self._prepare(policy)

  def missing(self):
    """The programs that have not been built."""
    return [name for name in self.order if not (self.programs / f"veilwire-{name}").exists()]

  def _socket(self, name):
    return str(self.box.folder / "run" / name.split("-")[0] / f"{name}.sock")

  def _config(self):
    # What is installed, with places and users of the sandbox: so every key that ships is one that programs know.
    tables = tomllib.loads((SOURCE / "packaging/agent.toml").read_text())
    asked = [name for name in self.order if name not in ("proxy", "forwarder", "metrics")]
    delivery = self.box.folder / "run/recorder/delivery.sock"
    changes = {
        "redirector": {"cgroup": str(self.box.attach_cgroup), "proxy_cgroup": str(self.box.agent_cgroup),
                       "pin_directory": str(self.box.folder / "bpf/veilwire"), "ports": [443],
                       "proxy_user": self._user("proxy"), "status_socket": self._socket("redirector-status")},
        "signer": {"user": self._user("signer"), "proxy_user": self._user("proxy"),
                   "certificate": str(self.authority), "key": str(self.authority_key),
                   "status_socket": self._socket("signer-status")},
        "identity": {"user": self._user("identity"), "proxy_user": self._user("proxy"),
                     "status_socket": self._socket("identity-status")},
        "recorder": {"user": self._user("recorder"), "writers": [self._user("proxy")], "database": str(self.ledger),
                     "delivery_socket": str(delivery), "readers": [self._user("forwarder")],
                     "status_socket": self._socket("recorder-status")},
        "proxy": {"user": self._user("proxy"), "policy": str(self.policy_file), "site_key": str(self.site_key),
                  "internal_ca": str(self.authority), "status_socket": self._socket("proxy-status"),
                  "drain_seconds": 1,  # a stream that a test has left open holds nobody up
                  "live_socket": self._socket("proxy-live"), "metrics_socket": self._socket("proxy-metrics"),
                  **{f"{name}_socket": self._socket(name) for name in asked}},
        "credentials": {"user": self._user("credentials"), "proxy_user": self._user("proxy"),
                        "internal_ca": str(self.authority), "status_socket": self._socket("credentials-status")},
        "forwarder": {"user": self._user("forwarder"), "internal_ca": str(self.authority),
                      "recorder_socket": str(delivery),
                      "status_socket": self._socket("forwarder-status")},
        "metrics": {"user": self._user("metrics")},
    }
    for name in changes.keys() - {"metrics"}:
      changes[name]["metrics_readers" if name == "proxy" else "status_readers"] = [self._user("metrics")]
    for name in asked:
      changes[name]["socket"] = self._socket(name)
    for values_of in (changes, self._overrides):
      for name, values in values_of.items():
        tables[name].update(values)
    return "".join(f"[{name}]\n" + "".join(f"{key} = {to_toml(value)}\n" for key, value in values.items()) + "\n"
                   for name, values in tables.items())

  def _user(self, name):
    return f"{USERS[name]}:{USERS[name]}"

  def _prepare(self, policy):
    for name in self.order:
      uid = USERS.get(name, 0)
      for folder, mode in ((self.box.folder / "state" / name, 0o700), (self.box.folder / "run" / name, 0o755)):
        folder.mkdir(mode=mode)
        os.chown(folder, uid, uid)
    self.site_key.write_bytes(os.urandom(32))
    self.site_key.chmod(0o400)
    os.chown(self.site_key, USERS["proxy"], USERS["proxy"])
    self.policy_file.parent.mkdir(mode=0o755)
    shutil.copytree(SOURCE / "policies/rules", self.policy_file.parent / "rules", copy_function=shutil.copyfile)
    for pack in (self.policy_file.parent / "rules").iterdir():
      pack.chmod(0o644)  # whatever the clone's umask
    self.write_policy(policy)
    self.config_file.write_text(self._config())
    self._make_authority()

  def _make_authority(self):
    """As at set-up: an authority constrained to the hosts of the policy, its key for the signer alone."""
    hosts = [word for name in (sandboxes.API, sandboxes.TOOLS) for word in ("--host", name)]
    run = subprocess.run([self.programs / "veilwire-signer", "make-ca", "--out-dir", self.authority.parent,
                          "--key-dir", self.box.folder / "state/signer", "--owner", self._user("signer"), *hosts],
                         capture_output=True, text=True)
    if run.returncode:
      raise sandboxes.SandboxError(run.stderr)
    self.box.trust(self.authority)

  def write_policy(self, text):
    """Replaces the policy as an editor does: a new file renamed over the old one."""
    fresh = self.policy_file.with_suffix(".new")
    fresh.write_text(text)
    fresh.chmod(0o644)
    fresh.rename(self.policy_file)

  # --- life ---

  def start(self):
    for name in self.order:
      self.start_one(name)

  def start_one(self, name):
    if name not in self.services:
      run = ["run"] if name == "redirector" else []
      command = [self.programs / f"veilwire-{name}", *run, "--config", self.config_file]
      self.services[name] = self.service(name, command, USERS.get(name, 0))
    self.services[name].start()

  def service(self, name, command, uid):
    return Service(self.box, name, command, uid=uid, env=self.environment.get(name))

  def kill(self, name):
    """As the kernel does for want of memory: no warning, no clean-up."""
    self.services[name].take_messages()
    self.services[name].signal(signal.SIGKILL)
    self.services[name].wait()

  def restart(self, name):
    if self.services[name].running():
      self.services[name].take_messages()
      self.services[name].signal(signal.SIGTERM)
      self.services[name].wait()
    self.services[name].start()

  def stop(self):
    for name in reversed(self.order):
      service = self.services.get(name)
      if service and service.running():
        service.signal(signal.SIGTERM)
        service.wait()
    for service in self.services.values():
      service.close()

  def not_running(self):
    return [name for name, service in self.services.items() if not service.running()]

  def logs(self):
    return "".join(f"--- {name}\n{service.tail()}\n" for name, service in self.services.items())

  # --- the evidence ---

  def ctl(self, *arguments, timeout=60):
    """The veilwire command, as an operator runs it."""
    return subprocess.run([self.programs / "veilwire", *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout, stdin=subprocess.DEVNULL)

  def program(self, name, *arguments):
    """What another of the programs writes as a command; raises when it fails."""
    run = subprocess.run([self.programs / f"veilwire-{name}", *map(str, arguments)], capture_output=True, text=True,
                         timeout=60, stdin=subprocess.DEVNULL)
    if run.returncode:
      raise sandboxes.SandboxError(run.stderr)
    return run.stdout

  def status(self, name):
    """What a program says about itself."""
    document = json.loads(self.ctl("--config", self.config_file, "status", "--json").stdout)
    return document["programs"][name].get("report", {})

  def written(self):
    """All records as bytes; in the ledger's file the texts of requests are packed."""
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in self.records()).encode()

  def records(self, kind=None):
    """Every committed record, in order of arrival. Read from the ledger itself, so that no program of ours can
    leave one out."""
    if not self.ledger.exists():
      return []
    found = []
    with contextlib.closing(sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True, timeout=10)) as database:
      pieces = collections.defaultdict(bytes)
      for record, text, packed in database.execute(
          "SELECT record, text, packed FROM pieces JOIN contents ON contents.id = content ORDER BY record, place"):
        pieces[record] += unpacked(text) if packed else text
      for number, text, at in database.execute("SELECT id, bytes, content_at FROM records ORDER BY id"):
        record = json.loads(text if at is None else text[:at] + pieces[number] + text[at:])
        if kind in (None, record["kind"]):
          found.append(record)
    return found
