"""The packages of this build and, as a version that follows them, the same programs packaged again. Made once, and again
when something that goes into them has changed."""

import hashlib
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLLOWING = "99.0"


def _made_of(built):
  """Changes when a program, or what is packaged beside it, does."""
  digest = hashlib.sha256()
  for top in (built / "bin", built / "packaging", ROOT / "packaging", ROOT / "policies"):
    for path in sorted(path for path in top.rglob("*") if path.is_file()):
      facts = path.stat()
      digest.update(f"{path} {facts.st_size} {facts.st_mtime_ns}\n".encode())
  return digest.hexdigest()


def made(built):
  """Two folders of packages of both families: those of this build, and those that follow."""
  built = pathlib.Path(built)
  folder = built / "booted-packages"
  mark, wanted = folder / "made-of", _made_of(built)
  if not mark.exists() or mark.read_text() != wanted:
    shutil.rmtree(folder, ignore_errors=True)
    command = [ROOT / "packaging/build-packages", "--built", built, "--quick", "--no-install"]
    running = [subprocess.Popen([*command, "--output", folder / name, *version], stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)
               for name, version in (("present", ()), ("following", ("--version", FOLLOWING)))]
    for one in running:
      said, _ = one.communicate()
      if one.returncode:
        raise RuntimeError(f"packaging/build-packages: {said}")
    mark.write_text(wanted)
  return folder / "present", folder / "following"
