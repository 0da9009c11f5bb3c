"""What unit files and AppArmor profiles forbid, the programs do not do: each runs under strace, and what it opened,
wrote, mapped and called is held against both, as if it were installed. A rule that is missing fails here, on any kernel;
that a kernel enforces them is not shown.
"""

import os
import pathlib
import re
import sys
import unittest

import harness  # first: it makes tests/support importable
import agent
import apparmor_profile
import clients
import provider_case
import saml_test
import sandbox
import traced
from service_manager import Service
from delivery_test import Collector
from saml_provider import SamlProvider

sys.path.insert(0, str(agent.SOURCE / "tests"))
import units_test  # noqa: E402

PROFILES = agent.SOURCE / "packaging/apparmor"
UNITS = harness.BUILD / "packaging"
DROP_INS = agent.SOURCE / "packaging/systemd"
# Rules for what is configured in other cases.
NOT_NEEDED_HERE = {
    ("identity", "/var/lib/veilwire-identity/{,*}"), ("identity", "@{run}/veilwire-saml/saml.sock"),
    ("credentials", "/etc/veilwire/*.{crt,pem}"), ("credentials", "/etc/veilwire/credentials/*"),
    ("forwarder", "/etc/veilwire/**.{crt,pem}"), ("forwarder", "/var/lib/veilwire-forwarder/*")}
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
  """Where things of the sandbox are on an installed host."""

  def __init__(self, box, programs):
    base = re.escape(str(box.folder))
    self._places = [
        (re.compile(f"{base}/run/notify-\\w+"), "/run/systemd/notify"),
        *((re.compile(f"{base}/{part}/proxy\\b"), f"{place}/veilwire")
          for part, place in (("state", "/var/lib"), ("run", "/run"))),
        (re.compile(f"{base}/state/"), "/var/lib/veilwire-"), (re.compile(f"{base}/run/"), "/run/veilwire-"),
        (re.compile(f"{base}/(etc|ca|policy)/"), "/etc/veilwire/"), (re.compile(f"{base}/bpf\\b"), "/sys/fs/bpf"),
        (re.compile(re.escape(str(programs))), "/usr/sbin"),
        (re.compile(re.escape(str(sandbox.cgroup2_mount()))), "/sys/fs/cgroup")]

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
    if letter == "w" and place.startswith("/run/veilwire") and place.endswith(".sock"):
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
  """What a case does with the traces of its agent, once that has ended."""

  drop_in = {}  # of a program's unit

  def unit(self, name):
    text = (UNITS / f"veilwire-{name}.service").read_text()
    return text + (DROP_INS / self.drop_in[name]).read_text() if name in self.drop_in else text

  def trace(self, name):
    return traced.read(self.box.folder / "traces" / name, self.agent.programs / f"veilwire-{name}")

  def beyond(self, name, profile=None):
    profile = profile or apparmor_profile.load(PROFILES / f"veilwire-{name}", PROFILES)
    installed = Installed(self.box, self.agent.programs)
    return list(beyond(self.trace(name), profile, self.unit(name), installed, units_test.filter_sets()))

  def all_must_run(self):
    """They have ended, so that nothing more is written about them."""

  def all_must_stay_within(self):
    for name in self.agent.services:
      with self.subTest(name):
        self.assertEqual(self.beyond(name), [])


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
    installed = Installed(self.box, self.agent.programs)
    written = {installed.place(path) for letter, path in self.trace("proxy").uses if letter == "w"}
    self.assertEqual({path for path in written if path.startswith("/var/lib/")}, set())

  def test_each_rule_that_is_taken_away_is_missed(self):
    """Of those for folders of the agent: without it the comparison above would have failed."""
    spare = set()
    for name in self.agent.services:
      text = (PROFILES / f"veilwire-{name}").read_text()
      own = [line for line in text.splitlines() if re.match(r"  (/etc/veilwire|/var/lib/veilwire|@\{run\}/veilwire)", line)]
      self.assertNotEqual(own, [], name)
      for line in own:
        less = self.box.folder / f"less-{name}"
        less.write_text(text.replace(line + "\n", ""))
        if self.beyond(name, apparmor_profile.load(less, PROFILES)) == []:
          spare.add((name, line.split()[0]))
    self.assertEqual(spare, NOT_NEEDED_HERE)

  def test_a_call_or_a_family_that_a_unit_does_not_allow_is_missed(self):
    profile = apparmor_profile.load(PROFILES / "veilwire-proxy", PROFILES)
    unit = self.unit("proxy").replace(" AF_NETLINK", "") + "\nSystemCallFilter=~accept4\n"
    installed = Installed(self.box, self.agent.programs)
    self.assertEqual(list(beyond(self.trace("proxy"), profile, unit, installed, units_test.filter_sets())),
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


class ProviderTest(Confined, provider_case.ProviderCase):
  """Somebody signs in at an OpenID provider."""

  agent_class = TracedSigningAgent
  drop_in = {"identity": "veilwire-identity-oidc.conf"}

  def test_who_signs_in_takes_no_program_beyond_its_unit_and_its_profile(self):
    self.ask()
    self.agent.stop()
    self.all_must_stay_within()


if __name__ == "__main__":
  provider_case.main()
