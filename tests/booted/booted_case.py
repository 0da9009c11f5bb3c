"""What the cases with a booted Debian 12 share: the packages, a small internet, and shell functions that every script has.

The upstream plays in a network namespace of its own inside the root; /etc/hosts knows its name, and the root's trust
store its CA, as those of a real host would.
"""

import os
import pathlib
import re
import shlex
import shutil
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests")]

import certificates  # noqa: E402
import clients  # noqa: E402
import packages  # noqa: E402
import sandbox  # noqa: E402
from booted_root import BootedRoot, NoMirror, make_base  # noqa: E402
from upstream import scenario  # noqa: E402

BUILD = pathlib.Path(os.environ["VEILWIRE_BINARY_DIR"])
SKIPPED = 77
# What the packages depend on and not every system has (dpkg says when one is missing); then what the tests run in there.
NEEDED = ("libbrotli1", "libelf1", "liblasso3", "libpq5", "librdkafka1", "libseccomp2", "libssl3", "libzstd1", "zlib1g",
          "bpftool", "rpm")
SECRET = scenario.SECRETS["github"]
ADDRESS = sandbox.ADDRESSES[sandbox.API][0]
HOST = sandbox.HOST_ADDRESSES[0]
PROGRAMS = ("redirector", "signer", "identity", "recorder", "proxy")
HELP = f"""
programs="{' '.join(PROGRAMS)}"
upstream() {{  # plays the internet; port 444 is not intercepted
  ip link set lo up
  ip netns add internet
  ip link add up0 type veth peer name up0 netns internet
  ip address add {HOST}/24 dev up0; ip link set up0 up
  ip -n internet address add {ADDRESS}/24 dev up0; ip -n internet link set up0 up; ip -n internet link set lo up
  ip netns exec internet python3 -B /source/tests/support/demo_upstream.py --listen {ADDRESS}:443 --listen {ADDRESS}:444 \\
    --certificate /internet/upstream.pem --key /internet/upstream.key >/run/upstream 2>&1 &
  until grep -q ready /run/upstream; do sleep 0.05; done
}}
ask() {{  # what a client is answered that knows nothing of us
  curl -sS --max-time 20 https://{sandbox.API}/v1/messages -H 'x-api-key: sk-ant-dummy' -H 'content-type: application/json' \\
    -d '{{"model":"claude-demo-1","max_tokens":64,"messages":[{{"role":"user","content":"[[demo secret]]"}}]}}'
  echo
}}
claude() {{  # the same of Claude Code, which alice runs: what it says at its end
  env -C /home/alice HOME=/home/alice {shlex.join(f"{key}={value}" for key, value in clients.CLAUDE_ENVIRONMENT.items())} \\
    setpriv --reuid=alice --regid=alice --init-groups timeout 60 /clients/{clients.CLAUDE} -p '[[demo secret cut=each]]' \\
    {shlex.join(clients.CLAUDE_OPTIONS)} </dev/null | tail -n 1
}}
set_up() {{  # by hand, with answers that no boot looks for; 5: everything is done, and something is unwell
  veilwire setup --from /root/answers.toml --yes >/run/setup || {{ code=$?; cat /run/setup; [ $code = 5 ]; }}
}}
running() {{  # running LABEL: what each program is, how often it was restarted, and which start this one is of
  for unit in $programs; do
    echo "$1 $unit $(systemctl show -p ActiveState -p NRestarts -p InvocationID veilwire-$unit | sort | xargs)"
  done
}}
well() {{  # waits until everything is
  for i in $(seq 100); do veilwire status >/run/status 2>&1 && return; sleep 0.1; done
  cat /run/status
  return 1
}}
state_of() {{ (
  cd /
  find etc usr/local usr/share/ca-certificates -type f -print0 | sort -z | xargs -0 sha256sum
  find etc usr/local usr/share/ca-certificates -type l -printf '%l %p\n' | sort
) }}
"""
# Users of the packages stay, as Debian has it.
MAY_CHANGE = {f"etc/{name}" for name in ("passwd", "passwd-", "group", "group-", "shadow", "shadow-", "gshadow", "gshadow-",
                                         ".pwd.lock")}


def why_impossible(*tools):
  for tool in ("systemd-nspawn", "mmdebstrap", *tools):
    if not shutil.which(tool):
      return f"the command {tool} is missing: packaging/install-dependencies"
  return sandbox.why_impossible()


class BootedCase(unittest.TestCase):
  """One host through its life: the tests of a case run in the order of their numbers."""

  with_claude = False

  @classmethod
  def setUpClass(cls):
    present, following = packages.made(BUILD)
    cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="veilwire-internet-")))
    certificates.make_authority(cls.folder, "ca", "The internet")
    certificates.make_leaf(cls.folder, "ca", "upstream", [sandbox.API])
    cls.binds = [f"{ROOT}:/source", f"{present}:/present", f"{following}:/following", f"{cls.folder}:/internet"]
    cls.host = cls.enterClassContext(BootedRoot(NEEDED))
    cls.host.put("/usr/local/share/ca-certificates/internet.crt", (cls.folder / "ca.pem").read_text())
    cls.host.put("/root/answers.toml", "# everything as it comes\n")
    cls.host.put("/etc/hosts", f"127.0.0.1 localhost\n{ADDRESS} {sandbox.API}\n")
    people = ""
    if cls.with_claude:
      cls.binds.append(f"{clients.installed()}:/clients")
      people = f"""useradd --create-home alice
echo {shlex.quote(clients.CLAUDE_SETTINGS)} >/home/alice/.claude.json
chown alice: /home/alice/.claude.json
"""
    cls.boot(f"{people}update-ca-certificates >/dev/null 2>&1\nstate_of >/state-before")

  @classmethod
  def boot(cls, script, **options):
    return cls.host.boot(HELP + script, binds=cls.binds, **options)

  def ended(self, said, label):
    """What ask said behind this label."""
    found = re.search(rf"(?m)^{label}: (.*)$", said)
    self.assertTrue(found, said)
    return found[1]

  def invocations(self, said, label):
    """{program: which start it is of}, of programs that run and never failed since."""
    found = dict(re.findall(rf"(?m)^{label} (\S+) ActiveState=active InvocationID=(\S+) NRestarts=0$", said))
    self.assertEqual(sorted(found), sorted(PROGRAMS), said)
    return found

  def changed(self, said):
    """What differs from the state before, by the output of diff."""
    return {line.split()[-1] for line in said.splitlines() if line[:2] in ("< ", "> ")}


def main(*tools):
  reason = why_impossible(*tools)
  if reason:
    print(f"SKIPPED: {reason}")
    sys.exit(SKIPPED)
  try:
    make_base(NEEDED)
  except NoMirror as fault:
    print(f"SKIPPED: {fault}")
    sys.exit(SKIPPED)
  unittest.main(verbosity=2)
