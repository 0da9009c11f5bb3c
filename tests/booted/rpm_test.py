"""The rpm in a booted Debian 12, as far as one can have it there: rpm installs, verifies, upgrades and erases it, with a
database of its own and without dependencies, and its scripts run under a systemd that runs.

No Fedora is here: update-ca-certificates takes the place of update-ca-trust, and SELinux is not asked. SKIPPED where no
container can be booted, or Debian's packages cannot be had.
"""

import re

import booted_case
from booted_case import MAY_CHANGE, PROGRAMS, SECRET

RPM = """
install() { rpm --nodeps "$@" 2>&1 | sed 's/^/rpm: /'; [ "${PIPESTATUS[0]}" = 0 ]; }
verified() { echo "$1: $(rpm -V --nodeps veilwire veilwire-saml veilwire-witness 2>&1 | tr -s ' ' | paste -sd,)"; }
"""


class RpmTest(booted_case.BootedCase):
  @classmethod
  def boot(cls, script, **options):
    return super().boot(RPM + script, **options)

  def test_1_installed_it_verifies_and_changes_no_traffic(self):
    said = self.boot("""
install -i /present/*.rpm
verified installed
upstream
echo "asked: $(ask)"
echo "units: $(systemctl list-units --state=active --no-legend 'veilwire*')"
stat -c 'folder: %n %a %U' /var/lib/veilwire*
""")
    self.assertEqual(self.ended(said, "installed"), "")
    self.assertIn(SECRET, self.ended(said, "asked"))
    self.assertEqual(self.ended(said, "units"), "")
    folders = re.findall(r"(?m)^folder: /var/lib/(\S+) 700 (\S+)$", said)
    self.assertIn(("veilwire-signer", "veilwire-signer"), folders)
    self.assertTrue(all(folder == user for folder, user in folders), folders)

  def test_2_set_up_upgraded_and_taken_back_it_runs_what_is_installed(self):
    said = self.boot("""
upstream
set_up
well
systemctl enable --now veilwire-metrics
verified armed
echo "asked: $(ask)"
running one
install -U /following/*.rpm
well
running two
echo "asked then: $(ask)"
install -U --oldpackage /present/*.rpm
well
running three
rpm -q veilwire veilwire-saml veilwire-witness
verified back
""", seconds=240)
    self.assertIn("[MASKED:", self.ended(said, "asked"))
    self.assertIn("[MASKED:", self.ended(said, "asked then"))
    # Set-up has changed no file of the package that is no configuration.
    for label in ("armed", "back"):
      for line in filter(None, self.ended(said, label).split(",")):
        self.assertRegex(line, r"^\S+ c /etc/veilwire/\S+$")
    starts = [self.invocations(said, label) for label in ("one", "two", "three")]
    for program in PROGRAMS:
      self.assertEqual(len({start[program] for start in starts}), 3, program)
    self.assertEqual(len(re.findall(r"(?m)^veilwire(?:-saml|-witness)?-0\S+$", said)), 3, said)

  def test_3_erased_it_leaves_state_and_nothing_else(self):
    said = self.boot("""
pins=$(ls /sys/fs/bpf | grep veilwire)
install -e veilwire veilwire-saml veilwire-witness
upstream
echo "asked: $(ask)"
echo "pins: $pins, then: $(ls /sys/fs/bpf | grep veilwire)"
echo "units: $(systemctl list-units --all --no-legend 'veilwire*' | grep -v not-found)"
state_of >/run/state-after
diff /state-before /run/state-after || true
(cd / && find usr/sbin usr/bin usr/lib/systemd usr/lib/sysusers.d usr/lib/tmpfiles.d usr/share run -name '*veilwire*' | sed 's/^/left: /')
""")
    self.assertIn(SECRET, self.ended(said, "asked"))
    self.assertEqual(self.ended(said, "pins"), "veilwire, then: ")
    self.assertEqual(self.ended(said, "units"), "")
    self.assertIn("/var/lib/veilwire-recorder stays, with the ledger", said)
    self.assertLessEqual(self.changed(said), MAY_CHANGE, said)
    self.assertNotRegex(said, r"(?m)^left: ")


if __name__ == "__main__":
  booted_case.main()
