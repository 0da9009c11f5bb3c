"""An arm64 machine, emulated: Debian's own kernel for it, with busybox and what a test puts there in its memory, and no
network. Kernel and libraries are those of the root that packaging/cross-build makes."""

import pathlib
import re
import shutil
import subprocess
import tempfile

EMULATOR = ("qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a72")
LIBRARIES = "lib/aarch64-linux-gnu"
# What systemd would have mounted.
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin LC_ALL=C
mount -t proc proc /proc; mount -t sysfs sysfs /sys; mount -t devtmpfs devtmpfs /dev
mount -t cgroup2 cgroup2 /sys/fs/cgroup; mount -t bpf bpf /sys/fs/bpf
for folder in /tmp /run; do mount -t tmpfs tmpfs $folder; done
ip link set lo up
sh -e /script; echo "exit code $?"
poweroff -f
"""


def needed(file):
  text = subprocess.run(["readelf", "--wide", "--dynamic", file], capture_output=True, text=True, check=True).stdout
  return re.findall(r"\(NEEDED\) .*\[(.+)\]", text)


class Arm64Machine:
  """Use as a context."""

  def __init__(self, root):
    self.root = pathlib.Path(root)
    self.folder = pathlib.Path(tempfile.mkdtemp(prefix="veilwire-machine-", dir="/var/tmp"))
    self.memory = self.folder / "memory"
    for name in ("bin", "dev", "proc", "run", "sys", "tmp", LIBRARIES):
      (self.memory / name).mkdir(parents=True, exist_ok=True)
    shutil.copy2(self.root / "bin/busybox", self.memory / "bin/busybox")
    shutil.copy2(self.root / LIBRARIES / "ld-linux-aarch64.so.1", self.memory / "lib")
    self.put("/init", INIT, 0o755)

  def __enter__(self):
    return self

  def __exit__(self, *_):
    shutil.rmtree(self.folder)

  def put(self, path, text, mode=0o644):
    target = self.memory / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    target.chmod(mode)

  def put_program(self, program):
    """Into /bin, with the libraries that it needs, and without debugging information: all of it is in memory."""
    target = self.memory / "bin" / pathlib.Path(program).name
    subprocess.run(["llvm-strip", "--strip-debug", "-o", target, program], check=True)
    self._put_libraries(program)

  def _put_libraries(self, file):
    for soname in needed(file):
      target = self.memory / LIBRARIES / soname
      if not target.exists():
        shutil.copy2(next(path for path in (self.root / folder / soname for folder in (LIBRARIES, f"usr/{LIBRARIES}", "usr/lib"))
                          if path.exists()), target)
        self._put_libraries(target)

  def boot(self, script, seconds=900):
    """Runs the script with sh -e, and gives back what it said. Raises where it failed."""
    self.put("/script", script)
    listing = subprocess.run(["find", "."], cwd=self.memory, capture_output=True, check=True).stdout
    image = self.folder / "memory.cpio"
    with image.open("wb") as out:
      subprocess.run(["cpio", "--create", "--format=newc", "--quiet"], cwd=self.memory, input=listing, stdout=out, check=True)
    kernel = next((self.root / "boot").glob("vmlinuz-*"))
    run = subprocess.run([*EMULATOR, "-m", "2048", "-nic", "none", "-display", "none", "-serial", "stdio", "-no-reboot",
                          "-kernel", kernel, "-initrd", image, "-append", "console=ttyAMA0 quiet panic=-1"],
                         capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=seconds)
    said = run.stdout.replace("\r\n", "\n")
    text, ended, _ = said.partition("exit code 0\n")
    if not ended:
      raise AssertionError(said[-4000:] + run.stderr[-1000:])
    return text
