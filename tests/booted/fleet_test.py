"""A host of a fleet: the answers lie there before its first boot after the installation, nobody types anything, and it is
armed before anybody can log in. Booted again, nothing changes.

SKIPPED where no container can be booted, or Debian's packages cannot be had.
"""

import re

import booted_case
from booted_case import SECRET

STATE = """
echo "set-up: $(systemctl show -p ConditionResult -p Result veilwire-setup.service | sort | xargs)"
(state_of; sha256sum /var/lib/veilwire*/*.key) >/run/state
[ ! -e /state ] || diff /state /run/state
cp /run/state /state
"""


class FleetTest(booted_case.BootedCase):
  def test_1_without_answers_every_boot_leaves_the_host_alone(self):
    self.boot("dpkg -i /present/veilwire_*.deb")
    said = self.boot("""
echo "set-up: $(systemctl show -p ActiveState -p ConditionResult veilwire-setup.service | sort | xargs)"
echo "units: $(systemctl list-units --state=active --no-legend 'veilwire*')"
upstream
echo "asked: $(ask)"
""")
    self.assertEqual(self.ended(said, "set-up"), "ActiveState=inactive ConditionResult=no")
    self.assertEqual(self.ended(said, "units"), "")
    self.assertIn(SECRET, self.ended(said, "asked"))

  def test_2_with_answers_the_first_boot_arms_it_before_anybody_can_log_in(self):
    self.host.put("/etc/veilwire/setup.toml", "# everything as it comes\n")
    said = self.boot("""
for unit in veilwire-setup.service veilwire-proxy.service systemd-user-sessions.service; do
  echo "$unit $(systemctl show --value --property InactiveExitTimestampMonotonic $unit)"
  echo "$unit active $(systemctl show --value --property ActiveEnterTimestampMonotonic $unit)"
done
running armed
""" + STATE + """
upstream
well
echo "asked: $(ask)"
""")
    began = dict(re.findall(r"(?m)^veilwire-(\S+)\.service (\d+)$", said))
    ready = dict(re.findall(r"(?m)^(\S+)\.service active (\d+)$", said))
    self.assertEqual(self.ended(said, "set-up"), "ConditionResult=yes Result=success")
    self.assertGreater(int(ready["veilwire-proxy"]), int(began["setup"]))
    self.assertLess(int(ready["veilwire-proxy"]), int(ready["systemd-user-sessions"]))
    self.invocations(said, "armed")
    self.assertIn("[MASKED:", self.ended(said, "asked"))
    self.assertNotIn(SECRET, said)

  def test_3_the_second_boot_changes_nothing(self):
    said = self.boot("running again" + STATE + """
upstream
well
echo "asked: $(ask)"
veilwire setup --from /etc/veilwire/setup.toml --yes --json
""")
    self.invocations(said, "again")
    self.assertEqual(self.ended(said, "set-up"), "ConditionResult=no Result=success")
    self.assertIn("[MASKED:", self.ended(said, "asked"))
    self.assertRegex(said, r'"changed": ?false')


if __name__ == "__main__":
  booted_case.main()
