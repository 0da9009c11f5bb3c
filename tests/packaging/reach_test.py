"""packaging/reach finds what keeps a program from starting on RHEL 9, and finds nothing in ours."""

import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = sorted(pathlib.Path(os.environ["VEILWIRE_BINARY_DIR"], "bin").glob("veilwire*"))


def reach(*programs):
  return subprocess.run([ROOT / "packaging/reach", *programs], capture_output=True, text=True)


class Reach(unittest.TestCase):
  def of(self, source, *flags):
    with tempfile.TemporaryDirectory() as folder:
      program = pathlib.Path(folder) / "program"
      subprocess.run([os.environ["CC"], "-x", "c", "-", "-o", program, *flags], input=source, text=True, check=True)
      return reach(program)

  def test_our_programs_start_on_rhel_9(self):
    self.assertGreaterEqual(len(PROGRAMS), 11)
    run = reach(*PROGRAMS)
    self.assertEqual((run.returncode, run.stdout), (0, f"{len(PROGRAMS)} programs start on RHEL 9\n"), run.stderr)

  def test_a_symbol_of_a_newer_glibc_is_found(self):
    run = self.of("#include <stdlib.h>\nint main(void) { return (int)arc4random(); }")
    self.assertEqual((run.returncode, run.stdout), (1, "program: takes arc4random of GLIBC_2.36\n"), run.stderr)

  def test_a_library_that_is_not_there_is_found(self):
    run = self.of("int main(void) { return 0; }", "-Wl,--no-as-needed", "-lre2")
    self.assertEqual((run.returncode, run.stdout),
                     (1, "program: needs libre2.so.9, which RHEL 9 does not have\n"), run.stderr)

  def test_a_newer_symbol_of_a_library_that_is_there_is_found(self):
    run = self.of("int PQsendFlushRequest(void *); int PQconnectStart(const char *);\n"
                  "int main(void) { return PQsendFlushRequest(0) + PQconnectStart(0) + PQpipelineSync(0); }", "-w", "-lpq")
    self.assertEqual(run.returncode, 1, run.stderr)
    self.assertEqual(sorted(run.stdout.splitlines()),
                     [f"program: takes {name} from libpq.so.5, which has it since {version}"
                      for name, version in (("PQpipelineSync", 14), ("PQsendFlushRequest", 15))])

  def test_a_program_of_old_symbols_passes(self):
    run = self.of("#include <stdio.h>\nint main(void) { return puts(\"\"); }")
    self.assertEqual((run.returncode, run.stdout), (0, "1 programs start on RHEL 9\n"), run.stderr)


if __name__ == "__main__":
  unittest.main()
