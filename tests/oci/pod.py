"""The parts of a kubelet and of a container runtime that our pods rely on, for a sandbox without either: volumes, init
containers first, restarts of what has ended, probes. crun runs the containers, each with a cgroup and a cgroup namespace
of its own, under the profile of system calls that Debian's containers have by default.

What stands for the node is the sandbox's view "agent": its network, its bpffs, its cgroups.
"""

import copy
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading

import sandbox as sandboxes

# What RuntimeDefault is to podman and CRI-O; containerd's allows bpf() by the same capability.
SECCOMP = pathlib.Path("/usr/share/containers/seccomp.json")
MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
          "/proc/sched_debug", "/proc/scsi", "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
BASE_MOUNTS = [
    {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "strictatime", "mode=755"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
]


def unpack(image, folder):
  """An oci-archive as a bundle's root file system and configuration."""
  layout = folder / "layout"
  for command in (["skopeo", "copy", "--quiet", f"oci-archive:{image}", f"oci:{layout}:image"],
                  ["umoci", "unpack", "--image", f"{layout}:image", folder / "bundle"]):
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if run.returncode:
      raise sandboxes.SandboxError(f"{command}: {run.stderr}")
  return folder / "bundle/rootfs", json.loads((folder / "bundle/config.json").read_text())


def capabilities_of(container):
  asked = container["securityContext"]["capabilities"]
  if asked["drop"] != ["ALL"]:
    raise sandboxes.SandboxError(f"{container['name']} does not drop all capabilities")
  return [f"CAP_{name}" for name in asked.get("add", [])]


def seccomp_of(capabilities):
  """The profile as it is for these capabilities."""
  profile = json.loads(SECCOMP.read_text())

  def concerns(rule):
    includes, excludes = rule["includes"], rule["excludes"]
    return (set(includes.get("caps", [])) <= set(capabilities)
            and not set(excludes.get("caps", [])) & set(capabilities)
            and "amd64" in includes.get("arches", ["amd64"]) and "amd64" not in excludes.get("arches", []))

  rules = [{key: value for key, value in rule.items() if key in ("names", "action", "args", "errnoRet") and value}
           for rule in profile["syscalls"] if concerns(rule)]
  return {"defaultAction": profile["defaultAction"], "defaultErrnoRet": profile["defaultErrnoRet"],
          "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": rules}


def runtime_config(pod, container, rootfs, defaults, binds):
  """The bundle's config.json, as a runtime that gives pods a cgroup namespace makes it."""
  rights = container["securityContext"]
  capabilities = capabilities_of(container)
  sets = {name: capabilities for name in ("bounding", "effective", "permitted")}
  spaces = ["mount", "ipc", "uts", "cgroup"] + ([] if pod.get("hostPID") else ["pid"])
  if pod["securityContext"]["seccompProfile"]["type"] != "RuntimeDefault":
    raise sandboxes.SandboxError("another seccompProfile than is known here")
  environment = defaults["process"]["env"] + [f"{one['name']}={one['value']}" for one in container.get("env", [])]
  return {
      "ociVersion": "1.0.2",
      "root": {"path": str(rootfs), "readonly": rights.get("readOnlyRootFilesystem", False)},
      "process": {
          "user": {"uid": rights["runAsUser"], "gid": rights["runAsGroup"], "additionalGids": [rights["runAsGroup"]]},
          "args": container["command"] + container.get("args", []), "env": environment, "cwd": "/",
          "capabilities": sets, "noNewPrivileges": not rights.get("allowPrivilegeEscalation", True)},
      "mounts": BASE_MOUNTS + [
          {"destination": target, "type": "bind", "source": str(source), "options": ["rbind", "ro" if read_only else "rw"]}
          for target, source, read_only in binds],
      "linux": {"namespaces": [{"type": space} for space in spaces], "seccomp": seccomp_of(capabilities),
                "maskedPaths": MASKED, "readonlyPaths": READ_ONLY},
  }


class ConfigMap:
  """A folder as the kubelet keeps it: links into a version, which is replaced whole."""

  def __init__(self, folder, files):
    self.folder = folder
    folder.mkdir(mode=0o755)
    for name in files:
      (folder / name).symlink_to(f"..data/{name}")
    self.version = 0
    self.write(files)

  def write(self, files):
    self.version += 1
    fresh = self.folder / f"..version{self.version}"
    fresh.mkdir(mode=0o755)
    for name, text in files.items():
      (fresh / name).write_text(text)
      (fresh / name).chmod(0o644)
    (self.folder / "..data_tmp").symlink_to(fresh.name)
    (self.folder / "..data_tmp").rename(self.folder / "..data")


class Pod:
  def __init__(self, box, spec, image, *, places, more=()):
    """places: {volume: its folder or file on the node}; an emptyDir has its own. more: (container, target, source)."""
    self.box, self.spec = box, spec
    self.rootfs, self.defaults = image
    self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pod-", dir=box.folder))
    self.folder.chmod(0o755)
    self.places = dict(places)
    self.more = more
    self.ends = threading.Event()
    self.keepers, self.running = [], {}
    for volume in spec.get("volumes", []):
      if "emptyDir" in volume:
        self.places[volume["name"]] = self.folder / "volumes" / volume["name"]
        self.places[volume["name"]].mkdir(parents=True)
        self.places[volume["name"]].chmod(0o777)

  # --- a container ---

  def _binds(self, container):
    wanted = []
    for mount in container.get("volumeMounts", []):
      source = pathlib.Path(self.places[mount["name"]])
      if mount.get("subPath"):
        source = source / mount["subPath"]
        if source.exists():
          source = source.resolve()
        else:
          source.mkdir(mode=0o750)
      wanted.append((mount["mountPath"], source, mount.get("readOnly", False)))
    etc = self.box.folder / "etc"
    wanted += [("/etc/hosts", etc / "hosts.agent", False), ("/etc/resolv.conf", etc / "resolv.conf", False)]
    return wanted + [(target, source, True) for name, target, source in self.more if name == container["name"]]

  def _id(self, name):
    return f"{self.box.name}-{self.folder.name}-{name}"

  def _crun(self, *words):
    # As on a node, cgroup2 is all that there is: crun takes no other controllers beside it.
    alone = ["unshare", "--mount", "--propagation", "private", "sh", "-c", 'mount --bind "$0" /sys/fs/cgroup && exec "$@"',
             str(sandboxes.cgroup2_mount())]
    return [*alone, "crun", "--root", str(self.box.folder / "crun"), "--cgroup-manager=disabled", *words]

  def _popen(self, container, **options):
    name = container["name"]
    bundle = self.folder / "bundles" / name
    bundle.mkdir(parents=True, exist_ok=True)
    config = runtime_config(self.spec, copy.deepcopy(container), self.rootfs, self.defaults, self._binds(container))
    (bundle / "config.json").write_text(json.dumps(config))
    group = self.box.agent_cgroup / self.folder.name / name
    group.mkdir(parents=True, exist_ok=True)
    entry = ["sh", "-c", 'echo 0 > "$0/cgroup.procs" && exec "$@"', str(group)]
    return self.box.popen([*entry, *self._crun("run", "--bundle", str(bundle), self._id(name))], where="agent", **options)

  def run(self, container, seconds=60):
    """An init container, to its end."""
    process = self._popen(container, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said, _ = process.communicate(timeout=seconds)
    if process.returncode:
      raise sandboxes.SandboxError(f"{container['name']} ended with {process.returncode}: {said.decode()}")
    return said.decode()

  def log(self, name):
    path = self.folder / f"{name}.log"
    return path.read_text(errors="replace") if path.exists() else ""

  def logs(self):
    return "".join(f"--- {container['name']}\n{self.log(container['name'])[-3000:]}\n" for container in self.spec["containers"])

  # --- the kubelet ---

  def initialise(self):
    return [self.run(container) for container in self.spec.get("initContainers", [])]

  def start(self):
    """All at once, as a kubelet does; whoever ends is started again, a second later."""
    for container in self.spec["containers"]:
      keeper = threading.Thread(target=self._keep, args=(container,), daemon=True)
      keeper.start()
      self.keepers.append(keeper)

  def _keep(self, container):
    while not self.ends.is_set():
      with open(self.folder / f"{container['name']}.log", "ab") as log:
        process = self.running[container["name"]] = self._popen(container, stdout=log, stderr=subprocess.STDOUT)
      process.wait()
      subprocess.run(self._crun("delete", "--force", self._id(container["name"])), capture_output=True)
      self.ends.wait(1)

  def state(self, name):
    run = subprocess.run(self._crun("state", self._id(name)), capture_output=True, text=True)
    return json.loads(run.stdout) if run.returncode == 0 else {"status": "none", "pid": 0}

  def signal(self, name, number="KILL"):
    subprocess.run(self._crun("kill", self._id(name), number), capture_output=True)

  def execute(self, name, command, seconds=30):
    """As a probe of the kind exec, and kubectl exec, do it."""
    return self.box.run(self._crun("exec", self._id(name), *command), where="agent", timeout=seconds)

  def readiness(self):
    """What each readiness probe says that fails."""
    failed = []
    for container in self.spec["containers"]:
      if "readinessProbe" in container:
        run = self.execute(container["name"], container["readinessProbe"]["exec"]["command"],
                           container["readinessProbe"]["timeoutSeconds"] + 10)
        if run.returncode:
          failed.append((run.stdout + run.stderr).decode())
    return failed

  def stop(self):
    """Everybody is told at once, and has the pod's grace."""
    self.ends.set()
    for container in self.spec["containers"]:
      self.signal(container["name"], "TERM")
    for keeper in self.keepers:
      keeper.join(self.spec.get("terminationGracePeriodSeconds", 30))
    late = [container["name"] for container in self.spec["containers"] if self.state(container["name"])["status"] == "running"]
    for name in late:
      self.signal(name)
    for keeper in self.keepers:
      keeper.join(10)
    return late


def missing_tools():
  """None where pods can be run, else what is missing."""
  reason = sandboxes.why_impossible()
  if reason:
    return reason
  for tool in ("crun", "skopeo", "umoci"):
    if not shutil.which(tool):
      return f"the command {tool} is missing: packaging/install-dependencies"
  if not SECCOMP.exists():
    return f"{SECCOMP} is missing: packaging/install-dependencies"
  return None
