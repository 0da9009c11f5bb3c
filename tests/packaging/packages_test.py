"""The packages, from the programs of this build: the same files in both families, and the same bytes a second time; what
the checkers of both say; installing into a folder, verifying and erasing; what is inert, and what is described."""

import hashlib
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
sys.path.insert(0, str(ROOT / "tests/support"))

from commands import output  # noqa: E402

BUILD = os.environ["VEILWIRE_BINARY_DIR"]
NAMES = ("veilwire", "veilwire-saml", "veilwire-witness")
# Where Debian 12 differs.
FAMILY = {"/lib/systemd/system/": "/usr/lib/systemd/system/",
          "/usr/share/zsh/vendor-completions/": "/usr/share/zsh/site-functions/"}


def build(folder):
  # Whatever is committed in the meantime.
  output(ROOT / "packaging/build-packages", "--built", BUILD, "--output", folder, "--no-install",
         env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})


def contents(folder):
  """{path: its kind, mode and bytes} of everything but folders."""
  found = {}
  for path in folder.rglob("*"):
    name = "/" + path.relative_to(folder).as_posix()
    name = next((there + name.removeprefix(here) for here, there in FAMILY.items() if name.startswith(here)), name)
    if path.is_symlink():
      found[name] = os.readlink(path)
    elif path.is_file():
      found[name] = (oct(path.stat().st_mode), hashlib.sha256(path.read_bytes()).hexdigest())
  return found


class Packages(unittest.TestCase):
  @classmethod
  def setUpClass(cls):
    cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="veilwire-packages-"))
    cls.addClassCleanup(shutil.rmtree, cls.folder)
    cls.built = cls.folder / "built"
    build(cls.built)
    cls.debs = {name: next(cls.built.glob(f"{name}_*.deb")) for name in NAMES}
    cls.rpms = {name: next(cls.built.glob(f"{name}-[0-9]*.rpm")) for name in NAMES}
    cls.unpacked = {}
    for name in NAMES:
      for family in ("deb", "rpm"):
        place = cls.unpacked[family, name] = cls.folder / family / name
        place.mkdir(parents=True)
      output("dpkg-deb", "-x", cls.debs[name], cls.unpacked["deb", name])
      subprocess.run(f"rpm2cpio {cls.rpms[name]} | cpio -idm --quiet", shell=True, check=True,
                     cwd=cls.unpacked["rpm", name])

  def test_a_second_build_gives_the_same_bytes(self):
    build(self.folder / "again")
    for package in sorted(self.built.iterdir()):
      self.assertEqual(package.read_bytes(), (self.folder / "again" / package.name).read_bytes(), package.name)

  def test_both_families_hold_the_same_files(self):
    for name in NAMES:
      deb, rpm = contents(self.unpacked["deb", name]), contents(self.unpacked["rpm", name])
      deb.pop(f"/usr/share/lintian/overrides/{name}")
      self.assertEqual(deb, rpm, name)

  def test_every_file_of_the_tree_is_in_one_package(self):
    tree = self.folder / "tree"
    output("cmake", "--install", BUILD, env={**os.environ, "DESTDIR": str(tree)})
    wanted = {re.sub(r"(/man/.*)", r"\1.gz", path) for path in contents(tree)}
    held = [path for name in NAMES for path in contents(self.unpacked["rpm", name])]
    made = {f"/usr/share/doc/{name}/{file}" for name in NAMES
            for file in ("changelog.gz", "copyright", "sbom.spdx.json", "third-party-terms.gz")}
    self.assertEqual(len(held), len(set(held)))
    self.assertEqual(set(held), wanted | made)
    for path in (path for path in held if "/bin/" in path or "/sbin/" in path):
      page = f"/usr/share/man/man[18]/{pathlib.Path(path).name}[.][18][.]gz"
      self.assertTrue(any(re.fullmatch(page, other) for other in held), path)

  def test_the_checkers_of_both_families_find_nothing(self):
    run = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", *self.debs.values()],
                         capture_output=True, text=True)
    self.assertEqual((run.returncode, run.stdout), (0, ""), run.stderr)
    run = subprocess.run(["rpmlint", "-c", ROOT / "packaging/rpm/rpmlint.toml", *self.rpms.values()],
                         capture_output=True, text=True)
    self.assertRegex(run.stdout, " 0 errors, 0 warnings")
    self.assertEqual(run.returncode, 0)

  def test_no_override_is_left_over(self):
    run = output("lintian", "--allow-root", "--show-overrides", *self.debs.values())
    for name in NAMES:
      overrides = [line for line in (ROOT / f"packaging/deb/{name}.lintian-overrides").read_text().splitlines()
                   if not line.startswith("#")]
      for override in overrides:
        self.assertIn(override.split()[1], run)

  def test_the_rpm_installs_verifies_and_goes_without_a_trace(self):
    root = self.folder / "root"
    rpm = ["rpm", "--root", root, "--dbpath", "/var/lib/rpm"]
    root.mkdir()
    # Scripts would want a shell in there; deb and rpm share what matters of them (packaging/before-remove).
    output(*rpm, "-i", "--nodeps", "--noscripts", *self.rpms.values())
    installed = contents(root)
    self.assertEqual(output(*rpm, "-V", "--nodeps", "--noscripts", *NAMES), "")
    self.assertTrue((root / "usr/sbin/veilwire-proxy").exists())
    (root / "etc/veilwire/policy.toml").write_text("changed = true\n")
    output(*rpm, "-e", "--nodeps", "--noscripts", *NAMES)
    left = {path for path in contents(root) if not path.startswith("/var/lib/rpm/")}
    self.assertEqual(left, {"/etc/veilwire/policy.toml.rpmsave"})
    self.assertGreater(len(installed), len(left))
    self.assertEqual([path for path in root.rglob("*veilwire*") if path != root / "etc/veilwire"], [])

  def test_the_host_needs_neither_a_database_nor_lasso(self):
    for depends in (output("dpkg-deb", "-f", self.debs["veilwire"], "Depends"),
                    output("rpm", "-qp", "--requires", self.rpms["veilwire"])):
      self.assertNotRegex(depends, "libpq|postgresql|lasso|xmlsec")

  def test_configuration_is_kept_when_somebody_has_changed_it(self):
    kept = {path for path in contents(self.unpacked["rpm", "veilwire"]) if path.startswith("/etc/")}
    self.assertTrue(kept)
    control = self.folder / "control"
    output("dpkg-deb", "-e", self.debs["veilwire"], control)
    self.assertEqual(set((control / "conffiles").read_text().split()), kept)
    self.assertEqual(set(output("rpm", "-qp", "--configfiles", self.rpms["veilwire"]).split()), kept)

  def test_installing_starts_and_enables_nothing(self):
    for name in NAMES:
      control = self.folder / f"control-{name}"
      output("dpkg-deb", "-e", self.debs[name], control)
      scripts = {script.name: script.read_text() for script in control.iterdir()
                 if script.name in ("preinst", "postinst", "prerm", "postrm")}
      scripts["rpm"] = output("rpm", "-qp", "--scripts", self.rpms[name])
      for script, text in scripts.items():
        self.assertNotRegex(text, r"systemctl (--\S+ )*(start|enable|restart|preset)|invoke (start|restart)", (name, script))
        # deb-systemd-helper enables again what an administrator had enabled before.
        for match in re.finditer("helper enable", text):
          self.assertIn("was-enabled", text[:match.start()])
        if script != "rpm":
          output("sh", "-n", control / script)
      self.assertIn("invoke try-restart", scripts["postinst"])
      self.assertIn("systemctl try-restart", scripts["rpm"])
      wants = {path for path in contents(self.unpacked["rpm", name]) if path.endswith(".preset") or ".wants/" in path}
      # Which does nothing without a file that somebody has put there.
      self.assertEqual(wants, {"/usr/lib/systemd/system/multi-user.target.wants/veilwire-setup.service"}
                       if name == "veilwire" else set())

  def test_the_bill_of_materials_names_what_the_programs_need(self):
    for name in NAMES:
      bill = json.loads((self.unpacked["rpm", name] / f"usr/share/doc/{name}/sbom.spdx.json").read_text())
      self.assertEqual((bill["spdxVersion"], bill["dataLicense"], bill["SPDXID"]),
                       ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT"))
      self.assertRegex(bill["creationInfo"]["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
      self.assertRegex(bill["documentNamespace"], r"^urn:[a-z:]+:[0-9a-f]{64}$")
      ids = [package["SPDXID"] for package in bill["packages"]]
      self.assertEqual(len(ids), len(set(ids)))
      known = {*ids, "SPDXRef-DOCUMENT"}
      links = {}
      for package in bill["packages"]:
        self.assertRegex(package["SPDXID"], r"^SPDXRef-[A-Za-z0-9.-]+$")
        for required in ("name", "downloadLocation", "versionInfo"):
          self.assertTrue(package[required])
        for reference in package.get("externalRefs", ()):
          self.assertRegex(reference["referenceLocator"], r"^pkg:deb/debian/[a-z0-9.+-]+@[A-Za-z0-9.~%-]+\?arch=(amd64|all)$")
      for relation in bill["relationships"]:
        self.assertLessEqual({relation["spdxElementId"], relation["relatedSpdxElement"]}, known)
        links.setdefault(relation["relationshipType"], set()).add(relation["relatedSpdxElement"])
      self.assertEqual(set(links), {"DESCRIBES", "STATIC_LINK", "DYNAMIC_LINK", "BUILD_TOOL_OF"})
      needed = set()
      for program in (self.unpacked["rpm", name] / "usr/sbin").iterdir():
        needed.update(re.findall(r"NEEDED +(\S+)", output("objdump", "-p", program)))
      said = " ".join(package.get("comment", "") for package in bill["packages"])
      self.assertEqual(needed, set(re.findall(r"\S+\.so\S*", said)), name)
      self.assertIn("SPDXRef-libstdc---12-dev", links["STATIC_LINK"])
    host = json.loads((self.unpacked["rpm", "veilwire"] / "usr/share/doc/veilwire/sbom.spdx.json").read_text())
    inside = {relation["relatedSpdxElement"].removeprefix("SPDXRef-") for relation in host["relationships"]
              if relation["relationshipType"] == "STATIC_LINK"}
    self.assertEqual(inside, {"libboost1.74-dev", "libbpf-dev", "libcli11-dev", "libfmt-dev", "libre2-dev",
                              "libspdlog-dev", "libsqlite3-dev", "libstdc---12-dev", "libtomlplusplus-dev",
                              "nlohmann-json3-dev"})


if __name__ == "__main__":
  unittest.main()
