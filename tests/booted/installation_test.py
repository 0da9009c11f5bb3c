"""The package in a booted Debian 12, from its installation to its purge: it changes no traffic, is set up, runs in its
sandbox, is up again before anybody can log in, and leaves the ledger and nothing else.

The container's processes have numbers of their own, which the redirector does not know yet: it takes no proxy there, and
nothing is intercepted. SKIPPED where no container can be booted, or Debian's packages cannot be had.
"""

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

import certificates  # noqa: E402
import sandbox  # noqa: E402
from booted_root import BootedRoot, NoMirror, make_base  # noqa: E402
from upstream import scenario  # noqa: E402

BUILD = pathlib.Path(os.environ["VEILWIRE_BINARY_DIR"])
SKIPPED = 77
# What the package depends on and not every system has; dpkg says when one is missing.
NEEDED = ("libbrotli1", "libelf1", "librdkafka1", "libseccomp2", "libssl3", "libzstd1", "zlib1g")
SECRET = scenario.SECRETS["github"]
ADDRESS = sandbox.ADDRESSES[sandbox.API][0]
# Sourced by every script.
HELP = f"""
upstream() {{  # plays the internet, on an address that is no loopback
  ip link set lo up
  ip address add {ADDRESS}/32 dev lo
  python3 -B /source/tests/support/demo_upstream.py --listen {ADDRESS}:443 --certificate /internet/upstream.pem \\
    --key /internet/upstream.key >/run/upstream 2>&1 &
  until grep -q ready /run/upstream; do sleep 0.05; done
}}
ask() {{  # what a client is answered that knows nothing of us
  curl -sS --max-time 20 https://{sandbox.API}/v1/messages -H 'x-api-key: sk-ant-dummy' -H 'content-type: application/json' \\
    -d '{{"model":"claude-demo-1","max_tokens":64,"messages":[{{"role":"user","content":"[[demo secret]]"}}]}}'
}}
state_of() {{ (cd / && find etc usr/local usr/share/ca-certificates -type f -print0 | sort -z | xargs -0 sha256sum); }}
"""


def why_impossible():
  for tool in ("systemd-nspawn", "mmdebstrap"):
    if not shutil.which(tool):
      return f"the command {tool} is missing: packaging/install-dependencies"
  return sandbox.why_impossible()


class InstallationTest(unittest.TestCase):
  """One host through its life: the tests run in the order of their numbers, each a boot."""

  @classmethod
  def setUpClass(cls):
    cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="veilwire-packages-")))
    subprocess.run([ROOT / "packaging/build-packages", "--built", BUILD, "--output", cls.folder / "packages",
                    "--no-install"], check=True, capture_output=True)
    cls.package = next((cls.folder / "packages").glob("veilwire_*.deb"))
    internet = cls.folder / "internet"
    internet.mkdir()
    certificates.make_authority(internet, "ca", "The internet")
    certificates.make_leaf(internet, "ca", "upstream", [sandbox.API])
    cls.host = cls.enterClassContext(BootedRoot(NEEDED))
    cls.host.put("/usr/local/share/ca-certificates/internet.crt", (internet / "ca.pem").read_text())
    cls.host.put("/etc/hosts", f"127.0.0.1 localhost\n{ADDRESS} {sandbox.API}\n")
    cls.boot("update-ca-certificates >/dev/null 2>&1; state_of >/state-before")

  @classmethod
  def boot(cls, script, **options):
    return cls.host.boot(HELP + script, binds=(f"{ROOT}:/source", f"{cls.folder}/packages:/packages",
                                               f"{cls.folder}/internet:/internet"), **options)

  def test_1_installing_changes_no_traffic(self):
    said = self.boot(f"""
dpkg -i /packages/{self.package.name}
upstream
ask
echo; echo "units: $(systemctl list-units --state=active --no-legend 'veilwire*')"
ls /sys/fs/bpf
""")
    self.assertIn(SECRET, said)
    self.assertRegex(said, r"(?m)^units: $")
    self.assertNotIn("veilwire\n", said.split("units:")[1])

  def test_2_set_up_starts_everything_in_its_sandbox(self):
    self.host.put("/etc/veilwire/setup.toml", "# everything as it comes\n")
    said = self.boot("""
veilwire setup --from /etc/veilwire/setup.toml --yes >/run/setup || [ $? = 5 ]
for unit in redirector signer identity recorder proxy; do
  echo "$unit $(systemctl is-active veilwire-$unit) $(systemctl show --value --property NRestarts veilwire-$unit)"
done
upstream
openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt /etc/veilwire/ca.pem
""")
    for unit in ("redirector", "signer", "identity", "recorder", "proxy"):
      self.assertRegex(said, rf"(?m)^{unit} active 0$")
    self.assertIn("/etc/veilwire/ca.pem: OK", said)

  def test_3_booted_again_it_is_up_before_anybody_can_log_in(self):
    said = self.boot("""
for unit in veilwire-proxy.service systemd-user-sessions.service; do
  echo "$unit $(systemctl show --value --property ActiveEnterTimestampMonotonic $unit)"
done
""")
    ready = dict(re.findall(r"(?m)^(\S+)\.service (\d+)$", said))
    self.assertGreater(int(ready["veilwire-proxy"]), 0)
    self.assertLess(int(ready["veilwire-proxy"]), int(ready["systemd-user-sessions"]))

  def test_4_removed_it_leaves_the_ledger_and_nothing_else(self):
    said = self.boot("""
before=$(ls /sys/fs/bpf | grep veilwire)
dpkg -r veilwire
dpkg -P veilwire
upstream
ask
echo
echo "pins: $before, then: $(ls /sys/fs/bpf | grep veilwire)"
state_of >/run/state-after
diff /state-before /run/state-after || true
ls -d /var/lib/veilwire*
""")
    self.assertIn(SECRET, said)
    self.assertIn("pins: veilwire, then: \n", said)
    self.assertEqual(re.findall(r"(?m)^/var/lib/veilwire\S*$", said), ["/var/lib/veilwire-recorder"])
    self.assertIn("/var/lib/veilwire-recorder stays, with the ledger and its keys", said)
    changed = {line.split()[-1] for line in said.splitlines() if line[:2] in ("< ", "> ")}
    # Users of the packages stay, as Debian has it; setup.toml is the operator's.
    self.assertLessEqual(changed, {f"etc/{name}" for name in ("passwd", "passwd-", "group", "group-", "shadow", "shadow-",
                                                               "gshadow", "gshadow-", ".pwd.lock", "veilwire/setup.toml")})


def main():
  reason = why_impossible()
  if reason:
    print(f"SKIPPED: {reason}")
    sys.exit(SKIPPED)
  try:
    make_base(NEEDED)
  except NoMirror as fault:
    print(f"SKIPPED: {fault}")
    sys.exit(SKIPPED)
  unittest.main(verbosity=2)


if __name__ == "__main__":
  main()
