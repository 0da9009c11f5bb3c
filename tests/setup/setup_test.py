"""`veilwire setup` as it is run: the real program and the real trust store of Debian, in a root of its own (roots.py says
how, and that systemctl alone is a stand-in there)."""

import json
import os
import re
import subprocess
import sys
import unittest

import roots

ANSWERS = """
[ca]
from = "made"
hosts = ["api.anthropic.com"]
[services]
wait_seconds = 0
"""
# Everything was done; but no program runs in the root, and that is said.
UNWELL = 5
ANCHOR = "usr/local/share/ca-certificates/veilwire.crt"
BUNDLE = "etc/ssl/certs/ca-certificates.crt"
JOURNAL = "var/lib/veilwire-setup"

# A client of the system: Python with what it trusts by default, against a server with the given leaf.
HANDSHAKE = """
import ssl, sys
server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain("/tmp/leaf/chain.pem", "/tmp/leaf/leaf.key")
there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
a = server.wrap_bio(there, back, server_side=True)
b = ssl.create_default_context().wrap_bio(back, there, server_hostname="api.anthropic.com")
done = set()
while len(done) < 2:
  for side in (b, a):
    try:
      side.do_handshake()
      done.add(side)
    except ssl.SSLWantReadError:
      pass
    except ssl.SSLCertVerificationError as e:
      sys.exit(e.verify_message)
"""


class Case(unittest.TestCase):
  def setUp(self):
    self.root = roots.Root(roots.FOLDER, roots.BUILD, self._testMethodName)
    self.addCleanup(self.root.close)

  def answers(self, text=ANSWERS):
    return self.root.write("root/answers.toml", text)

  def set_up(self, *arguments, text=ANSWERS, code=UNWELL):
    run = self.root.setup("--from", self.answers(text), "--yes", *arguments)
    self.assertEqual(run.returncode, code, run.stdout + run.stderr)
    return run

  def undo(self, *arguments, code=0):
    run = self.root.setup("--undo", "--yes", *arguments)
    self.assertEqual(run.returncode, code, run.stdout + run.stderr)
    return run

  def assertAsBefore(self, before):
    self.assertEqual([], self.root.differences(before))

  def openssl(self, *arguments, text=None):
    run = self.root.run("openssl", *arguments, input=text)
    self.assertEqual(run.returncode, 0, run.stderr)
    return run.stdout

  def sign_leaf(self):
    """With the CA that set-up has left, as the signer would; the chain as a server sends it."""
    (self.root.path / "tmp/leaf").mkdir(parents=True, exist_ok=True)
    self.root.write("tmp/leaf/names", "subjectAltName=DNS:api.anthropic.com\n")
    self.openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/O=test", "-keyout", "/tmp/leaf/leaf.key",
                 "-out", "/tmp/leaf/leaf.csr")
    self.openssl("x509", "-req", "-in", "/tmp/leaf/leaf.csr", "-CA", "/etc/veilwire/ca.pem", "-CAkey",
                 "/var/lib/veilwire-signer/ca.key", "-days", "1", "-extfile", "/tmp/leaf/names", "-out",
                 "/tmp/leaf/leaf.pem")
    self.root.write("tmp/leaf/chain.pem", self.root.read("tmp/leaf/leaf.pem") + self.root.read("etc/veilwire/ca.pem"))

  def trusted(self):
    """What clients of the system say; empty: all of them trust the leaf."""
    complaints = []
    for command in (["openssl", "verify", "-untrusted", "/tmp/leaf/chain.pem", "/tmp/leaf/leaf.pem"],
                    ["/usr/bin/python3", "-c", HANDSHAKE]):
      run = self.root.run(*command)
      if run.returncode:
        complaints.append(command[0] + ": " + run.stderr)
    return complaints


class SetUp(Case):
  def test_clients_trust_what_the_ca_signs_until_it_is_undone_to_the_byte(self):
    before = self.root.snapshot()
    self.set_up()
    self.sign_leaf()
    self.assertEqual([], self.trusted())
    self.assertEqual(["daemon-reload", "--quiet enable veilwire.target", "start veilwire.target"], self.root.calls())
    key = (self.root.path / "var/lib/veilwire-signer/ca.key").stat()
    self.assertEqual((0o600, 951), (key.st_mode & 0o777, key.st_uid))
    site = (self.root.path / "var/lib/veilwire/site.key").stat()
    self.assertEqual((0o400, 950, 32), (site.st_mode & 0o777, site.st_uid, site.st_size))
    settings = json.loads(self.root.read("etc/claude-code/managed-settings.d/50-veilwire.json"))
    self.assertEqual({"env": {"NODE_EXTRA_CA_CERTS": "/etc/veilwire/ca.pem"}}, settings)
    self.assertIn("CA:TRUE, pathlen:0", self.openssl("x509", "-in", "/etc/veilwire/ca.pem", "-noout", "-text"))

    self.undo()
    self.assertEqual(2, len(self.trusted()))
    subprocess.run(["rm", "-r", self.root.path / "tmp/leaf", self.root.path / "root/answers.toml"], check=True)
    # What systemctl makes for its links is its own.
    (self.root.path / "etc/systemd/system/multi-user.target.wants").exists() and before.setdefault(
        "etc/systemd/system/multi-user.target.wants", roots.state_of(
            self.root.path / "etc/systemd/system/multi-user.target.wants"))
    self.assertAsBefore(before)
    self.assertEqual(["stop veilwire.target", "--quiet disable veilwire.target", "daemon-reload"],
                     self.root.calls()[-3:])
    self.assertIn("Nothing to undo", self.undo().stdout)

  def test_a_second_set_up_changes_nothing(self):
    first = json.loads(self.set_up("--json").stdout)
    self.assertTrue(first["changed"])
    before, calls = self.root.snapshot(), self.root.calls()
    second = json.loads(self.set_up("--json").stdout)
    self.assertFalse(second["changed"])
    self.assertEqual([], [step for step in second["steps"] if step["needed"]])
    self.assertAsBefore(before)
    self.assertEqual(calls, self.root.calls())

  def test_a_dry_run_shows_everything_and_does_nothing(self):
    self.answers()
    before = self.root.snapshot()
    run = self.set_up("--dry-run", code=0)
    for wanted in ("+ CA: a new one, for api.anthropic.com alone", ANCHOR, "update-ca-certificates", "veilwire.target"):
      self.assertIn(wanted, run.stdout)
    self.assertAsBefore(before)
    self.assertEqual([], self.root.calls())

  def test_a_bundle_that_was_edited_by_hand_comes_back_as_it_was(self):
    text = ANSWERS + "start = false\n"
    self.answers(text)
    (self.root.path / BUNDLE).write_text(self.root.read(BUNDLE) + "# a line of the administrator's\n")
    os.symlink("/nowhere", self.root.path / "etc/ssl/certs/dangling.pem")
    before = self.root.snapshot()
    self.set_up(text=text, code=0)
    self.assertNotIn("administrator", self.root.read(BUNDLE))
    self.undo()
    self.assertAsBefore(before)

  def test_certificates_that_came_since_stay_trusted(self):
    self.set_up(text=ANSWERS + "start = false\n", code=0)
    self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=newcomer", "-keyout", "/tmp/other.key",
                 "-out", "/usr/local/share/ca-certificates/newcomer.crt")
    self.assertEqual(0, self.root.run("update-ca-certificates").returncode)
    self.undo()
    newcomer = self.root.read("usr/local/share/ca-certificates/newcomer.crt")
    self.assertIn(newcomer, self.root.read(BUNDLE))
    self.assertNotIn("veilwire", " ".join(os.listdir(self.root.path / "etc/ssl/certs")))

  def test_one_more_host_makes_a_new_ca_and_restarts(self):
    self.set_up()
    old = self.root.read("etc/veilwire/ca.pem")
    run = self.set_up(text=ANSWERS.replace('"api.anthropic.com"', '"api.anthropic.com", "mcp.example.com"'))
    self.assertNotEqual(old, self.root.read("etc/veilwire/ca.pem"))
    self.assertIn(self.root.read("etc/veilwire/ca.pem"), self.root.read(BUNDLE))
    self.assertNotIn(old, self.root.read(BUNDLE))
    self.assertIn("restart veilwire.target", self.root.calls(), run.stdout)
    self.sign_leaf()
    self.assertEqual([], self.trusted())


class Others(Case):
  """What somebody else has done is neither lost nor overwritten."""

  WITH_PEOPLE = ANSWERS + '[identity]\nprovider = "oidc"\nissuer = "https://idp.example.com"\nclient_id = "veilwire"\n'

  def test_an_edited_configuration_stops_set_up_until_it_may_be_replaced(self):
    self.answers(self.WITH_PEOPLE)
    edited = self.root.read("etc/veilwire/agent.toml").replace("held_memory_mib = 512", "held_memory_mib = 64")
    self.root.write("etc/veilwire/agent.toml", edited, 0o640)
    before = self.root.snapshot()
    run = self.set_up(text=self.WITH_PEOPLE, code=3)
    self.assertIn("/etc/veilwire/agent.toml", run.stderr)
    self.assertIn("--replace", run.stderr)
    self.assertAsBefore(before)
    self.set_up("--replace", text=self.WITH_PEOPLE)
    self.assertIn('issuer = "https://idp.example.com"', self.root.read("etc/veilwire/agent.toml").replace("'", '"'))
    self.assertTrue(self.root.exists("etc/systemd/system/veilwire-identity.service.d/oidc.conf"))
    self.undo()
    self.assertEqual(edited, self.root.read("etc/veilwire/agent.toml"))
    self.assertEqual([], [line for line in self.root.differences(before) if "multi-user.target.wants" not in line])

  def test_the_shipped_configuration_may_be_changed_and_keeps_its_comments(self):
    self.set_up(text=self.WITH_PEOPLE)
    text = self.root.read("etc/veilwire/agent.toml")
    self.assertIn("# 32 random bytes, mode 0400", text)
    self.assertIn("/run/veilwire-identity/identity.sock", text)
    self.set_up(text=ANSWERS + '[identity]\nprovider = "local"\n')
    self.assertFalse(self.root.exists("etc/systemd/system/veilwire-identity.service.d/oidc.conf"))

  def test_undo_leaves_everything_where_a_file_has_changed_and_keeps_both_when_forced(self):
    self.set_up()
    ours = self.root.read("etc/claude-code/managed-settings.d/50-veilwire.json")
    self.root.write("etc/claude-code/managed-settings.d/50-veilwire.json", ours + "\n")
    before = self.root.snapshot()
    run = self.undo(code=3)
    self.assertIn("50-veilwire.json: was changed", run.stderr)
    self.assertAsBefore(before)
    self.undo("--force")
    self.assertEqual(["50-veilwire.json.kept"], os.listdir(self.root.path / "etc/claude-code/managed-settings.d"))
    self.assertFalse(self.root.exists("etc/veilwire/ca.pem"))

  def signer(self, *arguments):
    run = self.root.run("/usr/sbin/veilwire-signer", *arguments)
    self.assertEqual(run.returncode, 0, run.stderr)
    return run.stdout

  def rotate(self):
    """As docs/ca-rotation.md has it, but that the old certificate stays trusted beside the new one."""
    self.signer("add-ca", "--host", "api.anthropic.com")
    self.root.write("usr/local/share/ca-certificates/veilwire-next.crt", self.signer("show-ca", "--other"))
    self.assertEqual(0, self.root.run("update-ca-certificates").returncode)
    self.signer("switch-ca")

  def test_undo_after_a_rotation_wants_force_says_why_and_keeps_what_it_has_not_made(self):
    self.set_up()
    made = {name: self.root.read(name) for name in ("etc/veilwire/ca.pem", "var/lib/veilwire-signer/ca.key")}
    self.rotate()
    for step in ("both are known", "the old one is dropped"):
      with self.subTest(step=step):
        before = self.root.snapshot()
        run = self.undo(code=3)
        for name in made:
          self.assertIn(f"/{name}: was changed since set-up, as by a rotation of the CA", run.stderr)
        self.assertIn("--force", run.stderr)
        self.assertAsBefore(before)
      if step == "both are known":
        self.signer("drop-ca")
    now = {name: self.root.read(name) for name in made}
    self.assertFalse(set(now.values()) & set(made.values()))
    run = self.undo("--force")
    self.assertEqual(now, {name: self.root.read(name + ".kept") for name in made})
    self.assertFalse(any(self.root.exists(name) for name in (*made, ANCHOR)))
    # Somebody else has made the system trust it.
    self.assertIn(now["etc/veilwire/ca.pem"], self.root.read(BUNDLE))
    self.assertRegex(run.stdout, "left .* trusted: set-up has not put it there")

  def test_undo_beside_a_ca_that_only_waits_does_not_touch_that_one(self):
    self.set_up()
    self.signer("add-ca", "--host", "api.anthropic.com")
    other = self.root.read("var/lib/veilwire-signer/ca.key.other")
    run = self.undo(code=3)
    self.assertIn("/etc/veilwire/ca.pem: was changed since set-up", run.stderr)
    self.undo("--force")
    self.assertEqual(other, self.root.read("var/lib/veilwire-signer/ca.key.other"))
    self.assertFalse(self.root.exists("var/lib/veilwire-signer/ca.key"))

  def test_keys_of_a_rotation_are_kept_without_force_where_that_is_asked_for(self):
    self.set_up()
    self.rotate()
    kept = {name: self.root.read(name) for name in ("etc/veilwire/ca.pem", "var/lib/veilwire-signer/ca.key",
                                                    "var/lib/veilwire-signer/ca.key.other")}
    self.undo("--keep-keys")
    self.assertEqual(kept, {name: self.root.read(name) for name in kept})

  def test_keys_are_kept_for_a_later_set_up_where_that_is_asked_for(self):
    self.set_up()
    kept = [self.root.path / name for name in ("etc/veilwire/ca.pem", "var/lib/veilwire-signer/ca.key",
                                               "var/lib/veilwire/site.key")]
    were = [file.read_bytes() for file in kept]
    self.undo("--keep-keys")
    self.assertEqual(were, [file.read_bytes() for file in kept])
    self.assertFalse(self.root.exists(ANCHOR))
    self.set_up()
    self.assertEqual(were, [file.read_bytes() for file in kept])

  def test_somebody_elses_certificates_for_node_are_not_replaced(self):
    self.root.write("etc/claude-code/managed-settings.json", '{"env": {"NODE_EXTRA_CA_CERTS": "/etc/corp.pem"}}')
    run = self.set_up()
    self.assertIn("/etc/claude-code/managed-settings.json sets NODE_EXTRA_CA_CERTS", run.stdout)
    self.assertFalse(self.root.exists("etc/claude-code/managed-settings.d"))

  def test_answers_of_a_fleet_are_not_followed_again_once_undone(self):
    self.root.write("etc/veilwire/setup.toml", ANSWERS)
    self.set_up()
    self.assertTrue(self.root.exists(JOURNAL + "/done"))
    run = self.undo()
    self.assertIn("/var/lib/veilwire-setup/done", run.stdout)
    self.assertEqual(["done"], os.listdir(self.root.path / JOURNAL))
    self.set_up()  # but by hand they are


class Dying(Case):
  """The program is killed while the trust store's tool runs, by a hook of that tool."""

  KILL = "#!/bin/sh\n[ -e /tmp/fake/killed ] && exit 0\ntouch /tmp/fake/killed\nkill -9 $(cat /tmp/fake/pid)\n"

  def die(self):
    self.root.write("etc/ca-certificates/update.d/kill", self.KILL, 0o755)
    self.answers()
    before = self.root.snapshot()
    run = self.root.run("sh", "-c", "echo $$ >/tmp/fake/pid; exec veilwire setup --from /root/answers.toml --yes")
    self.assertEqual(-9, run.returncode, run.stdout + run.stderr)
    self.assertFalse(self.root.exists("etc/veilwire/ca.pem"))
    return before

  def test_it_can_be_undone(self):
    before = self.die()
    self.undo()
    self.assertAsBefore(before)

  def test_it_can_be_gone_on_with(self):
    self.die()
    self.set_up()
    self.sign_leaf()
    self.assertEqual([], self.trusted())


class Organisations(Case):
  """A CA of an organisation signs ours, or has given one."""

  def organisation(self):
    self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "10", "-subj", "/CN=organisation",
                 "-keyout", "/root/org.key", "-out", "/root/org.pem")

  def sign(self, request, out, *extensions):
    self.openssl("x509", "-req", "-in", request, "-CA", "/root/org.pem", "-CAkey", "/root/org.key", "-days", "5",
                 "-out", "/root/signed.pem", *(extensions or ("-copy_extensions", "copyall")))
    self.root.write(out, self.root.read("root/signed.pem") + self.root.read("root/org.pem"))

  def test_a_request_waits_for_its_certificate_and_then_goes_on(self):
    self.organisation()
    before = self.root.snapshot()
    text = ANSWERS.replace('"made"', '"requested"\ncertificate = "/root/ca-signed.pem"')
    run = self.set_up(text=text, code=4)
    self.assertIn("/etc/veilwire/ca.csr", run.stdout)
    self.assertFalse(self.root.exists("etc/veilwire/ca.pem"))
    self.assertFalse(self.root.exists(ANCHOR))
    self.assertFalse(self.root.exists(JOURNAL + "/done"))
    again = json.loads(self.set_up("--json", text=text, code=4).stdout)
    self.assertFalse(again["changed"])
    self.sign("/etc/veilwire/ca.csr", "root/ca-signed.pem")
    self.set_up(text=text)
    self.sign_leaf()
    self.assertEqual([], self.trusted())
    self.undo()
    kept = ("root", "tmp", "etc/systemd/system/multi-user.target.wants")
    self.assertEqual([], [line for line in self.root.differences(before) if not line.startswith(kept)])

  def test_an_imported_one_is_taken_only_where_it_is_narrow(self):
    self.organisation()
    self.openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=issuer", "-keyout", "/root/issuer.key",
                 "-out", "/root/issuer.csr")
    text = ANSWERS.replace('"made"', '"imported"\ncertificate = "issuer.pem"\nkey = "issuer.key"')
    head = "basicConstraints=critical,CA:TRUE{}\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n"
    names = "nameConstraints=critical,permitted;DNS:{}\n"
    for extensions, complaint in (
        (head.format("") + names.format("anthropic.com"), "pathlen:0"),
        (head.format(",pathlen:0"), "every name"),
        (head.format(",pathlen:0") + names.format("example.com"), "do not permit api.anthropic.com"),
        (head.format(",pathlen:0") + names.format("anthropic.com"), None)):
      self.root.write("root/extensions", extensions)
      self.sign("/root/issuer.csr", "root/issuer.pem", "-extfile", "/root/extensions")
      run = self.set_up(text=text, code=1 if complaint else UNWELL)
      if complaint:
        self.assertIn(complaint, run.stderr)
        self.assertFalse(self.root.exists(JOURNAL))
    self.assertEqual(self.root.read("root/org.pem"), self.root.read(ANCHOR))
    self.sign_leaf()
    self.assertEqual([], self.trusted())
    self.root.write("root/issuer.key", self.root.read("root/org.key"), 0o600)
    self.assertIn("the private key is not that of the first certificate",
                  self.set_up(text=text, code=1).stderr)


class Fedora(Case):
  """Its tool is not in Debian: a script stands in, which puts what lies in the folders into one bundle, as it does."""

  TOOL = """#!/bin/sh
[ "$*" = extract ] || exit 2
cd /etc/pki/ca-trust
cat /usr/share/pki/ca-trust-source/*.pem source/anchors/*.pem >extracted/pem/new 2>/dev/null
mv extracted/pem/new extracted/pem/tls-ca-bundle.pem
"""

  def test_its_store_trusts_the_ca_until_that_is_undone(self):
    self.root.write("usr/local/bin/update-ca-trust", self.TOOL, 0o755)
    self.root.write("usr/share/pki/ca-trust-source/one.pem", "one\n")
    self.root.write("etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "one\n")
    (self.root.path / "etc/pki/ca-trust/source/anchors").mkdir(parents=True)
    text = ANSWERS + "start = false\n"
    self.answers(text)
    before = self.root.snapshot()
    self.set_up(text=text, code=0)
    self.assertIn(self.root.read("etc/veilwire/ca.pem"), self.root.read("etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"))
    self.assertFalse(self.root.exists(ANCHOR))
    self.assertFalse(json.loads(self.set_up("--json", text=text, code=0).stdout)["changed"])
    self.undo()
    self.assertAsBefore(before)


class Person(Case):
  """Somebody at a terminal."""

  def talk(self, said, *arguments):
    """What is asked is answered line by line; returns the exit code and what stood on the screen."""
    leader, follower = os.openpty()
    child = subprocess.Popen(["chroot", self.root.path, "/usr/sbin/veilwire", "setup", *arguments], stdin=follower,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    os.close(follower)
    os.write(leader, said.encode())
    screen, _ = child.communicate(timeout=120)
    os.close(leader)
    return child.returncode, screen

  def test_is_asked_sees_the_plan_and_may_still_say_no(self):
    before = self.root.snapshot()
    code, screen = self.talk("\n" * 6 + "no\n" + "no\n")
    self.assertEqual(1, code, screen)
    for wanted in ("Hosts that it may sign for [api.anthropic.com]", "as a file for --from on other hosts",
                   "To be done:", "Shall this be done?", "Nothing was changed."):
      self.assertIn(wanted, screen)
    self.assertAsBefore(before)

  def test_says_yes_and_later_undoes_it(self):
    before = self.root.snapshot()
    code, screen = self.talk("\n" * 6 + "no\n" + "yes\n")
    self.assertEqual(0, code, screen)
    self.assertTrue(self.root.exists("etc/veilwire/ca.pem"))
    self.assertEqual([], self.root.calls())
    code, screen = self.talk("yes\n", "--undo")
    self.assertEqual(0, code, screen)
    self.assertAsBefore(before)


class Usage(Case):
  def test_mistakes_in_the_answers_come_with_their_place_and_change_nothing(self):
    self.answers()
    before = self.root.snapshot()
    for text, complaint in (('[ca]\nform = "made"\n', "answers.toml:2:1: [ca] form: unknown key"),
                            ("[cA]\n", "answers.toml:1:2: cA: unknown table"),
                            ('[identity]\nprovder = "oidc"\n', "answers.toml:2:1: [identity] provder: unknown key"),
                            ('[ca]\nfrom = "bought"\n', 'must be "made", "imported" or "requested"'),
                            ("[ca\n", "answers.toml:1:"),
                            ('[[host.file]]\npath = "/etc/shadow"\nsource = "x"\n', "must lie below /etc/veilwire")):
      self.assertIn(complaint, self.set_up(text=text, code=2).stderr)
    self.answers()
    self.assertAsBefore(before)
    self.assertIn("nobody can be asked", self.root.run("/usr/sbin/veilwire", "setup", input="").stderr)

  def test_the_readmes_answers_for_a_fleet_are_followed(self):
    readme = (roots.SOURCE / "README.md").read_text()
    answers, scoped = re.findall(r"(?ms)^```toml\n(.*?)^```$", readme)
    self.assertIn('mode = "observe"', answers.partition("[policy]")[2].partition("[")[0])
    policy = self.root.read("etc/veilwire/policy.toml")
    for mode in (re.sub(r'(?m)^mode = "enforce"$', 'mode = "observe"', policy),
                 re.sub(r'(?m)^mode = "enforce"$', scoped.partition("[[")[0], policy) + "[[" + scoped.partition("[[")[2]):
      self.assertNotEqual(policy, mode)
      self.root.write("etc/veilwire/policy.toml.new", mode)
      checked = self.root.run("veilwire", "policy", "check", "/etc/veilwire/policy.toml.new")
      self.assertEqual(0, checked.returncode, checked.stdout + checked.stderr)
    os.rename(self.root.path / "etc/veilwire/policy.toml.new", self.root.path / "root/policy.toml")
    run = self.set_up(text=answers, code=4)
    self.assertIn("/etc/veilwire/ca.csr", run.stdout)
    for wanted in ('issuer = "https://idp.example.com"', 'endpoint = "https://collector.example.com:4318"'):
      self.assertIn(wanted, self.root.read("etc/veilwire/agent.toml"))

  def test_answers_that_others_can_write_are_not_followed(self):
    self.answers()
    (self.root.path / "root/answers.toml").chmod(0o666)
    run = self.root.setup("--from", "/root/answers.toml", "--yes")
    self.assertEqual(2, run.returncode)
    self.assertIn("writable by group or others", run.stderr)

  def test_an_image_is_set_up_from_outside_and_nothing_is_started(self):
    before = self.root.snapshot()
    answers = roots.FOLDER / "outside.toml"
    answers.write_text(ANSWERS)
    program = [self.root.path / "usr/sbin/veilwire", "setup", "--root", self.root.path, "--yes"]
    run = subprocess.run([*program, "--from", answers], capture_output=True, text=True, check=False)
    self.assertEqual(0, run.returncode, run.stdout + run.stderr)
    self.assertEqual(["--quiet enable veilwire.target"], self.root.calls())
    self.sign_leaf()
    self.assertEqual([], self.trusted())
    run = subprocess.run([*program, "--undo"], capture_output=True, text=True, check=False)
    self.assertEqual(0, run.returncode, run.stdout + run.stderr)
    kept = ("tmp/leaf", "etc/systemd/system/multi-user.target.wants")
    self.assertEqual([], [line for line in self.root.differences(before) if not line.startswith(kept)])


if __name__ == "__main__":
  roots.main()
