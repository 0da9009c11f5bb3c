"""A Debian 12 of a test's own, booted: systemd as PID 1 in a container, with a network, a cgroup and mounts of its own.

The root is made once, from Debian's packages, and kept; each BootedRoot lays its changes over it and throws them away.
A boot takes a second or two, runs one script as a unit of its own, and powers off. The network namespace is made here:
one that systemd-nspawn makes has no /sys/fs/bpf.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile

import sandbox

BASE = pathlib.Path("/var/cache/veilwire-booted-root")
MIRROR = "http://deb.debian.org/debian"
PACKAGES = ("systemd", "systemd-sysv", "dbus", "iproute2", "curl", "ca-certificates", "openssl", "python3", "procps", "kmod")
UNIT = """[Unit]
Description=the test's script
SuccessAction=poweroff
FailureAction=poweroff
After=multi-user.target systemd-user-sessions.service
[Service]
Type=oneshot
StandardOutput=file:/said
StandardError=file:/said
ExecStart=/bin/bash /script
[Install]
WantedBy=default.target
"""
# A script that fails says what the journal knows of it.
ENDED = """ended() {
  code=$?
  [ $code = 0 ] || journalctl --no-pager --lines=200 --unit 'veilwire*'
  echo "exit code $code"
}
"""


class NoMirror(RuntimeError):
  """The root has to be made, and Debian's packages cannot be had."""


def make_base(packages=()):
  """The root without anything of ours, with what its packages need."""
  wanted = ",".join(sorted({*PACKAGES, *packages}))
  mark = BASE / "made-of"
  if mark.exists() and mark.read_text() == wanted:
    return BASE
  shutil.rmtree(BASE, ignore_errors=True)
  fresh = BASE.with_name(f"{BASE.name}.{os.getpid()}")
  run = subprocess.run(["mmdebstrap", "--variant=minbase", f"--include={wanted}", "bookworm", fresh, MIRROR],
                       capture_output=True, text=True)
  if run.returncode:
    shutil.rmtree(fresh, ignore_errors=True)
    raise NoMirror(f"mmdebstrap {MIRROR}: {run.stderr[-2000:]}")
  # From here on nobody asks the network.
  (fresh / "etc/apt/sources.list").write_text("")
  for lists in (fresh / "var/lib/apt/lists").iterdir():
    if lists.is_file():
      lists.unlink()
  (fresh / "made-of").write_text(wanted)
  fresh.rename(BASE)
  return BASE


class BootedRoot:
  """Use as a context: what was changed is gone behind it."""

  def __init__(self, packages=()):
    self.base = make_base(packages)
    self.folder = pathlib.Path(tempfile.mkdtemp(prefix="veilwire-boot-", dir="/var/tmp"))
    self.changed = self.folder / "changed"
    (self.folder / "work").mkdir()
    (self.folder / "root").mkdir()
    system = self.changed / "etc/systemd/system"
    (system / "default.target.wants").mkdir(parents=True)
    (system / "script.service").write_text(UNIT)
    (system / "default.target.wants/script.service").symlink_to("../script.service")
    self.group = sandbox.cgroup2_mount() / f"{sandbox.PREFIX}{os.getpid()}-boot"

  def __enter__(self):
    return self

  def __exit__(self, *_):
    shutil.rmtree(self.folder)

  def put(self, path, text, mode=0o644):
    """A file of the root, before the next boot."""
    target = self.changed / str(path).lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    target.chmod(mode)

  def boot(self, script, *, binds=(), seconds=120):
    """Boots, runs the script with bash -e, powers off, and gives back what it said. Raises where it failed."""
    said = self.changed / "said"
    said.unlink(missing_ok=True)
    self.put("/script", f"set -e\ntrap ended EXIT\n{ENDED}{script}\n")
    group = self.group
    group.mkdir()
    nspawn = ["systemd-nspawn", f"--directory={self.folder}/root", "--register=no", "--keep-unit", "--boot",
              "--console=read-only", "--capability=all", "--link-journal=no", "--bind=/sys/fs/bpf",
              "--system-call-filter=bpf perf_event_open", *(f"--bind-ro={bind}" for bind in binds)]
    inside = (f"mount -t overlay -o lowerdir={self.base},upperdir={self.changed},workdir={self.folder}/work none "
              f"{self.folder}/root; mount -t cgroup2 none /sys/fs/cgroup; mount -t tmpfs none /run; mount -t bpf none /sys/fs/bpf; exec \"$@\"")
    command = ["sh", "-c", 'echo 0 > "$0/cgroup.procs" && exec "$@"', group, "unshare", "--mount", "--net", "sh", "-ec", inside,
               "inside", *nspawn]
    try:
      console = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=seconds,
                               stdin=subprocess.DEVNULL)
    finally:
      self._end_group()
    text = said.read_text(errors="replace") if said.exists() else ""
    if not text.endswith("exit code 0\n"):
      raise AssertionError(f"{text}\n{console.stderr[-1000:]}" if text else f"{console.stdout[-3000:]}{console.stderr[-1000:]}")
    return text.removesuffix("exit code 0\n")

  def _end_group(self):
    sandbox.sweep(self.group.name)
