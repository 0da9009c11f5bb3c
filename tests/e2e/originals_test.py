"""Originals that policy keeps: what was typed and what was sent, byte for byte, for auditors and for nobody else.

Two auditors, one on P-256 and one with RSA, whose keys are made here and never come near the agent. A third key opens
nothing, the ledger has no secret in clear, and the proxy has forgotten the key of a session when that is over.
"""

import base64
import json
import pathlib
import re
import subprocess
import tempfile
import time
import unittest

import harness  # first: it makes tests/support importable
import agent
import clients
import memory
import sandbox
from upstream import scenario

SECRET = scenario.SECRETS["github"]
TYPED = scenario.SECRETS["aws"]
PASSPHRASE = "a phrase that protects a key"
KEPT = """
[[original]]
group = "{quiet}"
keep = "none"
[[original]]
host = "{host}"
keep = "both"
[auditors]
certificates = ["auditors/anna.pem", "auditors/ben.pem"]
"""
QUIET = 64101
# Few rules: policies change here, and all of them are compiled each time.
RULES = re.sub(r"packs = \[.*?\]", 'packs = ["rules/cloud.toml", "rules/source-hosts.toml"]', agent.POLICY, flags=re.S)
POLICY = RULES + KEPT.format(quiet=sandbox.PEOPLE[QUIET], host=sandbox.API)


def openssl(*arguments, **options):
  run = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=False, **options)
  if run.returncode:
    raise RuntimeError(run.stderr.decode())
  return run.stdout


class OriginalsTest(harness.AgentCase):
  policy = POLICY

  @classmethod
  def setUpClass(cls):
    harness.SandboxCase.setUpClass.__func__(cls)
    cls.desk = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(dir="/var/tmp")))
    cls.agent = agent.Agent(cls.box, harness.BUILD, agent.POLICY, proxy={"threads": 1})
    cls.certificates = cls.agent.policy_file.parent / "auditors"
    cls.certificates.mkdir(mode=0o755)
    cls.make_auditor("anna", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    cls.make_auditor("ben", "rsa:2048")
    cls.make_auditor("carol", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    cls.agent.write_policy(cls.policy)
    cls.addClassCleanup(cls.agent.stop)
    cls.agent.start()

  @classmethod
  def make_auditor(cls, name, *kind, days=30):
    """As docs for auditors have it: a key of their own and a certificate for it."""
    openssl("req", "-x509", "-newkey", *kind, "-nodes", "-keyout", cls.desk / f"{name}.key", "-out",
            cls.desk / f"{name}.pem", "-days", days, "-subj", f"/CN={name}")
    fresh = cls.certificates / f"{name}.pem"
    fresh.write_bytes((cls.desk / f"{name}.pem").read_bytes())
    fresh.chmod(0o644)

  def keys_of(self, name):
    return ("--key", self.desk / f"{name}.key", "--certificate", self.desk / f"{name}.pem")

  def open(self, exchange, *arguments, auditor="anna"):
    return subprocess.run([self.agent.programs / "veilwire", "audit", "--ledger", self.agent.ledger, "open", exchange,
                           *map(str, (*self.keys_of(auditor), *arguments))], capture_output=True, timeout=60,
                          stdin=subprocess.DEVNULL, check=False)

  def asked(self, prompt, *arguments, **options):
    """The exchange of one request, as SESSION.EXCHANGE, once it is over; and what was typed."""
    first = len(self.agent.records())
    run = self.clients.curl_message(prompt, *arguments, **options)
    self.assertEqual(run.returncode, 0, run.stderr)
    closed = clients.wait_until(
        lambda: [record for record in self.agent.records()[first:] if record["kind"] == "session.close"],
        what="the end of the session")
    session = closed[-1]["session"]
    self.assertEqual([record["kind"] for record in self.agent.records()[first:]
                      if record["session"] == session].count("exchange.close"), 1)
    typed = json.dumps({"model": "claude-demo-1", "max_tokens": 64, "stream": True,
                        "messages": [{"role": "user", "content": prompt}]})
    return f"{session}.1", typed.encode(), run

  def test_an_auditor_opens_what_was_typed_and_what_was_sent(self):
    for coding in ("identity", "gzip", "br"):
      for auditor in ("anna", "ben"):
        with self.subTest(coding=coding, auditor=auditor):
          self.box.forget_upstream_log()
          exchange, typed, run = self.asked(f"[[demo secret cut=each coding={coding}]] mine is {TYPED}", "--compressed")
          self.assertNotIn(SECRET.encode(), run.stdout)
          self.assertIn(b"[MASKED:", run.stdout)
          request = self.open(exchange, "--direction", "request", auditor=auditor)
          self.assertEqual((request.returncode, request.stdout), (0, typed), request.stderr)
          response = self.open(exchange, "--direction", "response", auditor=auditor)
          self.assertEqual((response.returncode, response.stdout.decode()), (0, self.said()), response.stderr)
          self.assertIn(b"message_stop", response.stdout)
          coded = self.open(exchange, "--direction", "response", "--coded", auditor=auditor)
          self.assertEqual(coded.stdout == response.stdout, coding == "identity")

  def test_the_ledger_and_other_programs_have_no_secret_in_clear(self):
    exchange, _, _ = self.asked(f"[[demo secret cut=each]] mine is {TYPED}")
    written = self.agent.written()
    for secret in (SECRET, TYPED):
      scanner = memory.Scanner({secret.encode(): "in clear", **memory.spellings_of("secret", secret)})
      self.assertEqual(scanner.in_bytes(written), set())
      for command in (("show",), ("show", "--json"), ("replay", "--raw")):
        run = self.agent.ctl("audit", "--ledger", self.agent.ledger, *command, exchange)
        self.assertEqual((run.returncode, secret in run.stdout), (0, False), run.stderr)
    shown = self.agent.ctl("audit", "--ledger", self.agent.ledger, "show", exchange).stdout
    self.assertIn("of the request, sealed", shown)
    self.assertIn("of the response, sealed", shown)

  def test_plain_openssl_opens_the_key(self):
    exchange, typed, _ = self.asked("[[demo hello]]")
    record = self.key_of(exchange)
    self.assertEqual([who["subject"] for who in record["recipients"]], ["CN=anna", "CN=ben"])
    cms = base64.b64decode(record["cms_base64"])
    for auditor in ("anna", "ben"):
      key = openssl("cms", "-decrypt", "-inform", "DER", "-recip", self.desk / f"{auditor}.pem", "-inkey",
                    self.desk / f"{auditor}.key", "-binary", input=cms)
      self.assertEqual(len(key), 32)
    (self.desk / "session.key").write_bytes(key)
    run = self.agent.ctl("audit", "--ledger", self.agent.ledger, "open", exchange, "--direction", "request",
                         "--session-key", self.desk / "session.key")
    self.assertEqual((run.returncode, run.stdout.encode()), (0, typed), run.stderr)
    with self.assertRaises(RuntimeError):
      openssl("cms", "-decrypt", "-inform", "DER", "-recip", self.desk / "carol.pem", "-inkey",
              self.desk / "carol.key", "-binary", input=cms)

  def key_of(self, exchange):
    session = exchange.split(".")[0]
    keys = [record for record in self.agent.records("original.key") if record["session"] == session]
    self.assertEqual(len(keys), 1)
    self.assertEqual(keys[0]["exchange"], 0)
    return keys[0]

  def test_another_key_opens_nothing(self):
    exchange, _, _ = self.asked("[[demo hello]]")
    run = self.open(exchange, "--json", auditor="carol")
    self.assertEqual(run.returncode, 5)
    self.assertIn(b"wrapped for other auditors", run.stderr)
    self.assertEqual([body["content"] for body in json.loads(run.stdout)], ["", ""])

  def test_a_key_with_a_passphrase_opens_with_it(self):
    exchange, typed, _ = self.asked("[[demo hello]]")
    openssl("pkey", "-in", self.desk / "anna.key", "-aes256", "-passout", f"pass:{PASSPHRASE}", "-out",
            self.desk / "locked.key")
    arguments = ("audit", "--ledger", self.agent.ledger, "open", exchange, "--direction", "request", "--key",
                 self.desk / "locked.key", "--certificate", self.desk / "anna.pem")
    for phrase, code in ((PASSPHRASE, 0), ("another", 1)):
      (self.desk / "phrase").write_text(phrase + "\n")
      run = self.agent.ctl(*arguments, "--passphrase-file", self.desk / "phrase")
      self.assertEqual(run.returncode, code, run.stderr)
    self.assertIn("the passphrase does not open it", run.stderr)

  def test_a_bundle_is_opened_away_from_the_host(self):
    exchange, typed, _ = self.asked("[[demo secret]]")
    bundle = self.desk / f"{exchange}.bundle"

    def exported():
      run = self.agent.ctl("audit", "--ledger", self.agent.ledger, "export", exchange, "--out", bundle)
      if run.returncode == 0 and "stay behind" not in run.stderr:
        return True
      bundle.unlink(missing_ok=True)
      return False

    clients.wait_until(exported, seconds=90, what="a checkpoint")
    self.assertEqual(self.agent.ctl("audit", "verify", "--bundle", bundle).returncode, 0)
    run = self.open(exchange, "--bundle", bundle, "--json", auditor="ben")
    self.assertEqual(run.returncode, 0, run.stderr)
    bodies = {body["direction"]: body for body in json.loads(run.stdout)}
    self.assertEqual(bodies["request"]["content"].encode(), typed)
    self.assertTrue(bodies["response"]["whole"])
    self.assertIn(SECRET, bodies["response"]["content"])

  def test_the_proxy_forgets_the_key_with_the_session(self):
    gate = f"keys{time.monotonic_ns()}"
    first = len(self.agent.records())
    watched = clients.Watched(self.clients, f"[[demo two gate={gate}]]")
    watched.until("First")
    record = clients.wait_until(lambda: [record for record in self.agent.records()[first:]
                                         if record["kind"] == "original.key"], what="the key's record")[0]
    key = openssl("cms", "-decrypt", "-inform", "DER", "-recip", self.desk / "anna.pem", "-inkey",
                  self.desk / "anna.key", "-binary", input=base64.b64decode(record["cms_base64"]))
    # Its second half: an allocator writes over the beginning of what is freed.
    scanner = memory.Scanner({key[16:]: "the key"})
    pid = self.agent.services["proxy"].process.pid
    self.assertEqual(scanner.in_process(pid), {"the key"})
    for name in ("recorder", "signer", "identity", "redirector"):
      self.assertEqual(scanner.in_process(self.agent.services[name].process.pid), set())
    self.clients.open_gate(gate)
    self.assertEqual(watched.end(), 0)
    clients.wait_until(lambda: [close for close in self.agent.records()[first:]
                                if close["kind"] == "session.close" and close["session"] == record["session"]],
                       what="the end of the session")
    clients.wait_until(lambda: not scanner.in_process(pid), seconds=10, what="the key to be gone")
    self.assertEqual(scanner.in_files(self.box.folder)[0], {})

  def test_who_is_not_kept_has_no_such_records(self):
    exchange, _, _ = self.asked("[[demo hello]]", uid=QUIET)
    session = exchange.split(".")[0]
    kinds = {record["kind"] for record in self.agent.records() if record["session"] == session}
    self.assertFalse({kind for kind in kinds if kind.startswith("original")})
    run = self.open(exchange, "--direction", "request")
    self.assertEqual(run.returncode, 3)
    self.assertIn(b"policy did not keep it", run.stderr)

  def test_other_auditors_take_effect_with_the_next_exchange(self):
    self.addCleanup(self.change_policy, self.policy)
    self.change_policy(self.policy.replace("ben.pem", "carol.pem"))
    exchange, typed, _ = self.asked("[[demo hello]]")
    self.assertEqual(self.open(exchange, "--direction", "request", auditor="carol").stdout, typed)
    self.assertEqual(self.open(exchange, "--direction", "request", auditor="ben").returncode, 5)

  def test_a_policy_whose_auditor_cannot_be_one_is_refused(self):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes", "-keyout",
            self.desk / "dora.key", "-out", self.certificates / "dora.pem", "-days", "30", "-subj", "/CN=dora")
    (self.certificates / "dora.pem").chmod(0o644)
    self.addCleanup(self.change_policy, self.policy)
    for name, why in (("dora.pem", "neither on P-256 nor RSA"), ("nobody.pem", "No such file")):
      with self.subTest(certificate=name):
        outcome = self.change_policy(self.policy.replace("ben.pem", name), accepted=False)["outcome"]
        self.assertIn(why, outcome)
        self.assertIn("policy.toml:", outcome)
        check = self.agent.ctl("policy", "check", self.agent.policy_file)
        self.assertEqual(check.returncode, 1)
        self.assertIn(why, check.stderr)


if __name__ == "__main__":
  harness.main()
