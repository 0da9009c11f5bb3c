"""Debian's own judge of a package's coming and going, piuparts: installed, removed, installed again and purged; and
upgraded from the version before. No file is left, changed or lost. In the root that the other cases boot, as a
chroot, and without the network.

SKIPPED where that root cannot be made.
"""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

import booted_case
from booted_root import make_base
import packages

# Its mounts end with it, whatever becomes of it.
INSIDE = """
mount -t overlay -o lowerdir="$1",upperdir="$2/upper",workdir="$2/work" none "$2/root"
shift 2
exec "$@"
"""


class PiupartsTest(unittest.TestCase):
  def test_piuparts_finds_nothing(self):
    base = make_base(booted_case.NEEDED)
    present, following = packages.made(booted_case.BUILD)
    with tempfile.TemporaryDirectory(prefix="veilwire-piuparts-", dir="/var/tmp") as name:
      folder = pathlib.Path(name)
      archive = folder / "upper/archive"  # where the older version comes from
      for made in (archive, folder / "upper/etc/apt", folder / "work", folder / "root", folder / "tmp"):
        made.mkdir(parents=True)
      for package in present.glob("*.deb"):
        shutil.copy(package, archive)
      index = subprocess.run(["dpkg-scanpackages", "."], cwd=archive, check=True, capture_output=True, text=True).stdout
      (archive / "Packages").write_text(index)
      (folder / "upper/etc/apt/sources.list").write_text("deb [trusted=yes] file:/archive ./\n")
      run = subprocess.run(["unshare", "--mount", "sh", "-ec", INSIDE, "inside", base, folder,
                            "env", f"TMPDIR={folder}/tmp", "piuparts", "--distribution=bookworm",
                            f"--existing-chroot={folder}/root", "--keep-sources-list", "--no-eatmydata",
                            "--install-remove-install", *sorted(following.glob("*.deb"))],
                           capture_output=True, text=True, stdin=subprocess.DEVNULL)
    self.assertEqual(run.returncode, 0, run.stdout[-9000:] + run.stderr[-2000:])
    for passed in ("Installation and purging test.", "Installation, upgrade and purging tests.", "All tests."):
      self.assertIn(f"PASS: {passed}", run.stdout)


if __name__ == "__main__":
  booted_case.main("piuparts", "dpkg-scanpackages")
