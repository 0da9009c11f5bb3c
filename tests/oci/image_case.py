"""What both tests of the image share: the packages and the image of this build, made once a run of a test."""

import os
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

from commands import output  # noqa: E402

BUILD = os.environ["VEILWIRE_BINARY_DIR"]
SKIPPED = 77


def build_image(folder, *source):
  # Whatever is committed in the meantime.
  output(ROOT / "packaging/build-image", *source, "--output", folder, "--no-install", "--source", "https://veilwire.example",
         env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
  return next(folder.glob("veilwire-*.oci.tar"))


class ImageCase(unittest.TestCase):
  @classmethod
  def setUpClass(cls):
    cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="veilwire-image-", dir="/var/tmp")))
    cls.built = cls.folder / "built"
    cls.image = build_image(cls.built, "--built", BUILD)


def main(reason):
  if reason:
    print(f"SKIPPED: {reason}")
    sys.exit(SKIPPED)
  unittest.main(verbosity=2)
