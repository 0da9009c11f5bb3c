"""A thousand streams of several users at once: nothing leaks, nobody sees another's answer, and every record names the
user whose stream it was."""

import json
import re
import unittest

import harness  # first: it makes tests/support importable
import clients
from upstream import scenario

USERS = (64101, 64102, 64103, 64104)
STREAMS = 250  # of each user
GATE = "load"


class LoadTest(harness.AgentCase):
  def test_a_thousand_concurrent_streams_leak_nothing_and_are_not_mixed_up(self):
    for report in self.clients.load(USERS, STREAMS, "--delay", "0.2", "--gate", GATE, meanwhile=self.all_are_open_at_once):
      self.assertEqual(report["faults"], [])
      self.assertEqual((report["streams"], report["complete"]), (STREAMS, STREAMS))
      self.assertEqual((report["leaked"], report["mixed_up"], report["without_mark"]), ([], [], []))
      self.assertIn("[MASKED:", report["example"])
      print(f"first chunk: {report['first_chunk_ms']}")
    clients.wait_until(lambda: len(self.records("exchange.close")) >= STREAMS * len(USERS), 30, "the last record")
    self.every_record_names_its_user()

  def all_are_open_at_once(self):
    """Each answer has come as far as the middle of its secret, none further, before any may go on."""
    clients.wait_until(lambda: len(self.waiting()) == STREAMS * len(USERS), 120, "a thousand answers under way")
    self.assertNotIn("exchange.close", [record["kind"] for record in self.records()])
    run = self.box.run([self.agent.programs / "veilwire", "status", "--config", self.agent.config_file, "--json"],
                       where="agent")
    proxy = json.loads(run.stdout)["programs"]["proxy"]["report"]
    self.assertEqual(proxy["counters"]["open"], STREAMS * len(USERS))
    self.clients.open_gate(GATE)

  def waiting(self):
    """The upstream's connections on which the first half of a secret has been said."""
    return {entry["connection"] for entry in self.box.upstream_log("said") if "Mark u" in entry["text"]}

  def every_record_names_its_user(self):
    uid_of = {record["session"]: record["peer"]["uid"] for record in self.records("session.open")}
    said = {}
    for record in self.records("response.fragment"):
      said[record["session"]] = said.get(record["session"], "") + record.get("content", "")
    marks = 0
    for session, text in said.items():
      for uid in re.findall(r"Mark u(\d+)-\d+\.", text):
        self.assertEqual(uid_of[session], int(uid))
        marks += 1
    self.assertEqual(marks, STREAMS * len(USERS))
    self.assertNotIn(scenario.SECRETS["github"], json.dumps(self.records()))


if __name__ == "__main__":
  harness.main()
