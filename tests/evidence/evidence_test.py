"""Two verifiers that share no code, ours and golang.org/x/mod/sumdb, agree on what a ledger proves."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).parent
BUILD = pathlib.Path(os.environ["VEILWIRE_BINARY_DIR"])


class EvidenceTest(unittest.TestCase):
  @classmethod
  def setUpClass(cls):
    cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="veilwire-evidence-"))
    cls.addClassCleanup(shutil.rmtree, cls.folder)
    cls.other = cls.folder / "verify"
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(cls.folder), "GOCACHE": str(cls.folder / "cache"),
                   "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": ""}
    subprocess.run(["go", "build", "-o", cls.other, HERE / "verify.go"], check=True, env=environment)
    subprocess.run([BUILD / "tests/make_ledger", cls.folder], check=True)
    report = json.loads(cls.veilwire("verify", "--json").stdout)
    cls.keys, cls.records, cls.checkpoints = report["keys"], report["records"], report["checkpoints"]
    cls.signed = report["signed_records"]

  @classmethod
  def veilwire(cls, *arguments, ledger="ledger.db"):
    return subprocess.run([BUILD / "bin/veilwire", "audit", "--ledger", cls.folder / ledger, *arguments],
                          capture_output=True, text=True)

  def export(self, *arguments, ledger="ledger.db"):
    """The bundle's lines."""
    run = self.veilwire("export", "--out", "-", *arguments, ledger=ledger)
    self.assertEqual(run.returncode, 0, run.stderr)
    return run.stdout.splitlines(keepends=True)

  def ours(self, lines, keys=None):
    bundle = self.folder / "bundle"
    bundle.write_text("".join(lines))
    run = self.veilwire("verify", "--json", "--bundle", bundle,
                        *[word for key in keys or self.keys for word in ("--key", key)])
    self.assertIn(run.returncode, (0, 4), run.stderr)
    report = json.loads(run.stdout)
    self.assertEqual(report["holds"], run.returncode == 0)
    return report["holds"] and report["trusted"]

  def theirs(self, lines, keys=None):
    """What the other verifier found; None: it refuses."""
    run = subprocess.run([self.other, *(keys or self.keys)], input="".join(lines), capture_output=True, text=True)
    return json.loads(run.stdout) if run.returncode == 0 else None

  def test_the_live_ledger_holds(self):
    self.assertEqual(self.veilwire("verify").returncode, 0)
    self.assertEqual(len(self.keys), 2)
    self.assertGreater(self.checkpoints, 40)

  def test_the_whole_ledger_is_proven_to_both(self):
    lines = self.export("--all")
    self.assertTrue(self.ours(lines))
    # The checkpoint of an empty ledger has nothing that could be consistent.
    self.assertEqual(self.theirs(lines), {"records": self.signed, "size": self.signed, "whole": True,
                                          "consistent": self.checkpoints - 1})

  def test_a_part_of_it_is_proven_to_both(self):
    lines = self.export("00c0ffee00c0ffee.0")
    found = self.theirs(lines)
    self.assertTrue(self.ours(lines))
    self.assertEqual((found["records"], found["whole"]), (len(lines) - 1, False))
    self.assertLess(len(lines), self.signed)
    # The first key leads to the second.
    self.assertTrue(self.ours(lines, self.keys[:1]))

  def test_what_a_ledger_has_left_of_what_it_was_is_proven_to_both(self):
    run = self.veilwire("verify", "--json", ledger="swept.db")
    report = json.loads(run.stdout)
    self.assertEqual(run.returncode, 0, run.stdout)
    self.assertGreater(report["deleted_through"], 500)
    # The statements of both keys, or of the first one, and what a destination has refused.
    self.assertIn(report["kept"], (2, 3))
    lines = self.export("--all", ledger="swept.db")
    found = self.theirs(lines)
    self.assertTrue(self.ours(lines))
    self.assertEqual((found["records"], found["size"]), (len(lines) - 1, report["signed_records"]))
    self.assertEqual(found["records"], report["signed_records"] - report["deleted_through"] + report["kept"])

  def test_what_was_changed_is_refused_by_both(self):
    lines = self.export("--all")
    changes = {
        "a record": lambda l: l[:50] + [l[50].replace('"host":"3f', '"host":"4f')] + l[51:],
        "a proof": lambda l: l[:50] + [l[51].split('"record')[0] + '"record' + l[50].split('"record')[1]] + l[51:],
        "a number": lambda l: l[:50] + [l[50].replace('"index":49', '"index":48')] + l[51:],
        "the root": lambda l: [l[0].replace(l[0].split("\\n")[2], "A" * 43 + "=")] + l[1:],
        "the size": lambda l: [l[0].replace(f"\\n{self.signed}\\n", f"\\n{self.signed - 1}\\n")] + l[1:],
    }
    for what, change in changes.items():
      changed = change(list(lines))
      self.assertNotEqual(changed, lines, what)
      self.assertFalse(self.ours(changed), what)
      self.assertIsNone(self.theirs(changed), what)

  def test_another_key_proves_nothing_to_either(self):
    lines = self.export("--all")
    with tempfile.TemporaryDirectory() as other:
      subprocess.run([BUILD / "tests/make_ledger", other], check=True)
      run = subprocess.run([BUILD / "bin/veilwire", "audit", "--ledger", f"{other}/ledger.db", "verify", "--json"],
                           capture_output=True, text=True, check=True)
    strange = json.loads(run.stdout)["keys"]
    self.assertFalse(self.ours(lines, strange))
    self.assertIsNone(self.theirs(lines, strange))


if __name__ == "__main__":
  unittest.main(verbosity=2)
