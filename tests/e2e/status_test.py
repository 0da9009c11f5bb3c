"""`veilwire status` over a whole agent: what it says is compared with what a test has done to the agent itself."""

import contextlib
import hashlib
import json
import signal
import threading
import time
import unittest

import harness  # first: it makes tests/support importable
import agent
import clients
import sandbox

GOOD, DEGRADED, NOT_RUNNING = 0, 1, 3
ALICE = 64101


class StatusTest(harness.AgentCase):
  def setUp(self):
    super().setUp()
    self.gate = f"status{time.monotonic_ns()}"

  def ask(self, *arguments, uid=0):
    """As an operator of this host: where the agent's sockets and pins are."""
    return self.box.run([self.agent.programs / "veilwire", "status", "--config", self.agent.config_file, *arguments],
                        where="agent", uid=uid)

  def status(self, code=GOOD):
    run = self.ask("--json")
    self.assertEqual(run.returncode, code, run.stdout.decode() + run.stderr.decode())
    return json.loads(run.stdout)

  def text(self, code=GOOD):
    run = self.ask()
    self.assertEqual(run.returncode, code, run.stdout.decode() + run.stderr.decode())
    return run.stdout.decode()

  def until(self, condition, what):
    """Waits until the JSON document fulfils a condition; its last form."""
    return clients.wait_until(lambda: (lambda document: document if condition(document) else None)(
        json.loads(self.ask("--json").stdout)), seconds=15, what=what)

  def until_good(self):
    return self.until(lambda document: document["status"] == "good", "a good status")

  def states(self, document):
    return {name: program["state"] for name, program in document["programs"].items()}

  def line_of(self, program, text):
    """The one line of the text that is about a program."""
    lines = [line.strip() for line in text.splitlines() if line.startswith(f"  {program} ")]
    self.assertEqual(len(lines), 1, text)
    return " ".join(lines[0].split())

  # --- all is well ---

  def test_a_running_agent_is_good_in_every_part(self):
    document = self.until_good()
    self.assertEqual(self.states(document), dict.fromkeys(agent.ORDER, "up"))
    kernel = document["kernel"]
    self.assertEqual((kernel["loaded"], kernel["effective"], kernel["proxy_alive"], kernel["mode"]),
                     (True, True, True, "closed"))
    self.assertGreaterEqual(len(kernel["links"]), 14)
    self.assertEqual([link for link in kernel["links"] if not (link["attached"] and link["effective"])], [])
    self.assertEqual({listener["family"] for listener in kernel["listeners"] if listener["listening"]}, {4, 6})
    for name in (sandbox.API, sandbox.TOOLS):  # what the policy names is what is caught
      self.assertTrue(any(target.startswith(sandbox.ADDRESSES[name][0]) for target in kernel["targets"]), kernel["targets"])
    digest = hashlib.sha256(self.agent.policy_file.read_bytes()).hexdigest()
    self.assertEqual(document["policy"], {"file": str(self.agent.policy_file), "file_digest": digest,
                                          "active_digest": digest, "mode": "enforce"})

  def test_the_text_says_the_same(self):
    self.until_good()
    text = self.text()
    links = len(self.status()["kernel"]["links"])
    self.assertTrue(text.startswith("veilwire: good\n"), text)
    self.assertEqual(self.line_of("kernel", text), f"kernel in effect: {links} of {links} programs run, the proxy takes "
                     "connections, while it cannot: closed")
    for name in agent.ORDER:
      self.assertTrue(self.line_of(name, text).startswith(f"{name} up"), text)
    self.assertEqual(self.line_of("policy", text), f"policy in force: {self.agent.policy_file}")

  def test_who_is_not_root_is_told_so_and_learns_nothing(self):
    run = self.ask("--json", uid=ALICE)
    self.assertEqual(run.returncode, DEGRADED)
    document = json.loads(run.stdout)
    self.assertEqual(self.states(document), dict.fromkeys(agent.ORDER, "not allowed to ask"))
    self.assertEqual(list(document["kernel"]), ["note"])

  # --- who is redirected ---

  def test_a_client_is_listed_with_its_person_while_its_stream_runs_and_is_gone_after(self):
    self.until_good()
    watched = clients.Watched(self.clients, f"[[demo two gate={self.gate}]]", uid=ALICE)
    watched.until("[MASKED:")
    document = self.status()
    rows = [row for row in document["kernel"]["redirected"] if row["tgid"] == watched.pid]
    self.assertEqual([(row["comm"], row["exe"], row["person"], row["uid"]) for row in rows],
                     [("curl", "/usr/bin/curl", "alice", ALICE)])
    self.assertIn(rows[0]["destination"], [f"{sandbox.ADDRESSES[sandbox.API][0]}:443",
                                           f"[{sandbox.ADDRESSES[sandbox.API][1]}]:443"])
    sessions = [row for row in document["programs"]["proxy"]["report"]["sessions"] if row["pid"] == watched.pid]
    self.assertEqual([(row["comm"], row["person"], row["uid"], row["server_name"], row["exchanges"], row["masked"])
                      for row in sessions], [("curl", "alice", ALICE, sandbox.API, 1, 1)])
    text = self.text()
    listed = [line for line in text.splitlines() if str(watched.pid) in line.split()]
    self.assertEqual(len(listed), 2, text)
    for line in listed:
      self.assertIn("alice", line.split())

    self.clients.open_gate(self.gate)
    self.assertEqual(watched.end(), 0)
    after = self.until(lambda d: not d["programs"]["proxy"]["report"]["sessions"], "the end of the session")
    self.assertEqual(after["kernel"]["redirected"], [])
    self.assertNotIn(str(watched.pid), self.text().split())

  def test_claude_code_is_a_watched_process_while_it_runs(self):
    runs = []
    asking = threading.Thread(target=lambda: runs.append(self.clients.claude(f"[[demo two gate={self.gate}]]")))
    asking.start()
    try:
      exe = str(self.clients.claude_executable.resolve())
      watched = lambda d: [row for row in d["kernel"]["labels"] if row.get("exe") == exe and row["state"] == "confirmed"]
      document = self.until(lambda d: watched(d) and d["kernel"]["redirected"], "a redirected Claude Code")
      row = watched(document)[0]
      self.assertEqual(row["person"], "root")
      self.assertIn(row["tgid"], [of["tgid"] for of in document["kernel"]["redirected"]])
      self.assertIn(exe, self.text())
    finally:
      self.clients.open_gate(self.gate)
      asking.join()
    self.must_succeed(runs[0])
    self.assertNotIn(row["tgid"], [of["tgid"] for of in self.status()["kernel"]["labels"]])

  # --- what is counted ---

  def counters(self):
    document = self.until(lambda d: not d["programs"]["proxy"]["report"]["sessions"], "the end of every session")
    of = {name: program.get("report", {}) for name, program in document["programs"].items()}
    return {"redirected": document["kernel"]["counters"]["redirected"], "records": of["recorder"]["records"],
            "leaves": of["signer"]["made"],
            **{name: of["proxy"]["counters"][name] for name in
               ("accepted", "open", "exchanges_of_closed_sessions", "masked_in_closed_sessions", "without_origin")}}

  def test_counters_move_by_what_clients_did(self):
    self.must_succeed(self.clients.curl_message("[[demo hello]]"))  # the leaf is there from here on
    before, records = self.counters(), len(self.agent.records())
    for _ in range(3):
      self.must_succeed(self.clients.curl_message("[[demo hello]]"))
    self.must_succeed(self.clients.curl_message("[[demo secret]]"))
    self.must_succeed(self.clients.curl_message("[[demo secret]]", where="direct"))  # around the agent
    closed = lambda: sum(r["kind"] == "session.close" for r in self.records()) == 5
    clients.wait_until(closed, what="the last record")
    after = self.counters()
    moved = {name: after[name] - before[name] for name in before}
    self.assertEqual(moved, {"redirected": 4, "accepted": 4, "open": 0, "exchanges_of_closed_sessions": 4,
                             "masked_in_closed_sessions": 1, "without_origin": 0, "leaves": 0,
                             "records": len(self.agent.records()) - records})

  # --- something is broken ---

  @contextlib.contextmanager
  def killed(self, name):
    self.agent.kill(name)
    try:
      yield
    finally:
      self.agent.services[name].start()
      self.until_good()

  def test_a_program_that_is_dead_is_named_and_the_exit_code_says_so(self):
    for name in agent.ORDER:
      with self.subTest(killed=name):
        self.until_good()
        with self.killed(name):
          document = self.status(DEGRADED)
          self.assertEqual(document["status"], "degraded")
          self.assertEqual(self.states(document)[name], "down")
          text = self.text(DEGRADED)
          self.assertTrue(text.startswith("veilwire: degraded\n"), text)
          self.assertEqual(self.line_of(name, text), f"{name} down")
          self.assertEqual(document["kernel"]["effective"], True)
          # Its listeners outlive it in the descriptor store, so that a restart refuses nobody; its heart does not.
          self.until(lambda d: d["kernel"]["proxy_alive"] == (name != "proxy"), "what the kernel knows of the proxy")

  def test_the_proxy_says_which_program_it_has_lost(self):
    for name in agent.ORDER[:-1]:
      with self.subTest(killed=name):
        self.until_good()
        with self.killed(name):
          lost = lambda d: d["programs"]["proxy"]["report"]["links"][name] is False
          document = self.until(lost, f"the proxy's notice that {name} is gone")
          links = document["programs"]["proxy"]["report"]["links"]
          self.assertEqual(links, {other: other != name for other in agent.ORDER[:-1]})
          self.assertEqual(self.states(document)["proxy"], "unhealthy")
          self.assertIn(name, self.agent.services["proxy"].tail().lower())

  def test_a_program_that_hangs_does_not_answer(self):
    for name in agent.ORDER[:-1]:
      with self.subTest(hangs=name):
        self.until_good()
        self.agent.services[name].signal(signal.SIGSTOP)
        try:
          text = self.text(DEGRADED)
          self.assertEqual(self.line_of(name, text), f"{name} does not answer")
        finally:
          self.agent.services[name].signal(signal.SIGCONT)
    self.until_good()

  def test_a_detached_redirector_is_not_effective_until_it_is_started_again(self):
    self.until_good()
    self.box.run([self.agent.programs / "veilwire-redirector", "detach", "--config", self.agent.config_file],
                 where="agent")
    document = self.status(DEGRADED)
    self.assertFalse(document["kernel"]["effective"])
    self.assertFalse(document["kernel"]["loaded"])
    self.assertEqual(self.line_of("kernel", self.text(DEGRADED)), "kernel not in effect: no program of veilwire is loaded")
    run = self.clients.curl_message("[[demo hello]]")
    self.assertNotEqual(run.returncode, 0, "curl does not know the internet's CA: it cannot have been redirected")
    self.until_on_record("interception is detached")
    self.assertEqual(self.states(self.status(DEGRADED))["redirector"], "unhealthy")
    self.agent.restart("redirector")
    self.until_good()
    self.must_succeed(self.clients.curl_message("[[demo hello]]"))

  def until_on_record(self, detail):
    return clients.wait_until(lambda: [gap for gap in self.records("gap") if gap["reason"] == "interception lost" and
                                       gap["detail"].startswith(detail)], seconds=15, what=f"the record that {detail}")

  def test_what_somebody_takes_away_is_seen_attached_again_and_on_record(self):
    before = self.until_good()["programs"]["redirector"]["report"]["losses"]
    self.agent.services["redirector"].signal(signal.SIGSTOP)  # so that it cannot be quicker than this test
    try:
      self.box.run(["sh", "-c", f"rm {self.box.folder}/bpf/veilwire/v*/links/vw_connect4"], where="agent")
      text = self.text(DEGRADED)
      self.assertIn("kernel not in effect: ", self.line_of("kernel", text))
      self.assertIn("    not running: vw_connect4\n", text)
    finally:
      self.agent.services["redirector"].signal(signal.SIGCONT)
    self.until(lambda d: d["status"] == "good" and d["programs"]["redirector"]["report"]["losses"] == before + 1,
               "a loss that is mended and counted")
    gaps = self.until_on_record("vw_connect4 was detached for at most ")
    self.assertEqual([(gap["action"], gap["detail"].endswith("; it is attached again")) for gap in gaps], [("pass", True)])
    self.must_succeed(self.clients.curl_message("[[demo hello]]"))

  def test_an_edited_policy_that_is_refused_is_not_in_force(self):
    self.agent.write_policy(agent.POLICY + "no_such_key = 1\n")
    self.addCleanup(self.until_good)
    self.addCleanup(self.agent.write_policy, agent.POLICY)
    document = self.until(lambda d: d["status"] == "degraded", "a refused policy")
    self.assertNotEqual(document["policy"]["file_digest"], document["policy"]["active_digest"])
    self.assertIn("was edited and is not in force", self.line_of("policy", self.text(DEGRADED)))

  def test_nothing_at_all_has_an_exit_code_of_its_own(self):
    self.agent.stop()
    try:
      self.assertEqual(self.status(DEGRADED)["status"], "degraded", "the kernel side outlives the programs")
      self.box.run([self.agent.programs / "veilwire-redirector", "detach", "--config", self.agent.config_file],
                   where="agent")
      self.assertTrue(self.text(NOT_RUNNING).startswith("veilwire: not running\n"))
    finally:
      self.agent.start()
    self.until_good()


if __name__ == "__main__":
  harness.main()
