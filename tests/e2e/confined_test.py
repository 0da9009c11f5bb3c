"""What unit files and AppArmor profiles forbid, the programs do not do: each runs under strace, and what it opened,
wrote, mapped and called is held against both, as if it were installed. A rule that is missing fails here, on any kernel;
that a kernel enforces them is not shown.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

import harness  # first: it makes tests/support importable
import agent
import apparmor_profile
import certificates
import clients
import own_postgres
import provider_case
import saml_test
import sandbox
import traced
from service_manager import Service
from delivery_test import Collector
from saml_provider import SamlProvider

sys.path.insert(0, str(agent.SOURCE / "tests"))
import units_test  # noqa: E402
sys.path.insert(0, str(agent.SOURCE / "tests/witness"))
import witness_test  # noqa: E402

PROFILES = agent.SOURCE / "packaging/apparmor"
UNITS = harness.BUILD / "packaging"
DROP_INS = agent.SOURCE / "packaging/systemd"
# Rules for what is configured in other cases, each of which misses them.
OF_PEOPLE = {"/var/lib/veilwire-identity/{,*}"}
OF_SAML = {"@{run}/veilwire-saml/saml.sock"}
OF_VAULTS = {"/etc/veilwire/*.{crt,pem}", "/etc/veilwire/credentials/*"}
OF_TLS = {"/etc/veilwire/**.{crt,pem}", "/var/lib/veilwire-forwarder/*"}
OF_FILES = {"/var/lib/veilwire-credentials/*"}
# A command that brings a credential, and what an organisation then adds to the profile.
CAT = os.path.realpath("/usr/bin/cat")
LOCAL = f"  {CAT} mrix,\n"
# Written by all: where the service manager listens, and the null device.
EVERYBODY_WRITES = ("/run/systemd/notify", "/dev/null", "/run/nscd/socket", "/run/systemd/userdb/")


class TracedAgent(agent.Agent):
  """By names of users, as on an installed host, so that these are looked up."""

  def service(self, name, command, uid):
    traces = self.box.folder / "traces"
    traces.mkdir(exist_ok=True)
    # strace has to be root to look into what has given its privileges up.
    identity = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--bounding-set=-all"] if uid else []
    return Service(self.box, name, [*traced.STRACE, traces / name, *identity, *command], env=self.environment.get(name))

  def _prepare(self, policy):
    for file, form in (("passwd", "{0}:x:{1}:{1}::/nonexistent:/bin/false\n"), ("group", "{0}:x:{1}:\n")):
      with open(self.box.folder / "etc" / file, "a") as lines:
        lines.writelines(form.format(account(name), uid) for name, uid in agent.USERS.items())
    super()._prepare(policy)

  def _config(self):
    config = super()._config()
    for name in agent.USERS:
      config = config.replace(f'"{self._user(name)}"', f'"{account(name)}"')
    return config


class TracedSamlAgent(TracedAgent, saml_test.SamlAgent):
  pass


class TracedSigningAgent(TracedAgent, provider_case.SigningAgent):
  pass


def account(name):
  return "veilwire" if name == "proxy" else f"veilwire-{name}"


class Installed:
  """Where things of a test are on an installed host."""

  def __init__(self, places):
    self._places = places  # (expression, place), the first that matches

  @classmethod
  def of_sandbox(cls, box, programs):
    base = re.escape(str(box.folder))
    return cls([
        (re.compile(f"{base}/run/notify-\\w+"), "/run/systemd/notify"),
        *((re.compile(f"{base}/{part}/proxy\\b"), f"{place}/veilwire")
          for part, place in (("state", "/var/lib"), ("run", "/run"))),
        (re.compile(f"{base}/state/"), "/var/lib/veilwire-"), (re.compile(f"{base}/run/"), "/run/veilwire-"),
        (re.compile(f"{base}/(etc|ca|policy)/"), "/etc/veilwire/"), (re.compile(f"{base}/bpf\\b"), "/sys/fs/bpf"),
        (re.compile(re.escape(str(programs))), "/usr/sbin"),
        (re.compile(re.escape(str(sandbox.cgroup2_mount()))), "/sys/fs/cgroup")])

  def place(self, path):
    for expression, place in self._places:
      if expression.match(path):
        return expression.sub(place, path, count=1)
    return path


def writable(unit):
  """The folders that the unit leaves writable."""
  return [*(f"/run/{name}/" for name in units_test.values(unit, "RuntimeDirectory")),
          *(f"/var/lib/{name}/" for name in units_test.values(unit, "StateDirectory")),
          *(f"{path}/" for path in units_test.values(unit, "ReadWritePaths")), "/tmp/", "/var/tmp/"]


def beyond(trace, profile, unit, installed, sets):
  """What its unit or its profile would have refused, in words."""
  for letter, path in sorted(trace.uses):
    place = installed.place(path)
    if not profile.allows(letter, place):
      yield f"the profile refuses {letter} of {place}"
    if letter == "w" and re.match(r"/run/(veilwire.*\.sock|postgresql/\.s\.PGSQL\.\d+)$", place):
      continue  # a socket of another's is connected to, which a folder that is read-only does not hinder
    if letter == "w" and not place.startswith((*EVERYBODY_WRITES, *writable(unit))):
      yield f"the unit refuses to write {place}"
  families = set(" ".join(units_test.values(unit, "RestrictAddressFamilies")).split())
  for family, kind in sorted(trace.families):
    if family not in families:
      yield f"the unit refuses sockets of {family}"
    if family != "AF_UNIX" and not profile.allows_network(family, kind):
      yield f"the profile refuses sockets of {family}, {kind}"
  if trace.looks and not profile.sees_others:
    yield f"the profile refuses to look at {min(trace.looks)}"
  refused = trace.calls - units_test.allowed_calls(unit, sets)
  if refused:
    yield f"the unit's filter refuses {sorted(refused)}"


class Confined:
  """What a case does with the traces of its programs, once these have ended."""

  drop_in = {}  # of a program's unit

  def installed(self):
    return Installed.of_sandbox(self.box, self.agent.programs)

  def unit(self, name):
    text = (UNITS / f"veilwire-{name}.service").read_text()
    return text + (DROP_INS / self.drop_in[name]).read_text() if name in self.drop_in else text

  def trace(self, name):
    return traced.read(self.box.folder / "traces" / name, self.agent.programs / f"veilwire-{name}")

  def beyond(self, name, profile=None):
    profile = profile or apparmor_profile.load(PROFILES / f"veilwire-{name}", PROFILES)
    return list(beyond(self.trace(name), profile, self.unit(name), self.installed(), units_test.filter_sets()))

  def all_must_run(self):
    """They have ended, so that nothing more is written about them."""

  def all_must_stay_within(self):
    for name in self.agent.services:
      with self.subTest(name):
        self.assertEqual(self.beyond(name), [])

  def profile_with(self, name, *, less="", more=""):
    """As it ships, without a line of it, and with what an organisation has added."""
    folder = self.scratch / "profiles"
    shutil.copytree(PROFILES, folder, dirs_exist_ok=True)
    (folder / "local").mkdir(exist_ok=True)
    (folder / f"local/veilwire-{name}").write_text(more)
    if less:
      (folder / f"veilwire-{name}").write_text((PROFILES / f"veilwire-{name}").read_text().replace(less + "\n", ""))
    return apparmor_profile.load(folder / f"veilwire-{name}", folder)

  def spare(self, name, more=""):
    """The paths of the profile's rules for what is the agent's own that could be taken away unnoticed."""
    text = (PROFILES / f"veilwire-{name}").read_text()
    own = [line for line in text.splitlines() if re.match(r"  (/etc/veilwire|/var/lib/veilwire|@\{run\}/veilwire)", line)]
    self.assertNotEqual(own, [], name)
    return {line.split()[0] for line in own
            if self.beyond(name, self.profile_with(name, less=line, more=more)) == []}

  @property
  def scratch(self):
    return self.box.folder


class HostTest(Confined, harness.SandboxCase):
  """With the users of the host, a credential from a file, and a collector."""

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.collector = Collector(cls.box, cls.box.folder / "collector")
    key = cls.box.folder / "state/credentials/api"
    cls.agent = TracedAgent(
        cls.box, harness.BUILD, agent.POLICY.replace('speaks = "anthropic"\n', 'speaks = "anthropic"\n'
                                                     '[[host.credential]]\ngroup = "root"\nuse = "api"\n', 1),
        credentials={"source": [{"name": "api", "kind": "file", "path": str(key)}]},
        forwarder={"sink": [{"name": "collector", "kind": "otlp", "endpoint": cls.collector.endpoint}]})
    key.write_text("sk-ant-organisation")
    key.chmod(0o400)
    os.chown(key, agent.USERS["credentials"], agent.USERS["credentials"])
    cls.addClassCleanup(cls.agent.stop)
    cls.agent.start()
    cls.said_to_curl = cls.clients.curl_message("[[demo secret]]").stdout.decode()
    cls.said_to_claude = cls.clients.claude("[[demo secret]]").stdout.decode()
    cls.clients.node("sdk_stream.mjs", "[[demo secret]]")
    cls.agent.write_policy(agent.POLICY)
    clients.wait_until(lambda: len(cls.agent.records("config.change")) > 1, what="a record of the new policy")
    clients.wait_until(lambda: list(cls.collector.folder.glob("*.pb")), what="records at the collector")
    cls.agent.ctl("--config", cls.agent.config_file, "status")
    cls.agent.stop()

  def test_the_agent_has_worked_meanwhile(self):
    for said in (self.said_to_curl, self.said_to_claude):
      self.assertIn("[MASKED:", said)
    self.assertEqual(set(self.agent.services),
                     {"redirector", "signer", "identity", "recorder", "credentials", "proxy", "forwarder"})

  def test_no_program_goes_beyond_its_unit_and_its_profile(self):
    self.all_must_stay_within()

  def test_nothing_is_started_and_no_file_of_the_proxy_s_is_written(self):
    for name in self.agent.services:
      self.assertEqual([path for letter, path in self.trace(name).uses if letter == "x"], [], name)
    written = {self.installed().place(path) for letter, path in self.trace("proxy").uses if letter == "w"}
    self.assertEqual({path for path in written if path.startswith("/var/lib/")}, set())

  def test_each_rule_that_is_taken_away_is_missed(self):
    """Of those for folders of the agent: without it the comparison above would have failed."""
    spare = {name: self.spare(name) for name in self.agent.services}
    self.assertEqual(spare, {**dict.fromkeys(self.agent.services, set()), "identity": OF_PEOPLE | OF_SAML,
                             "credentials": OF_VAULTS, "forwarder": OF_TLS})

  def test_a_call_or_a_family_that_a_unit_does_not_allow_is_missed(self):
    profile = apparmor_profile.load(PROFILES / "veilwire-proxy", PROFILES)
    unit = self.unit("proxy").replace(" AF_NETLINK", "") + "\nSystemCallFilter=~accept4\n"
    self.assertEqual(list(beyond(self.trace("proxy"), profile, unit, self.installed(), units_test.filter_sets())),
                     ["the unit refuses sockets of AF_NETLINK", "the unit's filter refuses ['accept4']"])


class SamlTest(Confined, saml_test.SamlCase):
  """Somebody signs in with SAML."""

  agent_class = TracedSamlAgent
  drop_in = {"identity": "veilwire-identity-saml.conf"}

  def test_who_signs_in_takes_no_program_beyond_its_unit_and_its_profile(self):
    self.sign_in()
    self.assertTrue(self.passes())
    self.assertIn("saml", self.agent.services)
    self.agent.stop()
    self.all_must_stay_within()
    self.assertEqual((self.spare("saml"), self.spare("identity")), (set(), set()))


class ProviderTest(Confined, provider_case.ProviderCase):
  """Somebody signs in at an OpenID provider."""

  agent_class = TracedSigningAgent
  drop_in = {"identity": "veilwire-identity-oidc.conf"}

  def test_who_signs_in_takes_no_program_beyond_its_unit_and_its_profile(self):
    self.ask()
    self.agent.stop()
    self.all_must_stay_within()


class SourcesTest(Confined, harness.SandboxCase):
  """The organisation's credentials from a vault and from a program of others, and what the agent counts."""

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    etc, of = cls.box.folder / "etc/credentials", agent.USERS["credentials"]
    etc.mkdir(mode=0o755)
    for name, text in (("token", "hvs.token"), ("said", "sk-ant-said")):
      (etc / name).write_text(text)
      (etc / name).chmod(0o400)
      os.chown(etc / name, of, of)
    (cls.box.folder / "vault").write_text(json.dumps({"llm/team": {"value": "sk-ant-kept"}}))
    vault = cls.box.popen([sandbox.PYTHON, "-B", agent.SOURCE / "tests/support/vault.py", cls.box.folder / "vault",
                           etc / "token"], where="direct", stdout=-1)
    shutil.copy(certificates.SYSTEM_BUNDLE, cls.box.folder / "etc/vault.pem")
    policy = agent.POLICY.replace('speaks = "anthropic"\n', 'speaks = "anthropic"\n[[host.credential]]\n'
                                  'group = "root"\nuse = "of-vault"\n', 1)
    policy = policy.replace('speaks = "mcp"\n', 'speaks = "mcp"\ncredential_as = "bearer"\n[[host.credential]]\n'
                            'group = "root"\nuse = "of-command"\n', 1)
    cls.agent = TracedAgent(cls.box, harness.BUILD, policy, metrics={"listen": "127.0.0.1:9469"}, credentials={"source": [
        {"name": "of-vault", "kind": "vault", "address": f"http://127.0.0.1:{int(vault.stdout.readline())}",
         "path": "llm/team", "token_file": str(etc / "token"), "ca_file": str(cls.box.folder / "etc/vault.pem")},
        {"name": "of-command", "kind": "command", "command": ["/usr/bin/cat", str(etc / "said")]}]})
    cls.addClassCleanup(cls.agent.stop)
    cls.agent.start()
    cls.clients.curl_message("[[demo hello]]")
    cls.clients.curl(f"https://{sandbox.TOOLS}/")
    cls.sources = cls.agent.status("credentials")["sources"]
    cls.counted = cls.box.run(["curl", "-sS", "http://127.0.0.1:9469/metrics"], where="agent").stdout.decode()
    cls.agent.stop()

  def test_what_a_command_needs_is_all_that_has_to_be_added(self):
    self.assertEqual({source["name"]: source["state"] for source in self.sources},
                     {"of-vault": "good", "of-command": "good"})
    self.assertEqual(self.beyond("credentials"), [f"the profile refuses x of {CAT}"])
    self.assertEqual(self.beyond("credentials", self.profile_with("credentials", more=LOCAL)), [])

  def test_no_other_program_starts_one(self):
    for name in self.agent.services.keys() - {"credentials"}:
      with self.subTest(name):
        self.assertEqual(self.beyond(name), [])
        self.assertEqual([path for letter, path in self.trace(name).uses if letter == "x"], [])

  def test_each_rule_that_is_taken_away_is_missed(self):
    self.assertIn('veilwire_up{program="credentials"} 1', self.counted)
    self.assertEqual(self.spare("metrics"), set())
    self.assertEqual(self.spare("credentials", LOCAL), OF_FILES)


class SinksTest(Confined, harness.SandboxCase):
  """What is recorded goes to Kafka, and by TLS to rsyslog, by RELP and as plain syslog."""

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    etc, state = cls.box.folder / "etc", cls.box.folder / "state/forwarder"
    certificates.make_authority(etc, "collectors", "collectors")
    certificates.make_leaf(etc, "collectors", "collector", ["localhost"])
    certificates.make_leaf(etc, "collectors", "host", ["host-7"], usage="clientAuth")
    kafka = cls.box.popen([harness.BUILD / "tests/serve_kafka"], where="agent", stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE)
    cls.out = cls.box.folder / "collected"
    (etc / "rsyslog.conf").write_text(cls.receiver(etc))
    cls.box.popen(["/usr/sbin/rsyslogd", "-n", "-iNONE", "-f", etc / "rsyslog.conf"], where="agent")
    tls = {"ca_file": str(etc / "collectors.pem"), "certificate_file": str(etc / "host.pem"),
           "key_file": str(state / "host.key"), "retry_first_ms": 50, "retry_longest_seconds": 1}
    cls.agent = TracedAgent(cls.box, harness.BUILD, forwarder={"sink": [
        {"name": "kafka", "kind": "kafka", "brokers": kafka.stdout.readline().decode().strip().split(","),
         "topic": "veilwire", "security_protocol": "plaintext"},
        {"name": "relp", "kind": "relp", "address": "localhost:2514", **tls},
        {"name": "syslog", "kind": "syslog", "address": "localhost:6514", **tls}]})
    shutil.move(etc / "host.key", state)
    os.chown(state / "host.key", agent.USERS["forwarder"], agent.USERS["forwarder"])
    cls.addClassCleanup(cls.agent.stop)
    cls.agent.start()
    cls.clients.curl_message("[[demo secret]]")
    cls.sinks = clients.wait_until(cls.delivered, seconds=60, what="all to be delivered")
    cls.agent.stop()

  @classmethod
  def receiver(cls, etc):
    mine = f'tls.myCert="{etc}/collector.pem" tls.myPrivKey="{etc}/collector.key"'
    return f"""\
global(workDirectory="{cls.box.folder}" maxMessageSize="64k" defaultNetstreamDriver="ossl"
       defaultNetstreamDriverCAFile="{etc}/collectors.pem" defaultNetstreamDriverCertFile="{etc}/collector.pem"
       defaultNetstreamDriverKeyFile="{etc}/collector.key")
module(load="imrelp" tls.tlslib="openssl")
input(type="imrelp" port="2514" maxDataSize="64k" tls="on" tls.caCert="{etc}/collectors.pem" {mine}
      tls.authMode="name" tls.permittedPeer=["host-7"])
module(load="imtcp" streamDriver.mode="1" streamDriver.authMode="x509/name" permittedPeer="host-7")
input(type="imtcp" port="6514")
action(type="omfile" file="{cls.out}")
"""

  @classmethod
  def delivered(cls):
    run = cls.agent.ctl("--config", cls.agent.config_file, "audit", "sinks", "--json")
    report = json.loads(run.stdout)
    whole = len(report["sinks"]) == 3 and all(sink["next"] > report["records"] for sink in report["sinks"])
    return report["sinks"] if whole and cls.out.exists() else None

  def test_no_program_goes_beyond_its_unit_and_its_profile(self):
    self.assertEqual({sink["name"] for sink in self.sinks}, {"kafka", "relp", "syslog"})
    self.all_must_stay_within()
    self.assertEqual(self.spare("forwarder"), set())


class WitnessTest(Confined, witness_test.WitnessCase):
  """Records of hosts are taken, into PostgreSQL."""

  user = own_postgres.NOBODY  # whose the database is

  @classmethod
  def begin(cls):
    cls.give_to(cls.user)
    cls.instances = [cls.confined(cls.user, [*traced.STRACE, cls.folder / "trace"])]

  def setUp(self):
    pass

  def installed(self):
    folder, postgres = re.escape(str(self.folder)), re.escape(str(self.postgres.folder))
    return Installed([(re.compile(rf"{folder}/[\w-]+\.toml"), "/etc/veilwire/witness.toml"),
                      (re.compile(rf"{folder}/(?=[\w-]+\.pem)"), "/etc/veilwire/"),
                      (re.compile(rf"{folder}/(?=[\w-]+\.key)"), "/var/lib/veilwire-witness/"),
                      (re.compile(postgres), "/run/postgresql"),
                      (re.compile(re.escape(str(harness.BUILD / "bin"))), "/usr/sbin")])

  def trace(self, name):
    return traced.read(self.folder / "trace", witness_test.PROGRAM)

  @property
  def scratch(self):
    return self.folder

  def test_it_goes_not_beyond_its_unit_and_its_profile(self):
    self.assertEqual(self.send(1, 50)[0], 200)
    self.assertEqual(len(self.kept()), 50)
    self.instances[0].stop()
    self.assertEqual(self.beyond("witness"), [])
    self.assertEqual(self.spare("witness"), set())
    # Neither the database nor anything else of it is reached without its rule.
    less = self.profile_with("witness", less="  @{run}/postgresql/.s.PGSQL.* rw,")
    self.assertNotEqual(self.beyond("witness", less), [])


if __name__ == "__main__":
  provider_case.main()
