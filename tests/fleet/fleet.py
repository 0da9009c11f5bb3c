"""Many hosts and one centre on one machine.

    centre  198.51.100.1  --- a veth each ---  203.0.113.1, .2, .3, ...  hosts

A host is a network namespace with nothing but its way to the centre, and a machine-id of its own; programs run there as
their users, from configuration as it is installed. What collects runs in the centre. Nothing has a route beyond. Links are
gone with their namespaces, those with the last process in them, and all of these are in cgroups named after this process as
a sandbox's is: what a crash has left is swept by whatever makes a sandbox next.
"""

import os
import pathlib
import subprocess

import agent
import certificates
import clients
import sandbox
from own_postgres import OwnPostgres
from service_manager import Service

COLLECTOR, WITNESS = "collector.example.com", "witness.example.com"
CENTRE = "198.51.100.1"
OTLP_PORT, WITNESS_PORT = 4318, 8443
WITNESS_NAME = "witness.example/1"
RECORDER = {"checkpoint_seconds": 1, "reserved_mib": 1}


def ip(keeper, *lines):
  """ip(8) in the namespaces of a process."""
  run = subprocess.run([*sandbox.entered(keeper), "ip", "-batch", "-"], input="\n".join(lines), capture_output=True,
                       text=True)
  if run.returncode:
    raise sandbox.SandboxError(run.stderr)


class Place:
  """Namespaces of its own, held by a process that sleeps; Service's box."""

  def __init__(self, fleet, name, binds):
    self.fleet = fleet
    self.name = name
    self.folder = fleet.folder / name
    self.folder.mkdir(mode=0o755)
    for part in ("logs", "run", "state"):
      (self.folder / part).mkdir(mode=0o755)
    lines = [f"mount --bind {source} $(readlink -f {target})" for target, source in binds.items()]
    self.keeper = fleet.spawn(["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c",
                               "; ".join(["set -e", *lines, "ip link set lo up", "echo ready", "exec sleep infinity"])],
                              stdout=subprocess.PIPE)
    if self.keeper.stdout.readline() != b"ready\n":
      raise sandbox.SandboxError(f"{name} could not be made")

  def popen(self, command, *, where=None, uid=0, env=None, capabilities=True, **options):
    return self.fleet.spawn([*sandbox.entered(self.keeper), *sandbox.become(uid, env, "/", capabilities), *command],
                            **options)

  def ip(self, *lines):
    ip(self.keeper, *lines)


class Way:
  """A host's only way to the centre, which can be taken away."""

  def __init__(self, fleet, name, number, keeper):
    self.fleet = fleet
    self.name = name
    self.address = f"203.0.113.{number + 1}"
    fleet.centre.ip(f"link add {name} type veth peer name fleet0 netns {keeper.pid}")
    self.up()
    ip(keeper, f"addr add {self.address}/32 dev fleet0", "link set fleet0 up",
       f"route add {CENTRE} dev fleet0 src {self.address}")

  def up(self):
    self.fleet.centre.ip(f"link set {self.name} up", f"route add {self.address} dev {self.name}")

  def down(self):
    self.fleet.centre.ip(f"link set {self.name} down")  # the route goes with it


class Host(Place):
  """A recorder and a forwarder; what its proxy would record comes from elsewhere."""

  def __init__(self, fleet, number):
    self.machine_id = os.urandom(16).hex()
    name = f"h{number:02}"
    id_file = fleet.folder / f"{name}.machine-id"
    id_file.write_text(self.machine_id + "\n")
    super().__init__(fleet, name, {"/etc/machine-id": id_file, "/etc/hosts": fleet.folder / "hosts"})
    self.way = Way(fleet, name, number, self.keeper)
    self.ledger = self.folder / "state/recorder/ledger.db"
    self.socket = self.folder / "run/recorder/recorder.sock"
    self.config = self.folder / "agent.toml"
    self._configure()
    self.services = {program: Service(self, program, [fleet.programs / f"veilwire-{program}", "--config", self.config],
                                      uid=agent.USERS[program]) for program in ("recorder", "forwarder")}

  def _configure(self):
    for program in ("recorder", "forwarder"):
      uid = agent.USERS[program]
      for folder, mode in ((self.folder / "state" / program, 0o700), (self.folder / "run" / program, 0o755)):
        folder.mkdir(mode=mode)
        os.chown(folder, uid, uid)
    user = {program: f"{uid}:{uid}" for program, uid in agent.USERS.items()}
    delivery = str(self.folder / "run/recorder/delivery.sock")
    tables = {"recorder": {"user": user["recorder"], "writers": [user["proxy"]], "readers": [user["forwarder"]],
                           "socket": str(self.socket), "status_socket": "", "database": str(self.ledger),
                           "delivery_socket": delivery, **RECORDER},
              "forwarder": {"user": user["forwarder"], "internal_ca": "", "status_socket": "",
                            "recorder_socket": delivery, "sink": self.fleet.sinks(self.name)}}
    self.config.write_text("".join(f"[{name}]\n" + "".join(f"{key} = {agent.to_toml(value)}\n"
                                                           for key, value in values.items())
                                   for name, values in tables.items()))

  def start(self):
    for service in self.services.values():
      service.start()

  def cut_power(self):
    for service in self.services.values():
      service.process.kill()
      service.wait()

  def stop(self):
    for service in reversed(self.services.values()):
      service.process.terminate()
      if service.wait(60) != 0:
        raise sandbox.SandboxError(service.tail())
      service.close()


class WholeHost:
  """A sandbox with the whole agent, and clients that it intercepts."""

  def __init__(self, fleet, number, build):
    self.name = f"h{number:02}"
    self.box = sandbox.Sandbox(f"{fleet.name}-{number}")
    self.box.__enter__()
    try:
      self.box.start_upstream()
      self.machine_id = self.box.machine_id
      self.way = Way(fleet, self.name, number, self.box.keeper("agent"))
      self.box.set_hosts("agent", names={**sandbox.ADDRESSES, COLLECTOR: (CENTRE, ""), WITNESS: (CENTRE, "")})
      self.agent = agent.Agent(self.box, build, recorder=RECORDER, forwarder={"sink": fleet.sinks(self.name)})
      self.ledger = self.agent.ledger
      self.services = self.agent.services
      self.clients = clients.Clients(self.box)
    except BaseException:
      self.box.stop()
      raise

  def start(self):
    self.agent.start()

  def stop(self):
    self.agent.stop()
    self.box.stop()


class Postgres(OwnPostgres):
  """In the fleet's cgroup, with what becomes of it."""

  def __init__(self, group):
    self._group = group
    super().__init__()

  def _command(self, program, *arguments):
    return [*sandbox.grouped(self._group), *super()._command(program, *arguments)]


class Fleet:
  def __init__(self, build):
    self.programs = pathlib.Path(build).resolve() / "bin"
    self.name = f"{sandbox.PREFIX}{os.getpid()}"
    self.folder = sandbox.FOLDERS / self.name
    self.group = sandbox.cgroup2_mount() / self.name / "fleet"
    self._started = []

  def __enter__(self):
    sandbox.sweep_leftovers()
    sandbox.sweep(self.name)
    try:
      self.folder.mkdir(mode=0o755)
      self.group.mkdir(parents=True)
      (self.folder / "hosts").write_text(f"127.0.0.1 localhost\n{CENTRE} {COLLECTOR} {WITNESS}\n")
      self.authority = self.folder / "authority"
      self.authority.mkdir(mode=0o755)
      certificates.make_authority(self.authority, "ca", "The organisation's hosts and collectors")
      certificates.make_leaf(self.authority, "ca", "centre", [COLLECTOR, WITNESS, "localhost"])
      self.centre = Place(self, "centre", {})
      self.centre.ip(f"addr add {CENTRE}/32 dev lo")
      self._make_collector()
      self._make_witness()
    except BaseException:
      self.__exit__()
      raise
    return self

  def __exit__(self, *_):
    sandbox.sweep(self.name)
    for process in self._started:
      process.wait()
      if process.stdout:
        process.stdout.close()
    if hasattr(self, "postgres"):
      self.postgres.remove()

  def spawn(self, command, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    process = subprocess.Popen([*sandbox.grouped(self.group), *map(str, command)], **options)
    self._started.append(process)
    return process

  # --- the centre ---

  def _make_collector(self):
    self.collected = self.folder / "collected"
    self.collected.mkdir()
    self.start_collector()

  def start_collector(self):
    script = agent.SOURCE / "tests/support/otlp_collector.py"
    ca = self.authority
    self.collector = self.centre.popen(
        [sandbox.PYTHON, "-B", script, self.collected, "--listen", f"{CENTRE}:{OTLP_PORT}", "--certificate",
         ca / "centre.pem", "--key", ca / "centre.key", "--client-ca", ca / "ca.pem"], stdout=subprocess.PIPE)
    if not self.collector.stdout.readline():
      raise sandbox.SandboxError("the collector did not start")

  def kill_collector(self):
    self.collector.kill()
    self.collector.wait()

  def answer(self, how):
    (self.collected / "answer.new").write_text(how)
    (self.collected / "answer.new").rename(self.collected / "answer")

  def _make_witness(self):
    self.postgres = Postgres(self.group)
    self.witness_config = self.folder / "witness.toml"
    self.witness_config.write_text(
        f'[witness]\nname = "{WITNESS_NAME}"\nkey = "{self.folder}/witness.key"\nlisten = "{CENTRE}:{WITNESS_PORT}"\n'
        f'certificate = "{self.authority}/centre.pem"\ncertificate_key = "{self.authority}/centre.key"\n'
        f'client_ca = "{self.authority}/ca.pem"\ndatabase = "{self.postgres.conninfo}"\n')
    self.witness_key = self.witness("make-key")
    self.witness("init-store")
    for file in ("witness.sql", "views.sql"):
      self.postgres.psql(stdin=(agent.SOURCE / "packaging/collector/postgresql" / file).read_text())
    self.witness_log = self.folder / "witness.log"
    self.start_witness()

  def witness(self, *command):
    return subprocess.run([self.programs / "veilwire-witness", "--config", self.witness_config, *command],
                          capture_output=True, text=True, check=True).stdout.strip()

  def start_witness(self):
    with open(self.witness_log, "ab") as log:
      self.witness_service = self.centre.popen(
          [self.programs / "veilwire-witness", "--config", self.witness_config, "--unconfined"], stderr=log)

  def kill_witness(self):
    self.witness_service.kill()
    self.witness_service.wait()

  # --- hosts ---

  def sinks(self, name):
    """Tables of a host's forwarder, with a certificate of the host's own."""
    certificates.make_leaf(self.authority, "ca", name, [f"{name}.hosts.example.com"], usage="clientAuth")
    for file in (f"{name}.pem", f"{name}.key"):
      (self.authority / file).chmod(0o400)
      os.chown(self.authority / file, agent.USERS["forwarder"], agent.USERS["forwarder"])
    common = {"ca_file": str(self.authority / "ca.pem"), "certificate_file": str(self.authority / f"{name}.pem"),
              "key_file": str(self.authority / f"{name}.key"), "retry_first_ms": 100, "retry_longest_seconds": 2,
              "timeout_seconds": 5}
    return [{"name": "otlp", "kind": "otlp", "tell": "records", "endpoint": f"https://{COLLECTOR}:{OTLP_PORT}", **common},
            {"name": "witness", "kind": "witness", "endpoint": f"https://{WITNESS}:{WITNESS_PORT}",
             "witness_key": self.witness_key, **common}]
