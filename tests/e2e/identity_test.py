"""Signing in and out as the real clients see it: told how, let through with nothing restarted, and cut in the middle."""

import json
import pathlib
import threading
import time
import unittest

import harness  # first: it makes tests/support importable
import agent
import clients
import fake_identity
import sandbox
import service_manager
from upstream import scenario

SECRET = scenario.SECRETS["github"].encode()
MCP = f"https://{sandbox.TOOLS}"
USER, NAME = 64101, "alice"
MUTE = ("mcp sdk over sse",)  # shows the status and nothing else
POLICY = agent.POLICY.replace("[[action]]", """\
[[action]]
category = "secret"
group = "auditors"
action = "pass"
[[action]]""", 1)


class SigningAgent(agent.Agent):
  """The same with an identity program that the test tells who has signed in."""

  def start(self):
    self.people = self.box.folder / "people"
    self.people.mkdir(mode=0o755)
    command = [sandbox.PYTHON, "-B", pathlib.Path(fake_identity.__file__), self._socket("identity"), self.people]
    self.services["identity"] = service_manager.Service(self.box, "identity", command, uid=agent.USERS["identity"])
    super().start()


class IdentityTest(harness.AgentCase):
  policy = POLICY

  @classmethod
  def setUpClass(cls):
    harness.SandboxCase.setUpClass.__func__(cls)
    cls.agent = SigningAgent(cls.box, harness.BUILD, cls.policy)
    cls.addClassCleanup(cls.agent.stop)
    cls.agent.start()

  def setUp(self):
    super().setUp()
    self.addCleanup(self.sign_out)
    self.gate = f"identity{time.monotonic_ns()}"

  def file(self, name):
    return self.agent.people / name

  def write(self, name, text):
    fresh = self.file("new")
    fresh.write_text(text)
    fresh.chmod(0o644)
    fresh.rename(self.file(name))

  def sign_in(self, **said):
    self.write(f"{USER}.json", json.dumps({"name": NAME, **said}))

  def sign_out(self):
    self.file(f"{USER}.json").unlink(missing_ok=True)
    self.file("hold").unlink(missing_ok=True)

  def every_client(self):
    """By name: a call, and what stands in what it prints when it has got through."""
    prompt = "[[demo hello]]"
    config = json.dumps({"mcpServers": {"demo": {"type": "http", "url": f"{MCP}/mcp"}}})
    return {
        "curl": (lambda: self.clients.curl_message(prompt, uid=USER), "message_stop"),
        "curl, whole": (lambda: self.clients.curl_message(prompt, stream=False, uid=USER), "end_turn"),
        "claude code": (lambda: self.clients.claude(prompt, uid=USER), '"is_error":false'),
        "claude code with an mcp server": (
            lambda: self.clients.claude("[[demo call tool=mcp__demo__vault]]", "--mcp-config", config, "--allowedTools",
                                        "mcp__demo__vault", uid=USER), "tool_result"),
        "sdk, streamed": (lambda: self.clients.node("sdk_stream.mjs", prompt, uid=USER), "end_turn"),
        "sdk, whole": (lambda: self.clients.node("sdk_json.mjs", prompt, uid=USER), "end_turn"),
        "sdk with tools": (lambda: self.clients.node("sdk_tools.mjs", prompt, "tools.json", "1", uid=USER), "end_turn"),
        "mcp sdk": (lambda: self.clients.node("mcp_http.mjs", f"{MCP}/mcp", "vault", uid=USER), '"result"'),
        "mcp sdk, streamed": (lambda: self.clients.node("mcp_http.mjs", f"{MCP}/stream/mcp", "vault", uid=USER), '"result"'),
        "mcp sdk over sse": (lambda: self.clients.node("mcp_sse.mjs", f"{MCP}/sse", "vault", uid=USER), '"result"'),
    }

  def test_every_client_shows_how_to_sign_in_and_then_gets_through(self):
    for name, (call, through) in self.every_client().items():
      with self.subTest(client=name):
        self.sign_out()
        self.box.forget_upstream_log()
        run = call()
        shown = (run.stdout + run.stderr).decode()
        self.assertIn(fake_identity.CODE if name not in MUTE else "503", shown)
        self.assertNotIn(through, shown)
        self.assertEqual(self.box.upstream_log("request"), [])
        self.sign_in()
        self.assertIn(through, self.must_succeed(call()))

  def test_the_record_says_that_a_sign_in_was_wanted_and_who_it_was_then(self):
    self.clients.curl_message("[[demo hello]]", uid=USER)
    clients.wait_until(lambda: "sign-in wanted" in [r["outcome"] for r in self.records("exchange.close")],
                       what="the record of the refusal")
    self.sign_in(running_as="root", inside_uid=0, standing="cached", age_ms=300_000)
    self.must_succeed(self.clients.curl_message("[[demo hello]] as root", uid=USER))
    person = clients.wait_until(lambda: [record for record in self.exchange_with("as root")
                                         if record["kind"] == "request.head"], what="the record")[0]["person"]
    self.assertGreaterEqual(person.pop("age_ms"), 300_000)
    self.assertEqual(person, {"class": "derived", "groups": [], "inside_uid": "0", "issuer": "https://idp.example",
                              "method": "device", "name": NAME, "running_as": "root", "standing": "cached",
                              "subject": NAME})
    rows = json.loads(self.agent.ctl("audit", "list", "--json", "--ledger", self.agent.ledger).stdout)
    self.assertEqual((rows[0]["person"]["running_as"], rows[0]["person"]["standing"]), ("root", "cached"))

  def test_somebody_who_is_just_signing_in_waits_and_passes(self):
    self.write("hold", "10")
    threading.Timer(0.5, self.sign_in).start()
    started = time.monotonic()
    self.assertIn("message_stop", self.must_succeed(self.clients.curl_message("[[demo hello]]", uid=USER)))
    self.assertLess(time.monotonic() - started, 8)

  def running_stream(self):
    self.sign_in()
    watched = clients.Watched(self.clients, f"[[demo two gate={self.gate}]]", uid=USER)
    self.addCleanup(self.clients.open_gate, self.gate)
    watched.until("[MASKED:")
    return watched

  def must_be_cut(self, shown):
    self.assertIn(fake_identity.CODE.encode(), shown)
    self.assertNotIn(b"Second", shown)
    self.assertNotIn(SECRET, shown)
    records = clients.wait_until(lambda: self.closed(), what="the last record")
    lost = [record for record in records if record["kind"] == "identity.change"]
    self.assertEqual([(record["what"], record["answer"]) for record in lost], [("lost", "error event")])
    self.assertIn(fake_identity.CODE, lost[0]["reason"])
    self.assertEqual(lost[0]["person"]["name"], NAME)
    self.assertEqual(records[-1]["outcome"], "identity lost")

  def closed(self):
    records = self.exchange_with(self.gate)
    return records if "exchange.close" in [record["kind"] for record in records] else []

  def test_a_stream_ends_with_an_error_when_its_person_signs_out(self):
    watched = self.running_stream()
    self.write("hold", "15")  # nobody waits for somebody to sign in while an answer goes on
    self.file(f"{USER}.json").unlink()
    self.assertEqual(watched.end(10), 0, self.agent.logs())
    self.assertIn(b"event: error\n", watched.seen)
    self.must_be_cut(watched.seen)
    self.assertEqual(self.released(self.gate).encode(), watched.seen)

  def test_real_clients_show_why_their_answer_ended(self):
    prompt = f"[[demo two gate={self.gate}]]"
    for name, call in (("sdk", lambda: self.clients.node("sdk_stream.mjs", prompt, uid=USER)),
                       ("claude code", lambda: self.clients.claude(prompt, uid=USER))):
      with self.subTest(client=name):
        self.first_record = len(self.agent.records())
        self.sign_in()
        runs = []
        running = threading.Thread(target=lambda: runs.append(call()))
        running.start()
        clients.wait_until(lambda: "[MASKED:" in self.released_of_this(), seconds=30, what="the beginning of an answer")
        self.sign_out()
        running.join(60)
        shown = runs[0].stdout + runs[0].stderr
        self.assertIn(fake_identity.CODE.encode(), shown)
        self.assertNotIn(b"Second", shown)
    self.clients.open_gate(self.gate)

  def released_of_this(self):
    return "".join(record["content"] for record in self.records("response.fragment"))

  def test_other_groups_count_for_the_rest_of_a_running_stream(self):
    watched = self.running_stream()
    self.sign_in(groups=["auditors"])
    clients.wait_until(lambda: [r for r in self.records("identity.change") if r["what"] == "changed"],
                       what="the record of the change")
    self.clients.open_gate(self.gate)
    self.assertEqual(watched.end(), 0, self.agent.logs())
    first, second = watched.seen.split(b"Second")
    self.assertNotIn(SECRET, first)
    self.assertIn(SECRET, second)

  def test_a_stream_goes_on_while_its_answers_expire_and_are_renewed(self):
    self.sign_in(valid_ms=100)
    watched = clients.Watched(self.clients, f"[[demo two gate={self.gate}]]", uid=USER)
    watched.until("[MASKED:")
    time.sleep(1.5)
    self.clients.open_gate(self.gate)
    self.assertEqual(watched.end(), 0, self.agent.logs())
    self.assertIn(b"The end.", watched.seen)
    self.assertEqual(self.records("identity.change"), [])

  def test_what_was_missed_while_the_identity_program_was_away_counts_when_it_is_back(self):
    watched = self.running_stream()
    self.agent.kill("identity")
    self.sign_out()
    self.agent.services["identity"].start()
    watched.end()
    self.must_be_cut(watched.seen)


if __name__ == "__main__":
  harness.main()
