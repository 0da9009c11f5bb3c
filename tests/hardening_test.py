"""What the linker has made of our flags, read from each program: a flag that stands in CMake may still be lost on the way.

usage: hardening_test.py FOLDER | --self-test
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

PROGRAMS = ("veilwire", "veilwire-redirector", "veilwire-proxy", "veilwire-signer", "veilwire-identity",
            "veilwire-recorder", "veilwire-saml", "veilwire-credentials", "veilwire-forwarder",
            "veilwire-metrics", "veilwire-witness")


def faults(program):
  """What is wrong with one ELF file, in words."""
  run = subprocess.run(["readelf", "--wide", "--file-header", "--segments", "--dynamic", program], capture_output=True,
                       text=True, check=True, env={**os.environ, "LC_ALL": "C"})
  text = run.stdout
  # NAME offset address address size size FLAGS alignment, where the flags may stand apart: "R E"
  segments = re.findall(r"^  ([A-Z_]+) +(?:0x[0-9a-f]+ +){5}([RWE ]+?) +0x[0-9a-f]+$", text, re.MULTILINE)
  flags = " ".join(re.findall(r"\((?:FLAGS|FLAGS_1)\) +(.*)$", text, re.MULTILINE)).split()
  found = []
  if not re.search(r"^  Type: +DYN ", text, re.MULTILINE) or "PIE" not in flags:
    found.append("it is no position independent executable")
  if "BIND_NOW" not in flags:
    found.append("symbols are bound lazily, so their table stays writable")
  if "GNU_RELRO" not in dict(segments):
    found.append("no segment becomes read-only after relocation")
  if "E" in dict(segments).get("GNU_STACK", "RWE"):  # without the segment the kernel may make it executable
    found.append("the stack is executable")
  if any("W" in allowed and "E" in allowed for name, allowed in segments if name == "LOAD"):
    found.append("a segment is writable and executable")
  if "(TEXTREL)" in text:
    found.append("relocations write to code")
  return found


def self_test():
  """Each fault is found in a program that is linked with it."""
  good = ["-fPIE", "-pie", "-Wl,-z,relro,-z,now,-z,noexecstack"]
  wrong = {
      "no position independent": ["-fno-pie", "-no-pie"],
      "bound lazily": ["-Wl,-z,lazy"],
      "read-only after relocation": ["-Wl,-z,norelro"],
      "stack is executable": ["-Wl,-z,execstack"],
      "writable and executable": ["-fno-pie", "-no-pie", "-static", "-nostdlib", "-Wl,--omagic,-e,main"],
  }
  with tempfile.TemporaryDirectory() as folder:
    program = pathlib.Path(folder) / "program"

    def found(*flags):
      subprocess.run([os.environ.get("CC", "cc"), "-x", "c", "-", *good, *flags, "-o", program], check=True,
                     input=b"int main(void) { return 0; }", stderr=subprocess.DEVNULL)
      return faults(program)

    assert found() == [], found()
    for text, flags in wrong.items():
      assert any(text in fault for fault in found(*flags)), (text, found(*flags))
  return 0


def main():
  if sys.argv[1:] == ["--self-test"]:
    return self_test()
  bad = [f"{name}: {fault}" for name in PROGRAMS for fault in faults(pathlib.Path(sys.argv[1]) / name)]
  print("\n".join(bad) or f"{len(PROGRAMS)} programs looked at")
  return 1 if bad else 0


if __name__ == "__main__":
  sys.exit(main())
