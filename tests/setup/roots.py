"""A root of its own for each case: the host's, seen through an overlay, with the programs in it as a package would put
them there. What a case has changed is then exactly what lies in the upper layer.

No systemd runs in there: systemctl is a script that keeps what it was told and what is enabled. Everything else, the
trust store's tools first of all, is Debian's own."""

import hashlib
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
USERS = ("veilwire", "veilwire-signer", "veilwire-identity", "veilwire-recorder", "veilwire-credentials",
         "veilwire-forwarder", "veilwire-saml")
NOTES = "tmp/fake"  # what is told to systemctl; no part of a comparison

SYSTEMCTL = """#!/bin/sh
echo "$@" >>/tmp/fake/calls
wants=/etc/systemd/system/multi-user.target.wants
for unit; do :; done
case "$*" in
  *is-enabled*) [ -L "$wants/$unit" ] ;;
  *is-active*) [ -e "/tmp/fake/$unit" ] ;;
  *enable*) mkdir -p "$wants" && ln -s "/lib/systemd/system/$unit" "$wants/$unit" ;;
  *disable*) rm -f "$wants/$unit" ;;
  start*) touch "/tmp/fake/$unit" ;;
  stop*) rm -f "/tmp/fake/$unit" ;;
esac
""".replace("  *enable*)", "  *--quiet\\ enable*)").replace("  *disable*)", "  *--quiet\\ disable*)")


def own_mounts():
  """Runs this program again where its mounts are nobody else's."""
  if os.environ.get("VEILWIRE_OWN_MOUNTS"):
    return
  os.environ["VEILWIRE_OWN_MOUNTS"] = "1"
  os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, "-B", *sys.argv])


def main(*programs):
  """Runs the cases of the calling file, with FOLDER for their roots and BUILD from the command line, or says why not."""
  global FOLDER, BUILD
  missing = [program for program in programs if not shutil.which(program)]
  if os.geteuid() != 0 or missing:
    print("SKIPPED: needs root, for a root of its own" + "".join(f", and {program}" for program in missing))
    sys.exit(77)
  own_mounts()
  BUILD = pathlib.Path(sys.argv.pop(1))
  with tempfile.TemporaryDirectory() as place:
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
    FOLDER = pathlib.Path(place)
    result = unittest.main(exit=False, verbosity=2).result
    subprocess.run(["umount", "--recursive", "--lazy", place], check=False)
  sys.exit(0 if result.wasSuccessful() else 1)


def state_of(path):
  """What somebody who looks at a path sees, but for times."""
  try:
    status = path.lstat()
  except (FileNotFoundError, NotADirectoryError):
    return "absent"
  kind = stat.S_IFMT(status.st_mode)
  content = None
  if kind == stat.S_IFREG:
    content = hashlib.sha256(path.read_bytes()).hexdigest()
  elif kind == stat.S_IFLNK:
    content = os.readlink(path)
  return kind, stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, content


class Root:
  def __init__(self, folder, build, name):
    self.folder = pathlib.Path(folder) / name
    self.upper, work, self.path = (self.folder / part for part in ("upper", "work", "root"))
    for part in (self.upper, work, self.path):
      part.mkdir(parents=True)
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                    f"lowerdir=/,upperdir={self.upper},workdir={work}", self.path], check=True)
    subprocess.run(["mount", "-t", "proc", "proc", self.path / "proc"], check=True)
    (self.path / "dev/null").parent.mkdir(exist_ok=True)
    for device in ("null", "urandom"):
      node = self.path / "dev" / device
      node.exists() or node.touch()
      subprocess.run(["mount", "--bind", f"/dev/{device}", node], check=True)
    (self.path / "dev/shm").mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self.path / "dev/shm"], check=True)
    self._install(pathlib.Path(build))

  def _install(self, build):
    etc, share = self.path / "etc/veilwire", self.path / "usr/share/veilwire"
    for stale in (etc, share, self.path / "etc/claude-code", self.path / "var/lib/veilwire-setup",
                  *(self.path / "var/lib").glob("veilwire*")):
      shutil.rmtree(stale, ignore_errors=True)
    etc.mkdir()
    (share / "policies").mkdir(parents=True)
    # The overlay may not be read while its lower layer is written: copied, not linked.
    for program in ("veilwire", "veilwire-signer"):
      shutil.copy(build / "bin" / program, self.path / "usr/sbin" / program)
    for place in (etc, share):
      shutil.copy(SOURCE / "packaging/agent.toml", place)
    shutil.copy(SOURCE / "policies/default.toml", etc / "policy.toml")
    shutil.copy(SOURCE / "policies/default.toml", share / "policies")
    shutil.copytree(SOURCE / "policies/rules", etc / "rules")
    for name in ("oidc", "saml"):
      shutil.copy(SOURCE / f"packaging/systemd/veilwire-identity-{name}.conf", share)
    with open(self.path / "etc/passwd", "a", encoding="ascii") as passwd:
      passwd.writelines(f"{user}:x:{950 + i}:{950 + i}::/:/usr/sbin/nologin\n" for i, user in enumerate(USERS))
    systemctl = self.path / "usr/bin/systemctl"
    systemctl.unlink(missing_ok=True)
    systemctl.write_text(SYSTEMCTL)
    systemctl.chmod(0o755)
    (self.path / NOTES).mkdir(parents=True, exist_ok=True)
    # Hooks of packages that happen to be on this host: that of Java's writes dpkg's log, which is nobody's to restore.
    for hook in (self.path / "etc/ca-certificates/update.d").glob("*"):
      hook.unlink()

  def close(self):
    subprocess.run(["umount", "--recursive", self.path], check=False)

  def run(self, *command, **options):
    """In the root, as root of it."""
    return subprocess.run(["chroot", self.path, *command], capture_output=True, text=True, timeout=120, **options)

  def setup(self, *arguments):
    return self.run("/usr/sbin/veilwire", "setup", *arguments)

  def write(self, name, text, mode=0o644):
    file = self.path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)
    return "/" + name

  def read(self, name):
    return (self.path / name).read_text()

  def exists(self, name):
    return os.path.lexists(self.path / name)

  def calls(self):
    calls = self.path / NOTES / "calls"
    return [line for line in calls.read_text().splitlines() if not line.startswith("is-")] if calls.exists() else []

  def touched(self):
    """Every path that anybody has touched in this root, as the overlay keeps it."""
    names = set()
    for folder, folders, files in os.walk(self.upper):
      inside = os.path.relpath(folder, self.upper)
      names |= {os.path.normpath(os.path.join(inside, name)) for name in folders + files}
    return {name for name in names if not name.startswith((NOTES, "tmp/ca-certificates", "proc", "dev"))}

  def snapshot(self):
    return {name: state_of(self.path / name) for name in self.touched()}

  def differences(self, before):
    """To an earlier snapshot, by paths: what was not touched then was as it is on the host."""
    changed = []
    for name in sorted(self.touched() | before.keys()):
      was = before[name] if name in before else state_of(pathlib.Path("/") / name)
      now = state_of(self.path / name)
      if was != now:
        changed.append(f"{name}: {was} -> {now}")
    return changed
