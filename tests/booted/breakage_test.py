"""An installed host under systemd is configured, and broken in one way after the other: `veilwire doctor` finds each, by
its id and its exit code, and nothing once it is mended.

SKIPPED where no container can be booted, or Debian's packages cannot be had.
"""

import dataclasses
import re

import booted_case
from booted_case import PROGRAMS, SECRET
import certificates

OK, WARNING, CRITICAL = 0, 1, 2
# The redirector mends what somebody detaches: not while we look. A small disk has to be enough.
ANSWERS = "[redirector]\ncheck_seconds = 3600\n[recorder]\nreserved_mib = 1\nmax_size_mib = 64\n"
LEDGER = "/var/lib/veilwire-recorder"
HELP = """
findings() {  # findings LABEL: the exit code, and the ids of what is not right
  code=0
  veilwire doctor --json >/run/doctor || code=$?
  echo "$1: $code $(python3 -c '
import json
found = json.load(open("/run/doctor"))["findings"]
print(*sorted({one["id"] for one in found if one["severity"] not in ("ok", "note")}))')"
}
whole() {  # whole LABEL: waits for the doctor to find nothing
  for i in $(seq 20); do
    findings "$1" >/run/found
    grep -q ': 0 $' /run/found && break
    sleep 0.5
  done
  cat /run/found
  grep -q ': 0 $' /run/found || python3 -m json.tool /run/doctor | grep -B2 -A6 -E '"(warning|critical|unseen)"'
}
stopped() {  # stopped PROGRAM COMMAND...: a command while it is stopped; what needs it starts again
  program=$1; shift
  systemctl stop veilwire-$program
  "$@"
  systemctl start veilwire.target
  well
}
"""


@dataclasses.dataclass
class Breakage:
  name: str
  breaks: str
  mends: str
  finds: tuple
  code: int


BREAKAGES = [
    Breakage("stopped", "systemctl stop veilwire-signer", "systemctl start veilwire-signer", ("program-down",), CRITICAL),
    Breakage("hanging", "systemctl kill -s STOP veilwire-identity", "systemctl kill -s CONT veilwire-identity",
             ("program-silent",), CRITICAL),
    Breakage("restarting", "for i in 1 2 3 4; do systemctl kill -s KILL veilwire-identity; sleep 0.5; well; done",
             "systemctl restart veilwire-identity", ("unit-restarts",), WARNING),
    Breakage("detached", "bpftool link detach pinned $(find /sys/fs/bpf/veilwire -name vw_connect4)",
             "systemctl restart veilwire-redirector", ("interception-programs",), CRITICAL),
    Breakage("replaced", "cp /usr/sbin/veilwire-recorder /usr/sbin/new && mv /usr/sbin/new /usr/sbin/veilwire-recorder",
             "systemctl restart veilwire-recorder", ("program-outdated",), WARNING),
    Breakage("readable-key", "chmod 0644 /var/lib/veilwire/site.key", "chmod 0400 /var/lib/veilwire/site.key",
             ("key-mode",), CRITICAL),
    Breakage("foreign-key", "chown nobody /var/lib/veilwire-signer/ca.key",
             "chown veilwire-signer /var/lib/veilwire-signer/ca.key", ("key-owner",), CRITICAL),
    Breakage("writable-policy", "chmod 0666 /etc/veilwire/policy.toml", "chmod 0644 /etc/veilwire/policy.toml",
             ("config-mode",), CRITICAL),
    Breakage("broken-policy", "cp -p /etc/veilwire/policy.toml /root; echo no_such_key = 1 >>/etc/veilwire/policy.toml",
             "mv /root/policy.toml /etc/veilwire", ("policy-file",), CRITICAL),
    Breakage("broken-configuration", "cp -p /etc/veilwire/agent.toml /root; echo '[redirectr]' >>/etc/veilwire/agent.toml",
             "mv /root/agent.toml /etc/veilwire", ("config-file",), CRITICAL),
    Breakage("ended-ca", "cp -p /etc/veilwire/ca.pem /root; cat /internet/ended.pem >/etc/veilwire/ca.pem",
             "mv /root/ca.pem /etc/veilwire", ("ca-expiry", "ca-in-force"), CRITICAL),
    Breakage("distrusted", "mv /usr/local/share/ca-certificates/veilwire.crt /root; update-ca-certificates --fresh >/dev/null",
             "mv /root/veilwire.crt /usr/local/share/ca-certificates; update-ca-certificates >/dev/null 2>&1",
             ("trust-bundle",), CRITICAL),
    Breakage("weakened", "mkdir /etc/systemd/system/veilwire-proxy.service.d; printf '[Service]\\nNoNewPrivileges=no\\n' "
             ">/etc/systemd/system/veilwire-proxy.service.d/weak.conf; systemctl daemon-reload",
             "rm -r /etc/systemd/system/veilwire-proxy.service.d; systemctl daemon-reload", ("unit-sandbox",), WARNING),
    Breakage("full", f"stopped recorder small_disk; head -c 64M /dev/zero >{LEDGER}/filler 2>/dev/null || true",
             f"stopped recorder umount {LEDGER}", ("disk-space",), CRITICAL),
    Breakage("misled", "CLAUDE_CODE_CERT_STORE=bundled /root/claude 600 & sleep 0.2", "kill $!", ("client-store",), WARNING),
]


class BreakageTest(booted_case.BootedCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.host.put("/root/answers.toml", ANSWERS)
    certificates.make_ended_authority(cls.folder)

  @classmethod
  def boot(cls, script, **options):
    return super().boot(HELP + script, **options)

  def found(self, said, label):
    code, *ids = self.ended(said, label).split()
    return int(code), ids

  def test_1_nothing_is_found_on_a_host_that_was_set_up(self):
    said = self.boot("dpkg -i /present/veilwire_*.deb\nupstream\nset_up\nwhole whole")
    self.assertEqual(self.found(said, "whole"), (OK, []), said)

  def test_2_configured_anew_it_does_as_it_is_told(self):
    said = self.boot("""
upstream
well
echo "enforced: $(ask)"
sed 's/^mode = "enforce"/mode = "observe"/' /etc/veilwire/policy.toml >/etc/veilwire/policy.toml.new
mv /etc/veilwire/policy.toml.new /etc/veilwire/policy.toml
for i in $(seq 50); do ask >/run/asked; grep -q MASKED /run/asked || break; sleep 0.1; done
echo "observed: $(cat /run/asked)"
findings observing
sed 's/^mode = "observe"/mode = "enforce"/' /etc/veilwire/policy.toml >/etc/veilwire/policy.toml.new
mv /etc/veilwire/policy.toml.new /etc/veilwire/policy.toml
for i in $(seq 50); do ask >/run/asked; ! grep -q MASKED /run/asked || break; sleep 0.1; done
echo "enforced again: $(cat /run/asked)"
sed -i 's/^\\[proxy\\]/&\\nlog_level = "debug"/' /etc/veilwire/agent.toml
systemctl reload veilwire-proxy
for i in $(seq 50); do journalctl --no-pager -u veilwire-proxy | grep -q 'log_level is debug' && break; sleep 0.1; done
echo "level: $(journalctl --no-pager -u veilwire-proxy | grep -c 'log_level is debug')"
running then
whole configured
""")
    for label in ("enforced", "enforced again"):
      self.assertIn("[MASKED:", self.ended(said, label))
      self.assertNotIn(SECRET, self.ended(said, label))
    self.assertIn(SECRET, self.ended(said, "observed"))
    self.assertEqual(self.found(said, "observing"), (OK, []))
    self.assertEqual(self.ended(said, "level"), "1")
    self.invocations(said, "then")
    self.assertEqual(self.found(said, "configured"), (OK, []), said)

  def test_3_a_killed_program_is_back_before_anybody_looks(self):
    said = self.boot("""
upstream
well
for unit in $programs; do
  systemctl kill -s KILL veilwire-$unit
  echo "killed $unit: $(ask)"
  well
done
running now
whole killed
""")
    for program in PROGRAMS:
      self.assertIn("[MASKED:", self.ended(said, f"killed {program}"), said)
    self.assertEqual(len(re.findall(r"(?m)^now \S+ ActiveState=active InvocationID=\S+ NRestarts=[12]$", said)), len(PROGRAMS), said)
    self.assertEqual(self.found(said, "killed"), (OK, []), said)

  def test_4_each_breakage_is_found_and_nothing_once_it_is_mended(self):
    said = self.boot(f"""
small_disk() {{  # the ledger on a disk of its own
  cp -a {LEDGER} /run/ledger
  rm -f /run/ledger/*.reserve
  mount -t tmpfs -o size=24m,mode=0700,uid=$(id -u veilwire-recorder),gid=$(id -g veilwire-recorder) none {LEDGER}
  cp -a /run/ledger/. {LEDGER}
}}
cp /bin/sleep /root/claude
upstream
well
whole before
""" + "".join(f"{one.breaks}\nfindings {one.name}\n{one.mends}\nwhole {one.name}-mended\n" for one in BREAKAGES), seconds=400)
    for one in BREAKAGES:
      with self.subTest(one.name):
        code, ids = self.found(said, one.name)
        self.assertLessEqual(set(one.finds), set(ids), said)
        self.assertEqual(code, one.code, ids)
        self.assertEqual(self.found(said, f"{one.name}-mended"), (OK, []), said)


if __name__ == "__main__":
  booted_case.main()
