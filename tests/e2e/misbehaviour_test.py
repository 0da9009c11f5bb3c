"""A broken or hostile upstream behind the agent. Each kind of fault ends for the client as documented: a clean error
while nothing has been sent, an answer that is closed in its own protocol where its events are broken, a reset where its
framing is. Each is recorded, and none lets a secret out: every kind shows one before or behind its fault."""

import json
import unittest

import harness  # first: it makes tests/support importable
import clients
import sandbox
from responses import Response
from upstream import misbehaviour, scenario

SECRET = scenario.SECRETS["github"]
# Faults that only a limit of the agent's, or the patience of the client, ends.
HEAVY = {"bomb", "sse-endless-line", "hang", "silent"}

ERROR = {  # 502, an error of the API's own shape
    "bare-newlines", "coding-cut", "coding-lie", "coding-tail", "field-space", "folded-field", "garbage", "huge-field",
    "json", "length-and-chunked", "many-fields", "refuse", "short-body", "signed-length", "switch", "transfer-gzip",
    "two-lengths"}
REFUSED = {"coding"}  # 451: the policy blocks what cannot be inspected
RESET = {"chunk", "chunk-overflow", "chunk-short", "reset", "stop"}
CLOSED = {"half-event", "sse"}  # a notice, then the end of the message
WHOLE = {  # unusual and allowed: the client gets all of it
    "coding-twice", "error-event", "interim", "json-duplicate", "not-modified", "nothing", "old-version", "overloaded",
    "slow", "sse-binary", "tail", "trailers", "until-close", "utf8"}


class MisbehaviourTest(harness.AgentCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    kinds = sorted(set(misbehaviour.KINDS) - HEAVY)
    requests = [clients.get(sandbox.API, f"/bad/{kind}?stream=1") for kind in kinds]
    cls.answers = dict(zip(kinds, cls.clients.raw(requests, timeout=120)))
    clients.wait_until(lambda: len(cls.agent.records("exchange.close")) >= len(kinds), what="the last record")

  def recorded(self, kind):
    """The records of the exchange that asked for this kind."""
    records = self.agent.records()
    asked = next(r for r in records if r["kind"] == "request.head" and r["target"] == f"/bad/{kind}?stream=1")
    return [record for record in records if all(record[key] == asked[key] for key in ("session", "exchange"))]

  def each(self, kinds, check):
    for kind in sorted(kinds):
      with self.subTest(kind=kind):
        check(kind, Response(self.answers[kind]["bytes"]), self.answers[kind]["end"])

  def test_every_kind_is_spoken_of_here(self):
    self.assertEqual(ERROR | REFUSED | RESET | CLOSED | WHOLE | HEAVY, set(misbehaviour.KINDS))

  def test_no_kind_of_fault_lets_a_secret_out(self):
    for kind, answer in self.answers.items():
      with self.subTest(kind=kind):
        self.assertNotIn(SECRET, answer["bytes"])
        self.assertNotIn(SECRET, str(Response(answer["bytes"]).decoded()) if answer["bytes"] else "")

  def test_bytes_that_are_not_utf_8_pass_and_are_on_record(self):
    gaps = [(record["reason"], record["action"]) for record in self.recorded("utf8") if record["kind"] == "gap"]
    self.assertEqual(gaps, [("malformed", "pass")])

  def test_no_record_holds_a_secret(self):
    self.assertNotIn(SECRET, json.dumps(self.agent.records()))

  def test_an_answer_that_is_broken_before_it_begins_is_one_clean_error(self):
    def check(kind, response, end):
      self.assertEqual((response.status, end), (502, "closed"))
      error = json.loads(response.body)
      self.assertEqual((error["type"], error["error"]["type"]), ("error", "api_error"))
      self.assertIn("veilwire", error["error"]["message"])
      # Said either way: a client that is not told tries for minutes.
      self.assertIn(response.fields.get("x-should-retry"), ("true", "false"))
      self.assertEqual(self.outcome(kind)[0], "exchange.close")

    self.each(ERROR, check)

  def test_what_cannot_be_inspected_is_refused_as_the_policy_says(self):
    def check(kind, response, end):
      self.assertEqual((response.status, end), (451, "closed"))
      self.assertEqual(json.loads(response.body)["error"]["type"], "permission_error")
      gap = next(record for record in self.recorded(kind) if record["kind"] == "gap")
      self.assertEqual((gap["reason"], gap["action"]), ("unknown_coding", "block"))

    self.each(REFUSED, check)

  def test_an_answer_whose_framing_breaks_in_the_middle_is_cut_so_that_nobody_takes_it_for_whole(self):
    def check(kind, response, end):
      self.assertEqual((response.status, end, response.complete), (200, "reset", False))
      self.assertIn("upstream.error", [record["kind"] for record in self.recorded(kind)])

    self.each(RESET, check)

  def test_a_stream_whose_events_break_ends_as_a_message_with_a_notice(self):
    def check(kind, response, end):
      self.assertEqual((response.status, end, response.complete), (200, "closed", True))
      self.assertIn(b"[MASKED:", response.body)
      self.assertIn(b"veilwire", response.body)
      self.assertTrue(response.body.rstrip().endswith(b'data: {"type":"message_stop"}'), response.body[-300:])
      self.assertIn("gap", [record["kind"] for record in self.recorded(kind)])

    self.each(CLOSED, check)

  def test_what_is_unusual_and_allowed_comes_whole(self):
    def check(kind, response, end):
      self.assertEqual(end, "closed")
      self.assertEqual(self.outcome(kind), ("exchange.close", "complete"))
      if kind not in ("nothing", "not-modified"):
        self.assertTrue(response.complete)

    self.each(WHOLE, check)

  def test_a_second_answer_behind_the_first_is_never_shown(self):
    self.assertEqual(Response(self.answers["tail"]["bytes"]).left, b"")

  def outcome(self, kind):
    last = self.recorded(kind)[-1]
    return last["kind"], last.get("outcome")

  def test_a_client_that_gives_up_on_a_silent_upstream_is_recorded(self):
    for kind in ("hang", "silent"):
      with self.subTest(kind=kind):
        answer, = self.clients.raw([{**clients.get(sandbox.API, f"/bad/{kind}?stream=1"), "seconds": 2}])
        self.assertEqual(answer["end"], "timeout")
        self.assertNotIn(SECRET, answer["bytes"])
        closed = clients.wait_until(lambda: [r for r in self.recorded(kind) if r["kind"] == "exchange.close"])
        self.assertEqual(closed[0]["outcome"], "client left")

  def test_a_body_without_end_is_stopped_at_a_limit(self):
    for kind, reason in (("bomb", "over_limit"), ("sse-endless-line", "malformed")):
      with self.subTest(kind=kind):
        answer, = self.clients.raw([{**clients.get(sandbox.API, f"/bad/{kind}?stream=1"), "seconds": 60}])
        self.assertNotEqual(answer["end"], "timeout")
        closed = clients.wait_until(lambda: [r for r in self.recorded(kind) if r["kind"] == "exchange.close"], 180, "the last record")
        self.assertEqual(closed[0]["outcome"], "upstream malformed")
        self.assertEqual([r["reason"] for r in self.recorded(kind) if r["kind"] == "gap"], [reason])

  def test_a_bomb_is_one_clean_error_and_hardly_anything_of_it_is_recorded(self):
    answer, = self.clients.raw([clients.get(sandbox.API, "/bad/bomb?stream=1")])
    response = Response(answer["bytes"])
    self.assertEqual((response.status, answer["end"], response.complete), (502, "closed", True))
    self.assertIn("out of proportion", json.loads(response.body)["error"]["message"])
    self.assertEqual(response.fields.get("x-should-retry"), "false")
    clients.wait_until(lambda: self.records("exchange.close"), what="the last record")
    self.assertLess(sum(len(r["content"]) for r in self.records("response.fragment")), 4096)

  def test_others_are_served_while_a_bomb_is_defused(self):
    bomb = self.box.popen(["curl", "-s", "-o", "/dev/null", f"https://{sandbox.API}/bad/bomb?stream=1"])
    clients.wait_until(lambda: any(e["target"] == "/bad/bomb?stream=1" for e in self.box.upstream_log("request")))
    for report in self.clients.load((64101,), 8, "--delay", "0"):
      self.assertEqual((report["complete"], report["leaked"]), (8, []))
      self.assertLess(report["first_chunk_ms"]["p99"], 5000)
    bomb.kill()


if __name__ == "__main__":
  harness.main()
