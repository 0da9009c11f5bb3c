"""What every end-to-end case shares: one sandbox a class, the real clients, and SKIPPED said aloud."""

import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

import clients  # noqa: E402
import sandbox  # noqa: E402

SKIPPED = 77  # ctest's SKIP_RETURN_CODE
BUILD = pathlib.Path(os.environ.get("VEILWIRE_BINARY_DIR",
                                    pathlib.Path(__file__).resolve().parents[2] / "build/dev"))


class SandboxCase(unittest.TestCase):
  @classmethod
  def setUpClass(cls):
    cls.box = cls.enterClassContext(sandbox.Sandbox())
    cls.box.start_upstream()
    cls.clients = clients.Clients(cls.box)

  def setUp(self):
    self.box.forget_upstream_log()

  def said(self):
    """All that the upstream's answers meant, as one text."""
    return "".join(entry["text"] for entry in self.box.upstream_log("said"))

  def must_succeed(self, run):
    self.assertEqual(run.returncode, 0, f"stdout: {run.stdout[-2000:]!r}\nstderr: {run.stderr[-2000:]!r}")
    return run.stdout.decode()


def main():
  reason = sandbox.why_impossible()
  if reason:
    print(f"SKIPPED: {reason}")
    sys.exit(SKIPPED)
  unittest.main(verbosity=2)
