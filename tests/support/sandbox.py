"""Two hosts on one machine: "host", where clients and the agent run, and "internet", where the upstream plays.

    host  192.0.2.2, 2001:db8::2  --- veth ---  192.0.2.10, .20, .30, 2001:db8::10, ...  internet

Neither has another route, so nothing can leave the machine. What a real installation has system-wide stands here in
private mount namespaces: /etc/hosts, /etc/resolv.conf, /etc/machine-id, the CA bundle, bpffs. Processes run in child
cgroups of the sandbox's own, never in the root. Ending the processes of those cgroups frees everything, pinned BPF
objects included.

Views, the "where" of run() and popen():
  client    on host; trusts the system's CAs and the internal CA; in the cgroup that the agent is attached to
  direct    on host; trusts the system's CAs and the internet's CA; outside that cgroup: the other side of a comparison
  agent     on host; trusts what direct trusts; has bpffs; in the agent's cgroup, inside the attached one
  internet  where the upstream runs

Needs root. Tested by tests/e2e/direct_test.py. One that crashed is swept by the next that starts.
"""

import json
import os
import pathlib
import shutil
import subprocess
import time

import certificates

API, TOOLS = "api.anthropic.com", "mcp.example.com"
PLAIN = "plain.example.com"  # a host that no policy names
ADDRESSES = {API: ("192.0.2.10", "2001:db8::10"), TOOLS: ("192.0.2.20", "2001:db8::20"),
             PLAIN: ("192.0.2.30", "2001:db8::30")}
HOST_ADDRESSES = ("192.0.2.2", "2001:db8::2")
PREFIX = "veilwire-test-"
INITIAL_PID_NAMESPACE = 0xEFFFFFFC  # inode number: PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h
SOURCE = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = pathlib.Path("/var/tmp")  # /tmp is private to each view, since real clients leave sockets there
HERE = pathlib.Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"
CLEAN_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
VIEWS = {"client": "host", "direct": "host", "agent": "host", "internet": "internet"}
# People of the host, in its own user database: the agent names them in its records.
PEOPLE = {64101: "alice", 64102: "bob", 64103: "carol", 64104: "dave"}
GROUPS = {"client": "attached/clients", "direct": "outside", "agent": "attached/agent", "internet": "outside"}


class SandboxError(RuntimeError):
  pass


def cgroup2_mount():
  """Where the unified hierarchy is mounted: /sys/fs/cgroup, or beside version 1 controllers."""
  for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
    left, right = line.split(" - ")
    if right.split()[0] == "cgroup2":
      return pathlib.Path(left.split()[4])
  raise SandboxError("no cgroup2 is mounted: mount one with `mount -t cgroup2 none /sys/fs/cgroup`")


def why_impossible():
  """None where a sandbox can be made, else what is missing, for a test that then says SKIPPED aloud."""
  if os.geteuid() != 0:
    return "a sandbox needs root (network namespaces, cgroups)"
  for tool in ("ip", "nsenter", "unshare", "setpriv", "openssl", "mount"):
    if not shutil.which(tool):
      return f"the command {tool} is missing: packaging/install-dependencies"
  try:
    cgroup2_mount()
  except SandboxError as fault:
    return str(fault)
  return None


def _run(*command):
  run = subprocess.run([str(word) for word in command], capture_output=True, text=True, stdin=subprocess.DEVNULL)
  if run.returncode:
    raise SandboxError(f"{' '.join(map(str, command))}: {run.stderr.strip()}")
  return run.stdout


def sweep(name):
  """Removes whatever carries this name: processes of its cgroups, network namespaces, files."""
  group = cgroup2_mount() / name
  if group.is_dir():
    (group / "cgroup.kill").write_text("1")
    deadline = time.monotonic() + 10
    while "populated 1" in (group / "cgroup.events").read_text():
      if time.monotonic() > deadline:
        raise SandboxError(f"processes of {group} do not end")
      time.sleep(0.01)
    for folder, _, _ in os.walk(group, topdown=False):
      os.rmdir(folder)
  for space in ("host", "internet"):
    if pathlib.Path(f"/run/netns/{name}-{space}").exists():
      _run("ip", "netns", "del", f"{name}-{space}")
  shutil.rmtree(FOLDERS / name, ignore_errors=True)


def sweep_leftovers():
  """Those whose owner, named by its process id, is gone. In another PID namespace nobody can say that of others."""
  if os.stat("/proc/self/ns/pid").st_ino != INITIAL_PID_NAMESPACE:
    return
  names = {path.name for path in cgroup2_mount().glob(PREFIX + "*")}
  names |= {path.name for path in FOLDERS.glob(PREFIX + "*")}
  names |= {path.name.rsplit("-", 1)[0] for path in pathlib.Path("/run/netns").glob(PREFIX + "*")}
  for name in names:
    owner = name[len(PREFIX):].partition("-")[0]
    if owner.isdigit() and not pathlib.Path(f"/proc/{owner}").exists():
      sweep(name)


def entered(keeper):
  """The command words that enter the namespaces of a process."""
  return ["nsenter", f"--mount=/proc/{keeper.pid}/ns/mnt", f"--net=/proc/{keeper.pid}/ns/net"]


def grouped(group):
  """The command words that put what follows into a cgroup."""
  return ["sh", "-c", 'echo 0 > "$0/cgroup.procs" && exec "$@"', str(group)]


def become(uid=0, env=None, cwd="/", capabilities=True):
  """The command words for a user, in an environment of nothing else."""
  identity = [] if uid == 0 else ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups",
                                  *([] if capabilities else ["--bounding-set=-all"])]
  environment = {**CLEAN_ENVIRONMENT, **(env or {})}
  return [*identity, "env", "-i", "-C", str(cwd), *(f"{key}={value}" for key, value in environment.items())]


class Sandbox:
  def __init__(self, name=None):
    self.name = name or f"{PREFIX}{os.getpid()}"
    self.folder = FOLDERS / self.name
    self.machine_id = os.urandom(16).hex()
    self.upstream_log_file = self.folder / "upstream.jsonl"
    self.attach_cgroup = cgroup2_mount() / self.name / "attached"
    self.agent_cgroup = self.attach_cgroup / "agent"
    self._keepers = {}
    self._started = []
    self.upstream = None
    self._left = False

  # --- life ---

  def __enter__(self):
    sweep_leftovers()
    sweep(self.name)
    try:
      self._make()
    except BaseException:
      self.stop()
      raise
    return self

  def __exit__(self, *_):
    if not self._left:
      self.stop()

  def stop(self):
    for process in reversed(self._started):
      if process.poll() is None:
        process.kill()
    sweep(self.name)
    for process in [*self._started, *self._keepers.values()]:
      process.wait()
      for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
          pipe.close()
    self._started, self._keepers, self.upstream = [], {}, None

  def leave(self):
    """Leaves the sandbox running when its owner ends (quickstart --keep); sweep(name) ends it."""
    self._left = True

  def _make(self):
    self.folder.mkdir(mode=0o755)
    for part in ("ca", "etc", "homes", "logs", "run", "state", "bpf"):
      (self.folder / part).mkdir(mode=0o755)
    for group in set(GROUPS.values()):
      (cgroup2_mount() / self.name / group).mkdir(parents=True)
    self._make_files()
    self._make_networks()
    for view, space in VIEWS.items():
      self._keepers[view] = self._keeper(view, space)

  def _make_files(self):
    etc, ca = self.folder / "etc", self.folder / "ca"
    certificates.make_authority(ca, "internet", "The sandbox's internet")
    certificates.make_leaf(ca, "internet", "upstream", list(ADDRESSES))
    system = certificates.SYSTEM_BUNDLE.read_text()
    (etc / "bundle.direct").write_text(system + (ca / "internet.pem").read_text())
    (etc / "bundle.client").write_text(system)
    for file, form in (("passwd", "{1}:x:{0}:{0}:{1}:/nonexistent:/bin/sh\n"), ("group", "{1}:x:{0}:\n")):
      lines = pathlib.Path("/etc", file).read_text()
      (etc / file).write_text(lines + "".join(form.format(*person) for person in PEOPLE.items()))
    (etc / "resolv.conf").write_text("")  # names come from the hosts file alone
    (etc / "machine-id").write_text(self.machine_id + "\n")
    for view in VIEWS:
      self.set_hosts(view)

  def _make_networks(self):
    host, internet = (f"{self.name}-{space}" for space in ("host", "internet"))
    for space in (host, internet):
      _run("ip", "netns", "add", space)
      _run("ip", "-n", space, "link", "set", "lo", "up")
    _run("ip", "link", "add", "up0", "netns", host, "type", "veth", "peer", "name", "up0", "netns", internet)
    wanted = [(host, HOST_ADDRESSES), *((internet, pair) for pair in ADDRESSES.values())]
    for space, (four, six) in wanted:
      _run("ip", "-n", space, "addr", "add", f"{four}/24", "dev", "up0")
      _run("ip", "-n", space, "addr", "add", f"{six}/64", "dev", "up0", "nodad")
    for space in (host, internet):
      _run("ip", "-n", space, "link", "set", "up0", "up")

  def _keeper(self, view, space):
    """A sleeping process that owns the view's mount namespace."""
    binds = {"/etc/hosts": f"hosts.{view}", "/etc/resolv.conf": "resolv.conf", "/etc/passwd": "passwd",
             "/etc/group": "group", "/etc/machine-id": "machine-id",
             str(certificates.SYSTEM_BUNDLE): "bundle.client" if view == "client" else "bundle.direct"}
    lines = [f"mount --bind {self.folder}/etc/{source} $(readlink -f {target})" for target, source in binds.items()
             if pathlib.Path(target).exists()]  # a container may be without machine-id(5)
    # A checkout below /tmp stays where it is in the private one.
    inside = pathlib.Path("/tmp") in SOURCE.parents
    if inside:
      lines.append(f"mkdir -p {self.folder}/source.{view}; mount --bind {SOURCE} {self.folder}/source.{view}")
    lines.append("mount -t tmpfs -o mode=1777 none /tmp")
    if inside:
      lines.append(f"mkdir -p {SOURCE}; mount --bind {self.folder}/source.{view} {SOURCE}")
    if view == "agent":
      lines.append(f"mount -t bpf none {self.folder}/bpf")
    script = "set -e; " + "; ".join(lines) + "; echo ready; exec sleep infinity"
    process = self._spawn(view, ["nsenter", f"--net=/run/netns/{self.name}-{space}", "unshare", "--mount",
                                 "--propagation", "private", "sh", "-c", script],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if process.stdout.readline() != b"ready\n":
      raise SandboxError(f"view {view}: {process.stderr.read().decode()}")
    return process

  # --- what views see ---

  def set_hosts(self, view, families=(4, 6), names=None):
    """Rewrites the view's /etc/hosts in place: which names exist there, and with which families."""
    lines = ["127.0.0.1 localhost", "::1 localhost"]
    for name, (four, six) in (names or ADDRESSES).items():
      lines += [f"{four} {name}"] if 4 in families else []
      lines += [f"{six} {name}"] if 6 in families and six else []
    (self.folder / "etc" / f"hosts.{view}").write_text("\n".join(lines) + "\n")

  def trust(self, certificate):
    """What update-ca-certificates does on an installed host: clients trust this CA from now on."""
    bundle = certificates.SYSTEM_BUNDLE.read_text() + pathlib.Path(certificate).read_text()
    (self.folder / "etc" / "bundle.client").write_text(bundle)

  # --- processes ---

  def _spawn(self, view, command, **options):
    group = cgroup2_mount() / self.name / GROUPS[view]
    return subprocess.Popen([*grouped(group), *map(str, command)], **options)

  def enter(self, where):
    """The command words that enter a view, also for a person's terminal."""
    return entered(self.keeper(where))

  def keeper(self, where):
    """The process that holds the view's namespaces."""
    return self._keepers[where]

  def popen(self, command, *, where="client", uid=0, env=None, cwd="/", capabilities=True, **options):
    options.setdefault("stdin", subprocess.DEVNULL)
    words = become(uid, env, cwd, capabilities)
    process = self._spawn(where, [*self.enter(where), *words, *command], **options)
    self._started.append(process)
    return process

  def run(self, command, *, timeout=60, input=None, **options):
    """Runs to the end; the result has returncode, stdout and stderr as bytes."""
    process = self.popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         stdin=subprocess.DEVNULL if input is None else subprocess.PIPE, **options)
    try:
      out, err = process.communicate(input, timeout)
    except subprocess.TimeoutExpired:
      process.kill()
      out, err = process.communicate()
      raise SandboxError(f"{command[0]} did not end in {timeout} s: {err[-2000:]!r}") from None
    finally:
      self._started.remove(process)
    return subprocess.CompletedProcess(command, process.returncode, out, err)

  def home(self, uid=0):
    """A home of its own for a user of the sandbox."""
    home = self.folder / "homes" / str(uid)
    if not home.exists():
      home.mkdir(mode=0o700)
      (home / ".claude.json").write_text(json.dumps({"hasCompletedOnboarding": True}))
      for path in (home, home / ".claude.json"):
        os.chown(path, uid, uid)
    return home

  # --- the upstream ---

  def start_upstream(self):
    """Every name on port 443 with TLS, and on port 80 without."""
    script = HERE / "demo_upstream.py"
    self.upstream = []
    for port, tls in ((443, ["--certificate", self.folder / "ca/upstream.pem", "--key", self.folder / "ca/upstream.key"]),
                      (80, [])):
      listen = []
      for four, six in ADDRESSES.values():
        listen += ["--listen", f"{four}:{port}", "--listen", f"[{six}]:{port}"]
      log = open(self.folder / "logs/upstream.err", "ab")
      process = self.popen([PYTHON, "-B", script, *listen, *tls, "--mcp-host", TOOLS, "--log", self.upstream_log_file],
                           where="internet", stdout=subprocess.PIPE, stderr=log)
      log.close()
      if not process.stdout.readline().startswith(b"ready"):
        raise SandboxError("the upstream did not start: " + (self.folder / "logs/upstream.err").read_text())
      self.upstream.append(process)

  def upstream_log(self, kind=None):
    if not self.upstream_log_file.exists():
      return []
    whole, _, _ = self.upstream_log_file.read_text().rpartition("\n")  # the last line may be half written
    entries = [json.loads(line) for line in whole.splitlines()]
    return [entry for entry in entries if kind in (None, entry["kind"])]

  def forget_upstream_log(self):
    self.upstream_log_file.write_text("")
