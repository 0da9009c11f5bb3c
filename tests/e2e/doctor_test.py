"""`veilwire doctor` over a whole agent: each test breaks it in one way and expects the finding that is for it, which
was not there before."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import tomllib
import unittest

import harness  # first: it makes tests/support importable
import agent
import certificates
import clients
import sandbox
from delivery_test import Collector

OK, WARNING, CRITICAL, UNSEEN = 0, 1, 2, 3
ALICE = 64101
# What a development machine may have that is no fault of the agent's.
ANYWHERE = {"trust-java"}
PROVIDER = """
import http.server, sys, time
from email.utils import formatdate
class Handler(http.server.BaseHTTPRequestHandler):
  def do_GET(self):
    known = {"/.well-known/openid-configuration": 200, "/login": 400}
    self.send_response_only(known.get(self.path, 404))
    self.send_header("Date", formatdate(time.time() + int(sys.argv[1]), usegmt=True))
    self.send_header("Content-Length", "2")
    self.end_headers()
    self.wfile.write(b"{}")
  def log_message(self, *_):
    pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


class DoctorTest(harness.AgentCase):
  @classmethod
  def setUpClass(cls):
    harness.SandboxCase.setUpClass.__func__(cls)
    cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(dir="/var/tmp", prefix="veilwire-doctor-")))
    cls.folder.chmod(0o755)
    cls.collector = Collector(cls.box, cls.folder / "collected")
    cls.agent = agent.Agent(
        cls.box, harness.BUILD, redirector={"check_seconds": 3600}, metrics={"listen": "127.0.0.1:9469"},
        forwarder={"sink": [{"name": "all", "kind": "otlp", "endpoint": cls.collector.endpoint, "tell": "records",
                             "retry_first_ms": 50, "retry_longest_seconds": 1, "timeout_seconds": 5}]})
    cls.addClassCleanup(cls.agent.stop)
    cls.agent.start()
    cls.trusted, cls.distrusted = (cls.folder / name for name in ("certs", "certs-without"))
    for store in (cls.trusted, cls.distrusted):
      shutil.copytree(certificates.SYSTEM_BUNDLE.parent, store, symlinks=True)
    # What update-ca-certificates does on an installed host.
    bundle = cls.trusted / certificates.SYSTEM_BUNDLE.name
    bundle.write_text(bundle.read_text() + cls.agent.authority.read_text())
    shutil.copyfile(cls.agent.authority, cls.trusted / "veilwire.pem")
    name = subprocess.run(["openssl", "x509", "-noout", "-hash", "-in", cls.agent.authority], capture_output=True,
                          text=True, check=True).stdout.strip()
    (cls.trusted / f"{name}.0").symlink_to("veilwire.pem")

  def setUp(self):
    super().setUp()
    self.collector.answer()

  # --- asking ---

  def ask(self, *arguments, config=None, certs=None, prepare="", uid=0, programs=None, code=None):
    """As an operator of this host; homes of the machine itself are hidden. prepare: lines of shell before."""
    command = [(programs or self.agent.programs) / "veilwire", "--config", config or self.agent.config_file, "doctor",
               *arguments]
    become = f"setpriv --reuid={uid} --regid={uid} --clear-groups" if uid else ""
    script = f"""set -e
      mount -t tmpfs none /root
      mount -t tmpfs none /home
      mount --bind {certs or self.trusted} {certificates.SYSTEM_BUNDLE.parent}
      {prepare}
      exec {become} {" ".join(map(str, command))}"""
    run = self.box.run(["unshare", "--mount", "--propagation", "private", "sh", "-c", script], where="agent", timeout=120)
    if code is not None:
      self.assertEqual(run.returncode, code, run.stdout.decode() + run.stderr.decode())
    return run

  def findings(self, **options):
    run = self.ask("--json", **options)
    document = json.loads(run.stdout)
    self.assertEqual(document["exit_code"], run.returncode, run.stderr.decode())
    return document["findings"]

  def wrong(self, **options):
    """Id to subjects, of what is neither ok nor a note."""
    out = {}
    for finding in self.findings(**options):
      if finding["severity"] not in ("ok", "note"):
        out.setdefault(finding["id"], []).append(finding.get("subject", ""))
    return out

  def must_find(self, wanted, subject=None, **options):
    found = self.wrong(**options)
    self.assertIn(wanted, found)
    if subject is not None:
      self.assertIn(subject, found[wanted])
    return found

  @contextlib.contextmanager
  def changed_config(self, **tables):
    """The agent's configuration with other values, as doctor alone reads it."""
    config = tomllib.loads(self.agent.config_file.read_text())
    for name, values in tables.items():
      config[name].update(values)
    path = self.folder / "other.toml"
    path.write_text("".join(f"[{name}]\n" + "".join(f"{key} = {agent.to_toml(value)}\n" for key, value in values.items())
                            for name, values in config.items()))
    path.chmod(0o644)
    yield path
    path.unlink()

  # --- nothing is wrong ---

  def test_nothing_is_found_where_nothing_is_wrong(self):
    self.must_succeed(self.clients.curl_message("[[demo hello]]"))
    findings = self.findings()
    wrong = [finding for finding in findings
             if finding["severity"] not in ("ok", "note") and finding["id"] not in ANYWHERE]
    self.assertEqual(wrong, [])
    good = {finding["id"] for finding in findings if finding["severity"] == "ok"}
    # Each part has really looked.
    self.assertLessEqual({"kernel-load", "interception-programs", "interception-listeners", "program-up", "policy-in-force",
                          "ca-expiry", "ca-hosts", "ca-in-force", "trust-bundle", "trust-openssl", "trust-python",
                          "trust-node", "clients", "idp-reachable", "ledger", "sink", "disk-space", "files", "metrics"}, good)

  def test_the_text_has_findings_first_and_a_line_of_summary(self):
    brief, all_of_it = self.ask().stdout.decode(), self.ask("--all").stdout.decode()
    self.assertRegex(brief.splitlines()[-1], r"^veilwire (OK|WARNING): .*\d+ ok$")
    self.assertNotIn("kernel-load", brief)
    self.assertIn("ok        kernel-load: ", all_of_it)

  # --- the kernel side and the programs ---

  def test_a_program_that_somebody_has_detached(self):
    links = self.box.folder / "bpf/veilwire"
    pin = self.box.run(["find", links, "-name", "vw_connect4"], where="agent").stdout.decode().strip()
    self.must_succeed(self.box.run(["bpftool", "link", "detach", "pinned", pin], where="agent"))
    self.addCleanup(self.agent.restart, "redirector")
    self.must_find("interception-programs", code=CRITICAL)
    self.agent.restart("redirector")
    self.assertNotIn("interception-programs", self.wrong())

  def test_a_proxy_that_is_dead(self):
    self.agent.kill("proxy")
    self.agent.services["proxy"].close()  # with its listeners: nothing holds them now
    try:
      found = self.must_find("program-down", "proxy", code=CRITICAL)
      self.assertIn("interception-proxy", found)
      self.assertIn("interception-listeners", found)
    finally:
      self.agent.start_one("proxy")
    clients.wait_until(lambda: "interception-proxy" not in self.wrong(), 20, what="the proxy to be back")

  def test_a_program_that_hangs_does_not_make_doctor_hang(self):
    self.agent.services["signer"].signal(signal.SIGSTOP)
    try:
      found = self.must_find("program-silent", "signer", code=CRITICAL)
      self.assertIn("trust-openssl", found, "without a certificate nobody can be asked")
    finally:
      self.agent.services["signer"].signal(signal.SIGCONT)

  def test_programs_that_are_not_the_installed_ones(self):
    programs = self.folder / "programs"
    programs.mkdir()
    for name in ("veilwire", *(f"veilwire-{name}" for name in self.agent.order)):
      shutil.copy(self.agent.programs / name, programs / name)
    self.assertEqual(set(self.must_find("program-outdated", programs=programs)["program-outdated"]),
                     set(self.agent.order) - {"metrics"})

  # --- the internal CA ---

  def test_a_system_store_without_the_internal_ca(self):
    found = self.must_find("trust-bundle", certs=self.distrusted, code=CRITICAL)
    for runtime in ("openssl", "python"):
      self.assertIn(f"trust-{runtime}", found)

  def test_a_ca_that_has_expired(self):
    made = self.folder / "expired"
    made.mkdir()
    ended = certificates.make_ended_authority(made)
    with self.changed_config(signer={"certificate": str(ended)}) as config:
      found = self.must_find("ca-expiry", config=config, code=CRITICAL)
    self.assertIn("ca-in-force", found, "the signer signs with another")

  def test_a_host_of_the_policy_that_the_ca_may_not_sign_for(self):
    policy = self.agent.policy_file.parent / "other.toml"
    policy.write_text(agent.POLICY.replace("mcp.example.com", "elsewhere.example.net"))
    policy.chmod(0o644)
    with self.changed_config(proxy={"policy": str(policy)}) as config:
      self.must_find("ca-hosts", "elsewhere.example.net", config=config, code=CRITICAL)

  # --- clients ---

  def client_with(self, **environment):
    """Something called claude that runs where clients are caught."""
    program = self.box.folder / "clients" / "claude"
    shutil.copy("/bin/sleep", program)
    process = self.box.popen([program, "600"], env=environment)
    self.addCleanup(process.wait)
    self.addCleanup(process.kill)
    clients.wait_until(lambda: pathlib.Path(f"/proc/{process.pid}/exe").resolve().name == "claude", what="the client")
    return f"process {process.pid} (claude)"

  def test_a_client_that_is_told_not_to_trust_the_system(self):
    where = self.client_with(CLAUDE_CODE_CERT_STORE="bundled")
    self.must_find("client-store", where)

  def test_a_client_that_is_sent_elsewhere_and_no_password_is_shown(self):
    where = self.client_with(HTTPS_PROXY="http://user:hunter2@proxy.example:3128",
                             ANTHROPIC_BASE_URL="https://token@gateway.example/v1?key=hunter2",
                             NODE_TLS_REJECT_UNAUTHORIZED="0", SECRET="hunter2")
    found = self.must_find("client-proxy", where)
    self.assertIn(where, found["client-base-url"])
    self.assertIn(where, found["client-unverified"])
    for arguments in ((), ("--all",), ("--json",)):
      run = self.ask(*arguments)
      self.assertIn(b"proxy.example", run.stdout)
      self.assertNotIn(b"hunter2", run.stdout + run.stderr)

  def test_a_client_that_is_too_old_in_somebodys_home(self):
    prepare = "mkdir -p /root/.local/share/claude/versions; touch /root/.local/share/claude/versions/2.1.%s"
    self.must_find("client-version", "/root/.local/share/claude/versions/2.1.99", prepare=prepare % 99)
    self.assertNotIn("client-version", self.wrong(prepare=prepare % 101))

  # --- identity ---

  def provider(self, ahead):
    process = self.box.popen([sandbox.PYTHON, "-c", PROVIDER, str(ahead)], where="direct", stdout=subprocess.PIPE)
    self.addCleanup(process.wait)
    self.addCleanup(process.kill)
    return process, f"http://127.0.0.1:{int(process.stdout.readline())}"

  def test_an_identity_provider_that_is_down_and_one_whose_clock_is_not_ours(self):
    for ahead, wanted in ((0, None), (3600, "clock-offset"), (-90, "clock-offset")):
      with self.subTest(ahead=ahead):
        process, issuer = self.provider(ahead)
        with self.changed_config(identity={"provider": "oidc", "issuer": issuer, "client_id": "workstation"}) as config:
          found = self.wrong(config=config)
          self.assertEqual([one for one in ("clock-offset", "idp-reachable") if one in found], [wanted] if wanted else [])
          process.kill()
          process.wait()
          self.must_find("idp-reachable", issuer, config=config, code=CRITICAL)

  def test_saml_with_metadata_that_say_nothing_and_a_sign_in_that_is_away(self):
    process, issuer = self.provider(3600)
    metadata = self.folder / "saml-idp.xml"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=idp", "-keyout",
                    self.folder / "idp.key", "-out", self.folder / "idp.pem"], check=True, capture_output=True)
    certificate = "".join((self.folder / "idp.pem").read_text().splitlines()[1:-1])
    whole = ('<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example/saml">'
             '<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor>'
             '<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>' + certificate +
             '</X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleSignOnService '
             f'Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{issuer}/login"/>'
             '</IDPSSODescriptor></EntityDescriptor>')
    metadata.write_text(whole)
    metadata.chmod(0o644)
    with self.changed_config(identity={"provider": "saml"}, saml={"entity_id": "urn:example.com:veilwire",
                                                                  "idp_metadata": str(metadata)}) as config:
      found = self.wrong(config=config)
      self.assertIn("clock-offset", found)
      self.assertEqual([one for one in ("saml-metadata", "idp-reachable") if one in found], [])
      process.kill()
      process.wait()
      self.must_find("idp-reachable", f"{issuer}/login", config=config)
      metadata.write_text(whole.replace("IDPSSODescriptor", "SPSSODescriptor"))
      self.assertNotIn("idp-reachable", self.must_find("saml-metadata", config=config, code=CRITICAL))

  # --- metrics ---

  def test_somebody_else_where_metrics_are_served(self):
    _, other = self.provider(0)
    with self.changed_config(metrics={"listen": other.removeprefix("http://")}) as config:
      self.must_find("metrics-wrong", other.removeprefix("http://"), config=config)

  def test_metrics_that_may_not_ask(self):
    """As if somebody had changed the user of veilwire-metrics, and nobody's readers."""
    with self.changed_config(metrics={"listen": "127.0.0.1:9470"}) as config:
      self.assertNotIn("metrics-blind", self.wrong(config=config))
      metrics = self.box.popen([self.agent.programs / "veilwire-metrics", "--config", config, "--unconfined"],
                               where="agent", uid=ALICE, stderr=subprocess.PIPE)
      self.addCleanup(metrics.wait)
      self.addCleanup(metrics.kill)
      metrics.stderr.readline()  # that it serves
      found = self.must_find("metrics-blind", "proxy", config=config)
      self.assertEqual(set(found["metrics-blind"]), set(self.agent.order) - {"metrics"})

  # --- evidence ---

  def test_a_disk_that_is_nearly_full(self):
    state = self.agent.ledger.parent
    prepare = f"""mkdir -p /tmp/ledger; cp -a {state}/. /tmp/ledger; rm /tmp/ledger/*.reserve
      mount -t tmpfs -o size=24m,mode=0700,uid={agent.USERS['recorder']},gid={agent.USERS['recorder']} none {state}
      cp -a /tmp/ledger/. {state}
      """
    fill = f"head -c %dM /dev/zero > {state}/filler"
    with self.changed_config(recorder={"reserved_mib": 1, "max_size_mib": 64}) as config:
      self.assertNotIn("disk-space", self.wrong(config=config))
      self.must_find("disk-space", config=config, prepare=prepare + fill % 16, code=CRITICAL)

  def test_a_sink_that_is_away(self):
    self.collector.answer("503")
    self.must_succeed(self.clients.curl_message("[[demo hello]]"))
    clients.wait_until(lambda: "sink-failing" in self.wrong(), 20, what="the failure to be found")
    self.must_find("sink-failing", "all")
    self.collector.answer()
    clients.wait_until(lambda: "sink-failing" not in self.wrong(), 20, what="the sink to be back")

  # --- files ---

  def test_a_key_that_others_can_read(self):
    self.agent.site_key.chmod(0o644)
    try:
      self.must_find("key-mode", str(self.agent.site_key), code=CRITICAL)
    finally:
      self.agent.site_key.chmod(0o400)
    os.chown(self.agent.site_key, ALICE, ALICE)
    try:
      self.must_find("key-owner", str(self.agent.site_key), code=CRITICAL)
    finally:
      os.chown(self.agent.site_key, agent.USERS["proxy"], agent.USERS["proxy"])

  def test_a_policy_that_others_can_write_or_that_is_none(self):
    pack = self.agent.policy_file.parent / "rules/cloud.toml"
    pack.chmod(0o666)
    try:
      self.must_find("config-mode", str(pack), code=CRITICAL)
    finally:
      pack.chmod(0o644)
    policy = self.agent.policy_file.parent / "broken.toml"
    policy.write_text("no_such_key = 1\n")
    policy.chmod(0o644)
    with self.changed_config(proxy={"policy": str(policy)}) as config:
      self.must_find("policy-file", str(policy), config=config, code=CRITICAL)

  def test_a_configuration_that_cannot_be_read(self):
    config = self.folder / "bad.toml"
    config.write_text("[redirectr]\n")
    config.chmod(0o644)
    self.assertEqual(list(self.must_find("config-file", config=config, code=CRITICAL)), ["config-file"])

  # --- who is not root ---

  def test_who_is_not_root_hears_what_could_not_be_seen(self):
    findings = self.findings(uid=ALICE, code=UNSEEN)
    self.assertEqual({finding["severity"] for finding in findings}, {"ok", "note", "unseen"})
    unseen = {finding["id"] for finding in findings if finding["severity"] == "unseen"}
    self.assertLessEqual({"kernel-probe", "interception", "program-up", "trust-openssl", "client-homes", "ledger", "files"},
                         unseen)
    self.assertEqual(self.ask(uid=ALICE).stderr, b"")


if __name__ == "__main__":
  harness.main()
