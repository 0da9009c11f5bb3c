"""The SELinux module compiles against the reference policy, and has a domain, a label and its folders for each program.
No kernel enforces it here.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import units_test

SOURCE = pathlib.Path(__file__).resolve().parent.parent / "packaging/selinux"
MAKEFILE = pathlib.Path("/usr/share/selinux/devel/Makefile")


def compiled(change=lambda text: text):
  """Whether it does, and what was said."""
  with tempfile.TemporaryDirectory() as folder:
    for ending in ("te", "fc", "if"):
      shutil.copy(SOURCE / f"veilwire.{ending}", folder)
    rules = pathlib.Path(folder) / "veilwire.te"
    rules.write_text(change(rules.read_text()))
    run = subprocess.run(["make", "-f", MAKEFILE, "NAME=default", "veilwire.pp"], cwd=folder, capture_output=True,
                         text=True)
    return run.returncode == 0 and (pathlib.Path(folder) / "veilwire.pp").exists(), run.stdout + run.stderr


def main():
  if not MAKEFILE.exists() or not shutil.which("checkmodule"):
    print("SKIPPED: selinux-policy-dev or checkpolicy is missing: packaging/install-dependencies")
    return 77
  found = []
  good, said = compiled()
  if not good:
    found.append(said)
  if compiled(lambda text: text + "no_such_interface(veilwire_proxy_t)\n")[0]:
    found.append("what is wrong compiles as well")
  rules, labels = ((SOURCE / f"veilwire.{ending}").read_text() for ending in ("te", "fc"))
  for name in units_test.EXPOSURE:
    unit = (units_test.SOURCE / f"veilwire-{name}.service").read_text()
    if f"type veilwire_{name}_t, veilwire_domain;" not in rules:
      found.append(f"{name} has no domain")
    if f"/usr/(local/)?sbin/veilwire-{name}\t--" not in labels:
      found.append(f"{name}: its program has no label")
    for key, base in (("RuntimeDirectory", "/run/"), ("StateDirectory", "/var/lib/")):
      found += [f"{name}: {base}{folder} has no label" for folder in units_test.values(unit, key)
                if not re.search(rf"(?m)^{base}{folder}\(", labels)]
  print("\n".join(found) or "the module compiles; this kernel does not enforce it")
  return 1 if found else 0


if __name__ == "__main__":
  sys.exit(main())
