"""A policy that only observes: clients and upstream get the bytes that they would get without the agent, records hold no
secret, the report counts what was made, and the mode changes while a stream runs."""

import hashlib
import json
import time
import unittest

import harness  # first: it makes tests/support importable
import agent
import clients
import fake_identity
import sandbox
from identity_test import SigningAgent
from responses import Response
from upstream import corpus, scenario, signed

SECRET = scenario.SECRETS["github"]
BLOCKING = agent.POLICY.replace("[[action]]", '[[action]]\nrule = "aws-access-key-id"\naction = "block"\n[[action]]')


class ObserveTest(harness.AgentCase):
  policy = 'mode = "observe"\n' + BLOCKING

  def audit(self, *arguments):
    run = self.agent.ctl("--config", self.agent.config_file, "audit", *arguments)
    self.assertEqual((run.returncode, run.stderr), (0, ""))
    self.assertNotIn(SECRET, run.stdout)
    return run.stdout

  def change(self, text):
    digest = hashlib.sha256(text.encode()).hexdigest()
    before = len([r for r in self.agent.records() if r["kind"] == "config.change"])
    self.agent.write_policy(text)
    found = lambda: [r for r in self.agent.records() if r["kind"] == "config.change"][before:]
    record = clients.wait_until(found, seconds=60, what="a record of the new policy")[-1]
    self.assertEqual((record["digest"], record["outcome"]), (digest, "active"))
    return record

  def both(self, prompt, **options):
    """The same answer around the agent and through it, as bytes."""
    runs = [self.clients.curl_message(prompt, where=where, **options) for where in ("direct", "client")]
    self.assertEqual([(run.returncode, run.stderr) for run in runs], [(0, b"")] * 2)
    return [run.stdout for run in runs]

  def closed(self, mark):
    exchange = lambda: [r for r in self.exchange_with(mark) if r["kind"] == "exchange.close"]
    return clients.wait_until(exchange, what="the end of the exchange")[0]

  def mark(self):
    return f"observe{time.monotonic_ns()}"

  def test_answers_are_those_of_a_direct_connection_and_records_hold_no_secret(self):
    mark = self.mark()
    for directive in ("secret cut=each", "secret cut=none coding=br", "secret in=tool", "secret in=thinking"):
      for stream in (True, False):
        with self.subTest(directive=directive, stream=stream):
          direct, through = self.both(f"[[demo {directive} echo={mark}]]", stream=stream)
          self.assertEqual(through, direct)
    self.closed(mark)
    text = json.dumps(self.records())
    self.assertNotIn(SECRET, text)
    self.assertIn("[MASKED:", text)

  def test_heads_chunks_and_codings_are_those_of_a_direct_connection(self):
    targets = [f"/bytes/{item}?coding={coding}&chunk={chunk}" for item in range(len(corpus.EXACT))
               for coding in ("identity", "gzip") for chunk in (0, 7, 4096)]
    requests = [clients.get(sandbox.API, target, "accept-encoding: gzip", "te: trailers", "x-odd:   a  ")
                for target in targets]
    direct, through = (self.clients.raw(requests, where=where) for where in ("direct", "client"))
    for target, wanted, got in zip(targets, direct, through):
      with self.subTest(target=target):
        wanted, got = Response(wanted["bytes"]), Response(got["bytes"])
        self.assertEqual((got.line, self.lines(got)), (wanted.line, self.lines(wanted)))
        self.assertEqual(got.body, wanted.body)

  def lines(self, response):
    return [line for line in response.lines if not line.lower().startswith("date:")]

  def test_the_upstream_gets_the_request_as_it_was_sent(self):
    prompt = f"[[demo hello]] {SECRET}"
    self.both(prompt)
    asked = [entry for entry in self.box.upstream_log("request") if SECRET in json.dumps(entry)]
    self.assertEqual(len(asked), 2)
    without = [{k: v for k, v in entry.items() if k not in ("t", "connection")} for entry in asked]
    self.assertEqual(without[0], without[1])
    self.assertNotIn(SECRET, json.dumps(self.records()))

  def test_the_sdk_sees_what_it_would_see_without_the_agent(self):
    prompt = "[[demo secret cut=each]]"
    direct, through = (self.must_succeed(self.clients.node("sdk_stream.mjs", prompt, where=where))
                       for where in ("direct", "client"))
    self.assertEqual(through, direct)
    self.assertIn(SECRET, through)

  def test_the_report_counts_what_was_made(self):
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 1))
    time.sleep(1.1)  # times of the command are whole seconds
    mark = self.mark()
    for _ in range(3):
      self.must_succeed(self.clients.curl_message(f"[[demo secret echo={mark}]]", uid=65534))
    blocked = f"{mark}b"
    run = self.clients.curl_message(f"[[demo hello echo={blocked}]] {scenario.SECRETS['aws']}")
    self.must_succeed(run)
    ended = lambda: len([r for r in self.records("exchange.close")]) == 4
    clients.wait_until(ended, what="four exchanges")
    report = json.loads(self.audit("report", "--json", "--since", since))
    self.assertEqual(report["exchanges"], 4)
    observed = report["observed"]
    self.assertEqual((observed["would_mask"], observed["would_block"]), (3, 1))
    self.assertEqual((observed["exchanges"], observed["would_stop"], observed["people"]), (4, 1, 2))
    rules = {rule["value"]: rule for rule in report["rules"]}
    self.assertEqual(sum(rule["would_mask"] for rule in rules.values()), 3)
    self.assertEqual(rules["aws-access-key-id"]["would_block"], 1)
    masking = next(rule for rule in rules.values() if rule["would_mask"])
    self.assertEqual((masking["values"], masking["people"], len(masking["examples"])), (1, 1, 1))
    self.assertTrue(masking["examples"][0]["mask"].startswith("[MASKED:"))
    self.assertEqual({person["exchanges"] for person in report["people"]}, {3, 1})
    self.assertEqual([server["value"] for server in report["servers"]], [sandbox.API])
    self.assertEqual([model["value"] for model in report["models"]], ["claude-demo-1"])
    text = self.audit("report", "--since", since)
    for word in ("Not enforced. Of 4 exchanges, 4 would have been touched", "aws-access-key-id", "[MASKED:", "Next:"):
      self.assertIn(word, text)
    self.assertEqual(json.loads(self.audit("stats", "--json", "--since", since))["all"]["masked"], 0)
    self.assertEqual(len(json.loads(self.audit("list", "--json", "--since", since, "--decision", "observed"))), 4)

  def test_the_mode_is_said_and_changes_while_a_stream_runs(self):
    status = self.agent.ctl("--config", self.agent.config_file, "status")
    self.assertIn("only observes", status.stdout)
    self.addCleanup(self.change, self.policy)
    gates = [self.mark() + "a", self.mark() + "b"]
    first = clients.Watched(self.clients, f"[[demo two gate={gates[0]}]]")
    first.until(SECRET)
    self.assertNotIn("mode", self.change(agent.POLICY))
    second = clients.Watched(self.clients, f"[[demo two gate={gates[1]}]]")
    second.until("[MASKED:")
    self.clients.open_gate(gates[0])
    self.assertEqual(first.end(), 0)
    before, behind = first.seen.split(b"Second")
    self.assertIn(SECRET.encode(), before)
    self.assertNotIn(SECRET.encode(), behind)
    self.assertIn(b"[MASKED:", behind)
    self.assertEqual(self.change('mode = "observe"\n' + agent.POLICY)["mode"], "observe")
    self.clients.open_gate(gates[1])
    self.assertEqual(second.end(), 0)
    before, behind = second.seen.split(b"Second")
    self.assertNotIn(SECRET.encode(), before)
    self.assertIn(SECRET.encode(), behind)
    self.assertNotIn(SECRET, json.dumps(self.records()))

  def test_a_signed_conversation_goes_on_through_both_switches(self):
    prompt = "[[demo signed turns=9]]"
    self.addCleanup(self.change, self.policy)

    def go_on(turns):
      run = self.clients.node("sdk_tools.mjs", prompt, "observe.json", str(turns))
      return json.loads(self.must_succeed(run))

    seen = json.dumps(go_on(3))
    self.assertIn(signed.token(0), seen)
    self.change(agent.POLICY)
    seen = json.dumps(go_on(3))
    self.assertNotIn(signed.token(4), seen)
    self.change('mode = "observe"\n' + agent.POLICY)
    self.assertEqual(go_on(100)["reason"], "end_turn")
    said = [entry["text"] for entry in self.box.upstream_log("said")]
    self.assertEqual([text for text in said if "Invalid `signature`" in text], [])
    text = json.dumps(self.records())
    for turn in range(9):
      self.assertNotIn(signed.token(turn), text)


class ObserveSignInTest(harness.AgentCase):
  """Where the policy wants to know people, and only observes."""

  USER = 64101

  @classmethod
  def setUpClass(cls):
    harness.SandboxCase.setUpClass.__func__(cls)
    cls.agent = SigningAgent(cls.box, harness.BUILD, 'mode = "observe"\n' + agent.POLICY)
    cls.addClassCleanup(cls.agent.stop)
    cls.agent.start()

  def sign_in(self):
    self.addCleanup(self.sign_out)
    fresh = self.agent.people / "new"
    fresh.write_text(json.dumps({"name": "alice"}))
    fresh.chmod(0o644)
    fresh.rename(self.agent.people / f"{self.USER}.json")

  def sign_out(self):
    (self.agent.people / f"{self.USER}.json").unlink(missing_ok=True)

  def ask(self):
    """A mark, once its exchange is on record to its end."""
    mark = f"unknown{time.monotonic_ns()}"
    direct, through = (self.clients.curl_message(f"[[demo secret cut=each echo={mark}]]", where=where, uid=self.USER)
                       for where in ("direct", "client"))
    self.must_succeed(through)
    self.assertEqual(through.stdout, direct.stdout)
    self.ended(mark)
    return mark

  def ended(self, mark):
    clients.wait_until(lambda: self.of(mark, "exchange.close"), what="the end of the exchange")

  def of(self, mark, kind):
    return [record for record in self.exchange_with(mark) if record["kind"] == kind]

  def refused(self):
    """What would have been, by metrics."""
    run = self.agent.ctl("metrics", "--config", self.agent.config_file)
    lines = [line for line in run.stdout.splitlines() if line.startswith("veilwire_observed_refusals_total{")]
    return {line.split('"')[1]: float(line.split()[-1]) for line in lines}

  def test_who_has_not_signed_in_passes_and_it_is_said_that_a_sign_in_would_be_wanted(self):
    before = self.refused().get("sign-in wanted", 0)
    mark = self.ask()
    seen = self.of(mark, "observed")
    self.assertEqual([(record["direction"], record["outcome"]) for record in seen], [("request", "sign-in wanted")])
    self.assertIn(fake_identity.CODE, seen[0]["reason"])
    self.assertRegex(seen[0]["answer"], "^[45][0-9][0-9]$")
    self.assertEqual([record["outcome"] for record in self.of(mark, "exchange.close")], ["complete"])
    self.assertEqual(self.of(mark, "request.head")[0]["mode"], "observe")
    self.assertNotIn(SECRET, json.dumps(self.exchange_with(mark)))
    report = json.loads(self.agent.ctl("--config", self.agent.config_file, "audit", "report", "--json").stdout)
    self.assertGreaterEqual({row["value"]: row["would_refuse"] for row in report["refusals"]}["sign-in wanted"], 1)
    self.assertEqual(self.refused()["sign-in wanted"], before + 1)
    top = json.loads(self.agent.ctl("top", "--config", self.agent.config_file, "--once", "--json").stdout)
    self.assertEqual(top["mode"], "observe")
    self.assertGreaterEqual(top["observed"]["would_refuse"], 1)
    self.assertGreaterEqual(top["observed"]["would_mask"], 1)

  def test_who_has_signed_in_is_not_told_of(self):
    self.sign_in()
    mark = self.ask()
    self.assertEqual(self.of(mark, "observed"), [])
    self.assertEqual(self.of(mark, "request.head")[0]["person"]["name"], "alice")

  def test_a_stream_goes_on_when_its_person_signs_out_and_it_is_said_that_it_would_end(self):
    self.sign_in()
    gate = f"unknown{time.monotonic_ns()}"
    watched = clients.Watched(self.clients, f"[[demo two gate={gate}]]", uid=self.USER)
    watched.until(SECRET)
    self.sign_out()
    clients.wait_until(lambda: self.of(gate, "observed"), what="the record of what would have been")
    self.clients.open_gate(gate)
    self.assertEqual(watched.end(), 0)
    self.assertIn(b"Second", watched.seen)
    self.ended(gate)
    # It is on record who it was, and that it is nobody from there on.
    self.assertEqual([record["what"] for record in self.of(gate, "identity.change")], ["lost", "changed"])
    self.assertEqual([(record["direction"], record["outcome"]) for record in self.of(gate, "observed")],
                     [("response", "identity lost")])


if __name__ == "__main__":
  harness.main()
