"""Signing in at a SAML identity provider, with the whole agent between clients and upstream: who passes, who is told
what to do, and what a response that does not belong here is good for."""

import json
import os
import pathlib
import signal
import subprocess

import harness  # first: it makes tests/support importable
import agent
import clients
import sandbox
from saml_provider import SamlProvider

UNSET = 2**32 - 1
SAML_USER = 64005
OTHER_USER = 64101
CALLBACK = "http://127.0.0.1:8423/saml"
SUBJECT = "7f3c"
ENDED = "8f3d"  # whom an operator ends, which counts for what was issued in the same second, too
# Brings a response to veilwire-identity as any program of the host can.
BRING = """\
import json, socket, sys
people = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
people.connect(sys.argv[1])
people.send(json.dumps({"veilwire": 1, "ask": "response", **json.load(sys.stdin)}).encode())
print(people.recv(65536).decode())
"""


class SamlAgent(agent.Agent):
  """The same with veilwire-saml, and people who sign in."""

  def __init__(self, box, build, policy, metadata):
    folder = box.folder
    for name in ("run", "state"):
      (folder / name / "saml").mkdir(mode=0o755)
      os.chown(folder / name / "saml", SAML_USER, SAML_USER)
    pinned = folder / "etc/saml-idp.xml"
    pinned.write_text(metadata)
    pinned.chmod(0o644)
    super().__init__(
        box, build, policy,
        identity={"provider": "saml", "saml_socket": str(folder / "run/saml/saml.sock"), "groups_attribute": "groups",
                  "name_attribute": "mail", "session_hours": 1, "hold_seconds": 10,
                  "people_socket": str(folder / "run/identity/people.sock"),
                  "state_file": str(folder / "state/identity/sessions"),
                  "key_file": str(folder / "state/identity/sessions.key")},
        saml={"user": f"{SAML_USER}:{SAML_USER}", "identity_user": self._user("identity"),
              "socket": str(folder / "run/saml/saml.sock"), "status_socket": str(folder / "run/saml/saml-status.sock"),
              "idp_metadata": str(pinned), "entity_id": "urn:example.com:veilwire", "callback": CALLBACK})

  def _config(self):
    return super()._config() + "".join(f'[[identity.account]]\nsubject = "{subject}"\nuid = 0\n'
                                       for subject in (SUBJECT, ENDED))

  def start(self):
    command = [self.programs / "veilwire-saml", "--config", self.config_file]
    self.services["saml"] = self.service("saml", command, SAML_USER)
    self.services["saml"].start()
    super().start()

  def stop(self):
    saml = self.services["saml"]
    if saml.running():
      saml.signal(signal.SIGTERM)
      saml.wait()
    super().stop()


class Login:
  """`veilwire login` in the sandbox, up to the address that a browser is to open."""

  def __init__(self, case):
    self.process = case.box.popen([case.agent.programs / "veilwire", "--config", case.agent.config_file, "login",
                                   "--no-browser", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    case.addCleanup(self.end)
    self.address, self.said = None, ""
    for line in self.process.stderr:
      self.said += line
      if line.strip().startswith("http"):
        self.address = line.strip()
        break

  def wait(self):
    out, err = self.process.communicate(timeout=20)
    return self.process.returncode, json.loads(out), self.said + err

  def end(self):
    if self.process.poll() is None:
      self.process.kill()
      self.process.communicate()


class SamlCase(harness.AgentCase):
  agent_class = SamlAgent

  @classmethod
  def setUpClass(cls):
    harness.SandboxCase.setUpClass.__func__(cls)
    cls.idp = SamlProvider(cls.box)
    cls.addClassCleanup(cls.idp.close)
    cls.agent = cls.agent_class(cls.box, harness.BUILD, cls.policy, cls.idp.metadata())
    cls.addClassCleanup(cls.agent.stop)
    cls.agent.start()

  def setUp(self):
    super().setUp()
    self.addCleanup(self.command, "logout")
    self.addCleanup(self.idp.tell, "person", id=SUBJECT, groups=["staff", "developers"])

  def command(self, *arguments):
    run = self.box.run([self.agent.programs / "veilwire", "--config", self.agent.config_file, *arguments])
    return run.returncode, run.stdout.decode(), run.stderr.decode()

  def sign_in(self):
    login = Login(self)
    callback, fields = self.idp.answer(login.address)
    self.assertEqual(callback, CALLBACK)
    page, status = self.idp.post(callback, fields)
    self.assertEqual((status, "You are signed in" in page), (200, True), page)
    code, session, err = login.wait()
    self.assertEqual(code, 0, err)
    self.assertIn("ssh -L 8423:127.0.0.1:8423", err)
    return session, fields

  def ask(self):
    return self.clients.curl_message("[[demo hello]]")

  def passes(self):
    return "message_stop" in self.ask().stdout.decode()


class SamlTest(SamlCase):
  def test_a_person_is_told_to_sign_in_then_passes_and_signs_out(self):
    refused = self.ask().stdout.decode()
    self.assertIn("permission_error", refused)
    self.assertIn("nobody has signed in", refused)
    self.assertIn("Run `veilwire login`, then try again", refused)
    clients.wait_until(lambda: "sign-in wanted" in [r["outcome"] for r in self.records("exchange.close")],
                       what="the record of the refusal")

    session, _ = self.sign_in()
    self.assertEqual({key: session[key] for key in ("issuer", "subject", "name", "groups", "method", "class")},
                     {"issuer": self.idp.issuer, "subject": SUBJECT, "name": "alice@example.com",
                      "groups": ["developers", "staff"], "method": "saml", "class": "human"})
    self.assertLessEqual(session["expires_in_seconds"], 3600)
    self.assertTrue(self.passes())
    person = clients.wait_until(lambda: self.records("request.head"), what="the record")[-1]["person"]
    self.assertEqual((person["subject"], person["method"], person["groups"], person["standing"]),
                     (SUBJECT, "saml", ["developers", "staff"], "fresh"))
    _, listed, _ = self.command("sessions", "--json")
    self.assertIn((SUBJECT, "fresh"), [(one["subject"], one["standing"]) for one in json.loads(listed)])

    self.assertEqual(self.command("logout")[0], 0)
    self.assertIn("signed out", self.ask().stdout.decode())

  def test_a_restart_of_the_identity_program_keeps_who_has_signed_in(self):
    self.sign_in()
    self.agent.restart("identity")
    code, shown, err = self.command("whoami", "--json")
    self.assertEqual((code, json.loads(shown)["subject"]), (0, SUBJECT), err)
    self.assertTrue(self.passes())

  def test_an_operator_ends_a_session(self):
    self.idp.tell("person", id=ENDED)
    self.sign_in()
    self.assertEqual(self.command("sessions", "--revoke", ENDED)[1], f"1 sessions of {ENDED} ended\n")
    self.assertIn("revoked", self.ask().stdout.decode())

  def test_somebody_who_is_just_signing_in_waits_and_passes(self):
    login = Login(self)
    waiting = self.box.popen(["curl", "-sS", "-d", json.dumps({
        "model": "claude-demo-1", "max_tokens": 64, "stream": True,
        "messages": [{"role": "user", "content": "[[demo hello]]"}]}), "-H", "content-type: application/json",
        f"https://{sandbox.API}/v1/messages"], stdout=subprocess.PIPE, text=True)
    clients.wait_until(lambda: self.status()[1]["programs"]["identity"]["report"]["held"] == 1, what="a request that waits")
    self.idp.post(*self.idp.answer(login.address))
    self.assertEqual(login.wait()[0], 0)
    self.assertIn("message_stop", waiting.communicate(timeout=20)[0])

  def status(self):
    """Of each program, seen from where the kernel's pins are."""
    run = self.box.run([self.agent.programs / "veilwire", "--config", self.agent.config_file, "status", "--json"],
                       where="agent")
    return run.returncode, json.loads(run.stdout)

  def test_who_owns_another_account_is_refused(self):
    self.idp.tell("person", id="another")
    login = Login(self)
    page, _ = self.idp.post(*self.idp.answer(login.address))
    self.assertIn("You are not signed in", page)
    code, said, err = login.wait()
    self.assertEqual((code, list(said)), (1, ["error"]))
    self.assertIn("does not belong", err)
    self.assertFalse(self.passes())

  def test_what_this_login_has_not_begun_is_no_part_of_it(self):
    _, old = self.sign_in()
    self.assertEqual(self.command("logout")[0], 0)
    login = Login(self)
    callback, fields = self.idp.answer(login.address)
    for posted in (old, {**fields, "RelayState": old["RelayState"]}, {**fields, "RelayState": "guessed"},
                   {"SAMLResponse": fields["SAMLResponse"]}, {"RelayState": fields["RelayState"]}, {}):
      with self.subTest(fields=list(posted)):
        page, status = self.idp.post(callback, posted)
        self.assertEqual((status, "no part of a sign-in" in page), (404, True), page)
    self.assertEqual(self.idp.post(CALLBACK + "/x", fields)[1], 404)
    self.assertEqual(self.idp.curl(callback, "-o", "/dev/null", "-w", "%{http_code}"), "404")
    self.assertEqual(self.idp.post(callback, {**fields, "more": "x" * 200_000})[1], 413)
    # It has waited on.
    self.assertEqual(self.idp.post(callback, fields)[1], 200)
    self.assertEqual(login.wait()[0], 0)

  def test_a_response_counts_once(self):
    _, old = self.sign_in()
    self.assertEqual(self.command("logout")[0], 0)
    login = Login(self)
    callback, fields = self.idp.answer(login.address)
    page, _ = self.idp.post(callback, {**old, "RelayState": fields["RelayState"]})
    self.assertIn("no answer to this sign-in", page)
    code, _, err = login.wait()
    self.assertEqual(code, 1, err)
    self.assertFalse(self.passes())

  def test_a_changed_response_is_refused(self):
    login = Login(self)
    callback, fields = self.idp.answer(login.address)
    page, _ = self.idp.post(callback, {**fields, "SAMLResponse": fields["SAMLResponse"][:-8]})
    self.assertIn("You are not signed in", page)
    self.assertEqual(login.wait()[0], 1)
    self.assertFalse(self.passes())

  def test_another_user_who_has_got_a_response_gets_nothing_for_it(self):
    login = Login(self)
    callback, fields = self.idp.answer(login.address)
    brought = self.box.run([sandbox.PYTHON, "-c", BRING, self.box.folder / "run/identity/people.sock"], uid=OTHER_USER,
                           input=json.dumps({"text": fields["SAMLResponse"], "relay_state": fields["RelayState"]}).encode())
    said = json.loads(brought.stdout)
    self.assertEqual((said["what"], "of somebody else" in said["text"]), ("refused", True), said)
    self.assertFalse(self.passes())
    # Somebody knows what only the browser should: the sign-in is over for everybody.
    self.assertEqual(self.idp.post(callback, fields)[1], 404)
    login.end()

  def test_who_has_the_port_first_sees_no_response(self):
    squatter = self.box.popen([sandbox.PYTHON, "-c", "import socket; s = socket.create_server(('127.0.0.1', 8423)); "
                               "print(flush=True); s.accept()"], uid=OTHER_USER, stdout=subprocess.PIPE)
    self.addCleanup(squatter.communicate)
    self.addCleanup(squatter.kill)
    squatter.stdout.readline()
    login = Login(self)
    self.assertIsNone(login.address)
    code, said, err = login.wait()
    self.assertEqual(code, 1)
    self.assertIn("another program has port 8423", err)
    self.assertIn("port 8423", said["error"])

  def test_on_another_device_nobody_signs_in(self):
    code, _, err = self.command("login", "--device")
    self.assertEqual(code, 1)
    self.assertIn("in a browser alone", err)

  def test_without_the_program_that_reads_saml_it_is_said_what_is_missing(self):
    self.sign_in()
    self.agent.kill("saml")
    try:
      code, _, err = self.command("login", "--no-browser")
      self.assertEqual(code, 1)
      self.assertIn("does not answer (veilwire-saml)", err)
      code, whole = self.status()
      self.assertEqual(code, 1)
      self.assertEqual((whole["status"], whole["programs"]["saml"]["state"]), ("degraded", "down"))
      # Who has signed in needs it no more.
      self.assertTrue(self.passes())
    finally:
      self.agent.services["saml"].start()
    self.assertEqual(self.status()[0], 0, self.status())


if __name__ == "__main__":
  if os.geteuid() == 0 and int(pathlib.Path("/proc/self/loginuid").read_text()) == UNSET:
    pathlib.Path("/proc/self/loginuid").write_text("0")  # a login of its own, as a person has one
  harness.main()
