"""What packaging/cross-build makes for arm64: unit tests pass under qemu-user, and the kernel's programs are the bytes that
tests/bpf tests here; Debian's kernel for arm64 takes them, and they redirect there.

Of the programs only the redirector, and of the tests the fast ones: all of it takes two processors half an hour. With
VEILWIRE_CROSS=all the packages are made, too, and looked at. SKIPPED where Debian's packages cannot be had.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests")]

import hardening_test  # noqa: E402
from arm64_machine import Arm64Machine  # noqa: E402
from commands import output  # noqa: E402

BUILD = pathlib.Path(os.environ["VEILWIRE_BINARY_DIR"])
BUILT = BUILD / "arm64"
CROSS_BUILD = ROOT / "packaging/cross-build"
CANNOT_BE_MADE, SKIPPED = 3, 77
EVERYTHING = os.environ.get("VEILWIRE_CROSS") == "all"
NAMES = ("veilwire", "veilwire-saml", "veilwire-witness")
FAST_TESTS = "^(base|crypto|http|sse|json_scanner|content_coding)_test$"
KERNEL_TESTS = ("predicates_test", "redirect_test")
# Emulated, each loads the programs for seconds. What is excluded wants a module, and the machine has none.
KERNEL_CASES = ("*" if EVERYTHING else "*every_combination*:*needle*:*identity*:*v6_connect*:*io_uring*:*multipath*:*egress*") + \
    ":-*a_bound_device_is_taken_recorded_and_given_back"


def faults_of_an_elf(path):
  """What keeps a file from being one of ours for arm64."""
  header = output("readelf", "--wide", "--file-header", "--program-headers", path)
  if not re.search(r"(?m)^  Machine: +AArch64$", header):
    yield "it is of another machine"
  if "[Requesting program interpreter: /lib/ld-linux-aarch64.so.1]" not in header:
    yield "it has another loader"
  yield from hardening_test.faults(path)


class Cross(unittest.TestCase):
  @classmethod
  def setUpClass(cls):
    cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="veilwire-cross-")))
    targets = [word for target in ("veilwire-redirector", "veilwire_bpf_files", *map("bpf_{}".format, KERNEL_TESTS))
               for word in ("--target", target)]
    cls.said = output(CROSS_BUILD, "--built", BUILT, "--tests", FAST_TESTS, *targets)
    if EVERYTHING:
      output(CROSS_BUILD, "--built", BUILT, "--output", cls.folder)

  def test_unit_tests_pass_under_qemu_user(self):
    self.assertRegex(self.said, r"100% tests passed, 0 tests failed out of 6\n")
    for name in ("crypto_test", "http_test", "json_scanner_test"):
      self.assertRegex(self.said, rf"{name} \.+ +Passed")
      self.assertEqual(list(faults_of_an_elf(BUILT / "tests" / name)), [])

  def test_programs_are_for_arm64_and_start_on_rhel_9(self):
    self.assertEqual({program.name: list(faults_of_an_elf(program)) for program in (BUILT / "bin").iterdir()
                      if list(faults_of_an_elf(program))}, {})
    self.assertRegex(self.said, r"(?m)^\d+ programs start on RHEL 9$")

  def test_the_kernel_s_programs_are_the_same_bytes_as_here(self):
    self.assertEqual((BUILT / "bpf/veilwire.bpf.o").read_bytes(), (BUILD / "bpf/veilwire.bpf.o").read_bytes())

  def test_debian_s_kernel_for_arm64_takes_them_and_they_redirect(self):
    with Arm64Machine(output(CROSS_BUILD, "--root").strip()) as machine:
      machine.put_program(BUILT / "bin/veilwire-redirector")
      machine.put("/etc/veilwire/agent.toml", (ROOT / "packaging/agent.toml").read_text())
      for name in KERNEL_TESTS:
        machine.put_program(BUILT / "tests" / name)
      said = machine.boot("""
export GTEST_COLOR=no
uname -srm
veilwire-redirector --version
veilwire-redirector probe
""" + "".join(f"{name} --gtest_filter='{KERNEL_CASES}'\n" for name in KERNEL_TESTS))
    self.assertRegex(said, r"(?m)^Linux \S+ aarch64$")
    self.assertRegex(said, r"(?m)^veilwire-redirector \d+\.\d+")
    self.assertIn('"loads":true', said)
    self.assertEqual(len(re.findall(r"(?m)^\[  PASSED  \] \d+ tests", said)), len(KERNEL_TESTS))
    self.assertNotIn("[  SKIPPED ]", said)

  @unittest.skipUnless(EVERYTHING, "SKIPPED: all programs are built with VEILWIRE_CROSS=all alone")
  def test_packages_of_both_families_are_arm64_s(self):
    hosts = {name: next(self.folder.glob(f"{name}_*_arm64.deb")) for name in NAMES}
    fleets = {name: next(self.folder.glob(f"{name}-[0-9]*.aarch64.rpm")) for name in NAMES}
    self.assertEqual(len(list(self.folder.iterdir())), 2 * len(NAMES))
    programs = {}
    for name in NAMES:
      self.assertEqual(output("dpkg-deb", "-f", hosts[name], "Architecture").strip(), "arm64")
      self.assertEqual(output("rpm", "-qp", "--queryformat", "%{ARCH} %{OS}", fleets[name]), "aarch64 linux")
      self.assertRegex(output("rpm", "-qp", "--requires", fleets[name]), r"(?m)^ld-linux-aarch64\.so\.1\(\)\(64bit\)$")
      self.assertRegex(output("dpkg-deb", "-f", hosts[name], "Depends"), r"libc6 \(>= 2\.34\)")
      unpacked = self.folder / name
      output("dpkg-deb", "-x", hosts[name], unpacked)
      bill = json.loads((unpacked / f"usr/share/doc/{name}/sbom.spdx.json").read_text())
      made_of = {package["name"]: package for package in bill["packages"]}
      self.assertIn("?arch=arm64", made_of["libc6"]["externalRefs"][0]["referenceLocator"])
      self.assertIn("g++-aarch64-linux-gnu", made_of)
      self.assertIn("libstdc++-12-dev-arm64-cross", made_of)
      for program in (unpacked / "usr/sbin").iterdir():
        self.assertEqual(list(faults_of_an_elf(program)), [], program.name)
        programs[program.name] = program
    self.assertEqual(set(programs), set(hardening_test.PROGRAMS))
    for checker in (("lintian", "--allow-root", "--fail-on", "error,warning", *hosts.values()),
                    ("rpmlint", "-c", ROOT / "packaging/rpm/rpmlint.toml", *fleets.values())):
      output(*checker)
    with Arm64Machine(output(CROSS_BUILD, "--root").strip()) as machine:
      for program in programs.values():
        machine.put_program(program)
      said = machine.boot("".join(f"{name} --version\n" for name in programs))
    self.assertEqual(set(re.findall(r"(?m)^(veilwire\S*) \d+\.\d+\.\d+$", said)), set(programs))


def main():
  for tool in ("mmdebstrap", "qemu-system-aarch64", "cpio"):
    if not shutil.which(tool):
      print(f"SKIPPED: the command {tool} is missing: packaging/install-dependencies")
      sys.exit(SKIPPED)
  run = subprocess.run([CROSS_BUILD, "--root"], capture_output=True, text=True)
  if run.returncode == CANNOT_BE_MADE:
    print(f"SKIPPED: {run.stderr}")
    sys.exit(SKIPPED)
  unittest.main(verbosity=2)


if __name__ == "__main__":
  main()
