"""What the preset release compiles depends neither on the folder that it stands in nor on the compiler's cache: the same
objects, skeletons and units from two copies of the tree, whose paths differ in length, the first without ccache and the
second through it. Of a few modules: a whole second build takes minutes and is made by hand before a release
(packaging/README.md)."""

import filecmp
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

from commands import output  # noqa: E402

TARGETS = ("veilwire_bpf_files", "veilwire_proof", "veilwire_crypto")


class Reproducible(unittest.TestCase):
  def test_objects_do_not_depend_on_the_folder(self):
    with tempfile.TemporaryDirectory(prefix="veilwire-reproducible-") as folder:
      builds = []
      cached = {"CCACHE_DIR": f"{folder}/ccache", "CCACHE_NOHASHDIR": "1", "CCACHE_BASEDIR": f"{folder}/another/and/longer"}
      for name, environment in (("a", {"CCACHE_DISABLE": "1"}), ("another/and/longer", cached)):
        copy = pathlib.Path(folder) / name
        shutil.copytree(ROOT, copy, symlinks=True, ignore=lambda path, names: {".git", ".cache", "build", "node_modules"} & set(names))
        for command in (["cmake", "--preset", "release"],
                        ["cmake", "--build", "--preset", "release", "--target", *TARGETS]):
          output(*command, cwd=copy, env={**os.environ, "CC": "/usr/bin/gcc", "CXX": "/usr/bin/g++", **environment})
        builds.append(copy / "build/release")
      compiled = output("ccache", "--print-stats", env={**os.environ, **cached})
      self.assertGreater(int(dict(line.split("\t") for line in compiled.splitlines())["cache_miss"]), 20, compiled)
      made = sorted(path.relative_to(builds[0]) for kind in ("*.cpp.o", "*.bpf.o", "*.skel.h", "*.a", "veilwire-*.service")
                    for path in builds[0].rglob(kind))
      self.assertGreater(len(made), 20)
      differ = [path for path in made if not filecmp.cmp(builds[0] / path, builds[1] / path, shallow=False)]
      self.assertEqual(differ, [])


if __name__ == "__main__":
  unittest.main()
