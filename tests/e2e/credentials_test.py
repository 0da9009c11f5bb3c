"""The organisation's credentials for hosts: clients have a placeholder, the upstream sees the key, and nobody else does.

One person a group and a kind of source. veilwire-credentials holds what it has read and veilwire-proxy what it was
given for as long as that is good; a key is in clear in no other program, file or output, though the upstream repeats it
wherever it can.
"""

import json
import os
import pathlib
import tempfile
import time
import unittest

import harness  # first: it makes tests/support importable
import agent
import clients
import memory
import sandbox
from upstream import messages

OWNER = agent.USERS["credentials"]
# Names of the credentials, and of their kinds of source, by uid of who is given them.
GIVEN = {64101: "of-file", 64102: "of-command", 64103: "of-vault", 64104: "of-systemd"}
KINDS = tuple(GIVEN.values())
PLACEHOLDER = clients.DUMMY_KEY
FRESH = 1  # seconds that a file or a secret of the vault is good for
DOUBT = 5  # seconds for which a value is taken for good whatever its host says
MASK = "[MASKED:organisation-credential:"
MCP = f"https://{sandbox.TOOLS}"
POLICY = "\n".join([
    'ports = [443]',
    '[[host]]', f'name = "{sandbox.API}"', 'speaks = "anthropic"', 'credential_required = true',
    *(f'[[host.credential]]\ngroup = "{sandbox.PEOPLE[uid]}"\nuse = "{name}"' for uid, name in GIVEN.items()),
    '[[host]]', f'name = "{sandbox.TOOLS}"', 'speaks = "mcp"', 'credential_as = "bearer"',
    '[[host.credential]]', f'group = "{sandbox.PEOPLE[64101]}"', 'use = "of-file"',
    '[[host.credential]]', f'group = "{sandbox.PEOPLE[64102]}"', 'use = "missing"',
    agent.POLICY.partition("[rules]")[1] + agent.POLICY.partition("[rules]")[2]])


class CredentialsTest(harness.AgentCase):
  policy = POLICY

  @classmethod
  def setUpClass(cls):
    harness.SandboxCase.setUpClass.__func__(cls)
    # Outside the folders of the agent: here the keys are.
    cls.sources = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(dir="/var/tmp")))
    cls.sources.chmod(0o755)
    cls.serial = 0
    cls.every_key = []
    cls.keys = {}
    (cls.sources / "systemd").mkdir(mode=0o755)
    cls.write("token", "hvs." + os.urandom(16).hex())
    for name in KINDS:
      cls.rotate(name)
    vault = cls.box.popen([sandbox.PYTHON, "-B", agent.SOURCE / "tests/support/vault.py", cls.sources / "vault",
                           cls.sources / "token"], where="direct", stdout=-1)
    address = f"http://127.0.0.1:{int(vault.stdout.readline())}"
    brief = {"refresh_seconds": FRESH, "keep_seconds": 0}
    cls.agent = agent.Agent(cls.box, harness.BUILD, cls.policy, proxy={"threads": 1}, credentials={"source": [
        {"name": "of-file", "kind": "file", "path": str(cls.sources / "of-file"), **brief},
        {"name": "of-systemd", "kind": "systemd", **brief},
        {"name": "of-command", "kind": "command", "command": ["/usr/bin/cat", str(cls.sources / "of-command")]},
        {"name": "of-vault", "kind": "vault", "address": address, "path": "llm/team", "field": "api_key",
         "token_file": str(cls.sources / "token"), **brief},
        {"name": "missing", "kind": "file", "path": str(cls.sources / "missing")}]})
    cls.agent.environment = {"credentials": {"CREDENTIALS_DIRECTORY": cls.sources / "systemd"}}
    cls.addClassCleanup(cls.agent.stop)
    cls.agent.start()

  @classmethod
  def write(cls, name, text):
    fresh = cls.sources / "fresh"
    fresh.write_text(text + "\n")
    fresh.chmod(0o400)
    os.chown(fresh, OWNER, OWNER)
    fresh.rename(cls.sources / name)

  @classmethod
  def rotate(cls, name):
    """Another key takes the place of the one that its source has."""
    key = f"org-{name}-" + os.urandom(24).hex()
    cls.keys[name] = key
    cls.every_key.append(key)
    if name == "of-vault":
      (cls.sources / "vault.new").write_text(json.dumps({"llm/team": {"api_key": key, "other": "x"}}))
      (cls.sources / "vault.new").rename(cls.sources / "vault")
    else:
      cls.write(f"systemd/{name}" if name == "of-systemd" else name, key)
    return key

  def setUp(self):
    super().setUp()
    self.outputs = []

  def mark(self):
    return f"mark{time.monotonic_ns()}"

  def keep(self, run):
    """What clients printed is looked at when the test is over."""
    self.outputs.append(run.stdout + run.stderr)
    return run

  def ask(self, uid, prompt="[[demo hello]]", more=()):
    return self.keep(self.clients.curl_message(prompt, *more, uid=uid)).stdout.decode()

  def tearDown(self):
    for output in self.outputs:
      self.assertNotIn(b"org-", output)
    super().tearDown()

  def given(self, field="x-api-key"):
    """What the upstream saw of the requests of this test."""
    return [dict((name.lower(), value) for name, value in entry["fields"]).get(field)
            for entry in self.box.upstream_log("request")]

  def saw(self, text):
    return text in self.box.upstream_log_file.read_text()

  # --- who is given what

  def test_each_group_takes_its_own_from_every_kind_of_source(self):
    for uid, name in GIVEN.items():
      with self.subTest(source=name):
        self.box.forget_upstream_log()
        mark = self.mark()
        self.assertIn("message_stop", self.ask(uid, f"[[demo hello]] {mark}"))
        self.assertEqual(self.given(), [self.keys[name]])
        self.assertFalse(self.saw(PLACEHOLDER))
        head = clients.wait_until(lambda: [record for record in self.exchange_with(mark)
                                           if record["kind"] == "request.head"], what="the record")[0]
        self.assertEqual((head["credential"], head["person"]["name"]), (name, sandbox.PEOPLE[uid]))

  def test_real_clients_with_a_placeholder_are_given_it_too(self):
    for name, run in (("claude", lambda: self.clients.claude("[[demo hello]]", uid=64101)),
                      ("sdk stream", lambda: self.clients.node("sdk_stream.mjs", "[[demo hello]]", uid=64102)),
                      ("sdk json", lambda: self.clients.node("sdk_json.mjs", "[[demo hello]]", uid=64103))):
      with self.subTest(client=name):
        self.box.forget_upstream_log()
        self.assertIn("this is the demonstration upstream", self.must_succeed(self.keep(run())))
        asked = [entry for entry in self.box.upstream_log("request") if entry["target"].startswith("/v1/messages")]
        self.assertTrue(asked)
        for entry in self.box.upstream_log("request"):
          self.assertIn(dict(entry["fields"])["x-api-key"], self.every_key)
        self.assertFalse(self.saw(PLACEHOLDER))

  def test_a_server_of_tools_takes_it_as_a_bearer(self):
    run = self.keep(self.clients.node("mcp_http.mjs", f"{MCP}/mcp", "echo", '{"text": "hello"}', uid=64101))
    self.must_succeed(run)
    self.assertEqual(set(self.given("authorization")), {"Bearer " + self.keys["of-file"]})

  def test_who_is_given_none_where_one_is_required_is_refused(self):
    self.assertIn("policy has no credential for you", self.ask(0))
    self.assertEqual(self.given(), [])

  # --- sources that fail or change

  def assert_refused(self, uid, name, *reasons):
    mark = self.mark()
    said = clients.wait_until(lambda: next((text for text in [self.ask(uid, f"[[demo hello]] {mark}")]
                                            if "message_stop" not in text), None), what="a refusal")
    error = json.loads(said)
    self.assertEqual((error["type"], error["error"]["type"]), ("error", "api_error"))
    for words in (f"the organisation's credential {name} cannot be had", *reasons):
      self.assertIn(words, error["error"]["message"])
    closed = clients.wait_until(lambda: [record for record in self.records("exchange.close")
                                         if record["outcome"] == "credential unavailable"], what="the record")
    self.assertTrue(closed)
    self.assertFalse(self.saw(PLACEHOLDER))

  def test_a_file_that_is_gone_refuses_and_another_in_its_place_is_taken_without_a_restart(self):
    self.assertIn("message_stop", self.ask(64101))
    (self.sources / "of-file").unlink()
    self.assert_refused(64101, "of-file")
    key = self.rotate("of-file")
    clients.wait_until(lambda: "message_stop" in self.ask(64101), seconds=20, what="the new key")
    self.assertEqual(self.given()[-1], key)

  def test_a_rotated_key_takes_effect_without_a_restart(self):
    for uid in (64101, 64103, 64104):
      with self.subTest(source=GIVEN[uid]):
        self.assertIn("message_stop", self.ask(uid))
        key = self.rotate(GIVEN[uid])
        clients.wait_until(lambda: self.ask(uid) and self.given()[-1] == key, what="the new key")

  def test_a_vault_that_is_sealed_refuses_with_its_reason(self):
    (self.sources / "vault").unlink()
    try:
      self.assert_refused(64103, "of-vault", "it is sealed or not available (503)")
    finally:
      self.rotate("of-vault")
    clients.wait_until(lambda: "message_stop" in self.ask(64103), seconds=20, what="the new key")

  def test_a_server_of_tools_gets_a_protocol_error_where_the_source_fails(self):
    run = self.keep(self.clients.curl(f"{MCP}/mcp", "-H", "content-type: application/json", "-H",
                                      f"authorization: Bearer {PLACEHOLDER}", "-d",
                                      '{"jsonrpc": "2.0", "id": 7, "method": "tools/list"}', uid=64102))
    answer = json.loads(run.stdout)
    self.assertEqual((answer["jsonrpc"], answer["id"]), ("2.0", 7))
    self.assertIn("credential missing cannot be had", answer["error"]["message"])
    self.assertEqual(self.box.upstream_log("request"), [])

  def test_one_that_its_host_refuses_is_asked_for_anew(self):
    """The command's is good for minutes; a host that does not take it any more shows that it is not."""
    self.assertIn("message_stop", self.ask(64102))
    key = self.rotate("of-command")
    prompt = f"[[demo refused unless={messages.fingerprint(key)}]]"
    started = time.monotonic()
    clients.wait_until(lambda: "message_stop" in self.ask(64102, prompt), seconds=4 * DOUBT, what="the new key")
    self.assertLess(time.monotonic() - started, 2 * DOUBT)
    # A host that refuses every request does not have the source asked for each.
    asked = self.fetched()
    for _ in range(5):
      self.assertIn(MASK, self.ask(64102, "[[demo refused status=403]]"))
    self.assertLessEqual(self.fetched() - asked, 1)

  def fetched(self):
    """How often sources have been asked."""
    run = self.agent.ctl("--config", self.agent.config_file, "status", "--json")
    return json.loads(run.stdout)["programs"]["credentials"]["report"]["fetched"]

  # --- where it must not be

  def test_what_repeats_it_is_masked_in_every_way(self):
    for cut in ("none", "each", "9"):
      for where in ("text", "thinking", "tool"):
        for coding in ("identity", "gzip"):
          with self.subTest(cut=cut, where=where, coding=coding):
            run = self.clients.curl_message(
                f"[[demo secret secret=given cut={cut} in={where} coding={coding}]]", "--compressed", uid=64101)
            self.assertIn(MASK.encode(), self.keep(run).stdout)
    for run in (self.clients.curl_message("[[demo secret secret=given]]", stream=False, uid=64101),
                self.clients.curl_message("[[demo refused]]", "-i", uid=64101),
                self.clients.node("sdk_stream.mjs", "[[demo secret secret=given cut=each]]", uid=64101),
                self.clients.node("sdk_json.mjs", "[[demo refused]]", uid=64101),
                self.clients.claude("[[demo secret secret=given cut=each]]", uid=64101)):
      self.assertIn(MASK.encode(), self.keep(run).stdout + run.stderr)
    stars = "*" * len(self.keys["of-file"])
    for words in (f"x-debug-key: {stars}", f"set-cookie: last={stars}", f"request-id: req_{stars}"):
      self.assertIn(words, self.ask(64101, "[[demo refused]]", more=("-i",)))

  def test_trace_is_not_passed_on(self):
    run = self.keep(self.clients.curl(f"https://{sandbox.API}/v1/messages", "-X", "TRACE", uid=64101))
    self.assertIn(b"TRACE would show", run.stdout)
    self.assertEqual(self.box.upstream_log("request"), [])

  def in_proxy(self, key):
    """How often. What is used again may have lost its first bytes."""
    key = key[-memory.PIECE:]
    return memory.Scanner.times_in_process(self.agent.services["proxy"].process.pid, key)

  def test_the_proxy_has_it_once_and_not_after_it_was_replaced(self):
    """What has gone out is wiped: with a small body and a large one, on a new connection and a kept one."""
    key = self.rotate("of-file")
    clients.wait_until(lambda: self.ask(64101) and self.given()[-1] == key, what="the new key")
    large = self.sources / "large"
    large.write_text(json.dumps({"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "x" * 300000}]}))
    url = f"https://{sandbox.API}/v1/messages"
    for _ in range(3):
      self.must_succeed(self.keep(self.clients.curl(
          url, "-H", f"x-api-key: {PLACEHOLDER}", "-H", "content-type: application/json", "-d", f"@{large}", url,
          uid=64101)))
    time.sleep(0.5)
    self.assertEqual(self.in_proxy(key), 1)
    self.rotate("of-file")
    clients.wait_until(lambda: self.ask(64101) and self.given()[-1] == self.keys["of-file"], what="the new key")
    self.assertEqual(self.in_proxy(key), 0)

  def test_it_is_nowhere_else(self):
    for uid in GIVEN:
      self.ask(uid)
      self.ask(uid, "[[demo secret secret=given cut=each]]")
      self.ask(uid, "[[demo refused]]")
    # A client that still waits for the rest of an answer that repeats it.
    gate = self.mark()
    watched = clients.Watched(self.clients, f"[[demo two secret=given gate={gate}]]", uid=64101)
    watched.until("keep it safe")
    pieces = {}
    for number, key in enumerate(self.every_key):
      pieces.update({key[at:at + memory.PIECE].encode(): f"key {number} at {at}" for at in (12, 30)})
      pieces.update(memory.spellings_of(f"key {number}", key))
    scanner = memory.Scanner(pieces)
    pids = {name: service.process.pid for name, service in self.agent.services.items()}
    self.assertTrue(scanner.in_process(pids["credentials"]))
    for name in ("redirector", "signer", "identity", "recorder"):
      with self.subTest(program=name):
        self.assertEqual(scanner.in_process(pids[name]), set())
    with self.subTest(program="curl"):
      self.assertEqual(scanner.in_process(watched.pid), set())
    self.clients.open_gate(gate)
    self.assertEqual(watched.end(), 0)
    self.assertNotIn(b"org-", watched.seen)
    found, count = scanner.in_files(self.box.folder)
    self.assertEqual(list(found), [str(self.box.upstream_log_file)])  # which is meant to know it
    self.assertGreater(count, 20)
    self.assertEqual(scanner.in_bytes(self.agent.written()), set())
    rows = self.agent.ctl("--config", self.agent.config_file, "audit", "list", "--json")
    for row in json.loads(rows.stdout)[:20]:
      for command in (("show", "--json"), ("replay", "--raw")):
        run = self.agent.ctl("--config", self.agent.config_file, "audit", *command, row["id"])
        self.assertNotIn("org-of-file-", run.stdout + run.stderr)


if __name__ == "__main__":
  harness.main()
