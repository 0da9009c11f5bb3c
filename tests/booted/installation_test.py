"""The package in a booted Debian 12, from its installation to its purge: it changes no traffic, is set up, masks what curl
and Claude Code are answered, runs in its sandbox, is up again before anybody can log in, and leaves the ledger and nothing
else.

SKIPPED where no container can be booted, or Debian's packages cannot be had.
"""

import re

import booted_case  # first: it makes tests/support importable
from booted_case import MAY_CHANGE, PROGRAMS, SECRET
from units_test import EXPOSURE

CLIENTS = """
clients() {  # clients LABEL
  echo "$1 curl: $(ask)"
  echo "$1 claude: $(claude)"
}
"""


class InstallationTest(booted_case.BootedCase):
  with_claude = True

  @classmethod
  def boot(cls, script, **options):
    return super().boot(CLIENTS + script, **options)

  def read_whole(self, said, label):
    for client in ("curl", "claude"):
      self.assertIn(SECRET, self.ended(said, f"{label} {client}"))

  def masked(self, said, label):
    for client in ("curl", "claude"):
      answer = self.ended(said, f"{label} {client}")
      self.assertIn("[MASKED:", answer)
      self.assertNotIn(SECRET, answer)

  def test_1_installing_changes_no_traffic(self):
    said = self.boot("""
dpkg -i /present/veilwire_*.deb
upstream
clients installed
echo "units: $(systemctl list-units --state=active --no-legend 'veilwire*')"
echo "pins: $(ls /sys/fs/bpf)"
""")
    self.read_whole(said, "installed")
    self.assertEqual(self.ended(said, "units"), "")
    self.assertNotIn("veilwire", self.ended(said, "pins"))

  def test_2_set_up_starts_everything_and_what_clients_are_answered_is_masked(self):
    said = self.boot("""
upstream
clients before
set_up
running up
systemctl enable --now veilwire-metrics
well
clients armed
echo "metrics: $(curl -sS http://127.0.0.1:9469/metrics | grep -c '^veilwire_')"
openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt /etc/veilwire/ca.pem
veilwire audit verify
""")
    self.read_whole(said, "before")
    self.invocations(said, "up")
    self.masked(said, "armed")
    self.assertIn("/etc/veilwire/ca.pem: OK", said)
    self.assertGreater(int(self.ended(said, "metrics")), 10)

  def test_3_booted_again_it_is_up_before_anybody_can_log_in(self):
    said = self.boot("""
for unit in veilwire-proxy.service systemd-user-sessions.service; do
  echo "$unit $(systemctl show --value --property ActiveEnterTimestampMonotonic $unit)"
done
upstream
well
clients again
""")
    ready = dict(re.findall(r"(?m)^(\S+)\.service (\d+)$", said))
    self.assertGreater(int(ready["veilwire-proxy"]), 0)
    self.assertLess(int(ready["veilwire-proxy"]), int(ready["systemd-user-sessions"]))
    self.masked(said, "again")

  def test_4_each_program_runs_in_the_sandbox_that_its_unit_says(self):
    """As the manager that runs them has them, with what the other two packages bring."""
    said = self.boot("""
dpkg -i /present/veilwire-saml_*.deb /present/veilwire-witness_*.deb >/dev/null
for unit in $(systemctl list-unit-files --no-legend 'veilwire-*.service' | cut -d' ' -f1); do
  echo "$unit: $(systemd-analyze security --no-pager $unit | tail -n 1)"
done
for unit in $programs; do
  pid=$(systemctl show --value --property MainPID veilwire-$unit)
  echo "$unit $(grep -E '^(CapBnd|NoNewPrivs|Seccomp):' /proc/$pid/status | cut -f2 | xargs)"
done
dpkg -P veilwire-saml veilwire-witness >/dev/null
""")
    found = {name: int(whole) * 10 + int(tenth) for name, whole, tenth in
             re.findall(r"(?m)^veilwire-(\S+)\.service: .*exposure level for \S+: (\d+)\.(\d)", said)}
    self.assertEqual(set(found), {*EXPOSURE, "setup"}, said)  # set-up runs as root does by hand, and says why
    self.assertEqual({name: tenths for name, tenths in found.items() if name != "setup" and tenths >= EXPOSURE[name]}, {})
    # No new privileges, and system calls filtered.
    bounding = dict(re.findall(r"(?m)^(\S+) ([0-9a-f]{16}) 1 2$", said))
    self.assertEqual({program for program, mask in bounding.items() if not int(mask, 16)}, {*PROGRAMS} - {"redirector"}, said)
    self.assertEqual(set(bounding), {*PROGRAMS})

  def test_5_removed_it_leaves_the_ledger_and_nothing_else(self):
    said = self.boot("""
upstream
pins=$(ls /sys/fs/bpf | grep veilwire)
echo >>/etc/claude-code/managed-settings.d/50-veilwire.json  # as an administrator may
dpkg -r veilwire
clients removed
dpkg -P veilwire
echo "pins: $pins, then: $(ls /sys/fs/bpf | grep veilwire)"
state_of >/run/state-after
diff /state-before /run/state-after || true
ls -d /var/lib/veilwire*
""")
    self.read_whole(said, "removed")
    self.assertIn("pins: veilwire, then: \n", said)
    self.assertEqual(re.findall(r"(?m)^/var/lib/veilwire\S*$", said), ["/var/lib/veilwire-recorder"])
    self.assertIn("/var/lib/veilwire-recorder stays, with the ledger and its keys", said)
    kept = "etc/claude-code/managed-settings.d/50-veilwire.json.kept"
    self.assertIn(kept, self.changed(said))
    self.assertLessEqual(self.changed(said), {*MAY_CHANGE, kept})


if __name__ == "__main__":
  booted_case.main()
