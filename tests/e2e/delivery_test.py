"""The ledger's way to collectors: what the agent records arrives at OTLP receivers, whatever happens on the way.

protoc reads what arrived by upstream's definitions. A record is told apart by its key; the same key twice is the same
record twice, which a collector may drop, and a record under two keys, or none, is what must never be.
"""

import collections
import json
import pathlib
import random
import re
import subprocess
import tempfile
import time
import unittest

import harness  # first: it makes tests/support importable
import agent
import clients
import sandbox
from upstream import scenario

SECRET = scenario.SECRETS["github"]
DEFINITIONS = agent.SOURCE / "tests/data/otlp"
REQUEST = "opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest"
SERVICE = "opentelemetry/proto/collector/logs/v1/logs_service.proto"
UID = re.compile(r'key: "log.record.uid"\s*value {\s*string_value: "([^"]*)"')


class Collector:
  def __init__(self, box, folder):
    self.folder = folder
    folder.mkdir()
    self.process = box.popen([sandbox.PYTHON, "-B", agent.SOURCE / "tests/support/otlp_collector.py", folder],
                             where="direct", stdout=-1)
    self.endpoint = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

  def answer(self, how=None):
    if how is None:
      (self.folder / "answer").unlink(missing_ok=True)
    else:
      (self.folder / "answer.new").write_text(how)
      (self.folder / "answer.new").rename(self.folder / "answer")

  def requests(self):
    """Each as protoc shows it."""
    out = []
    for file in sorted(self.folder.glob("*.pb")):
      run = subprocess.run(["protoc", f"--proto_path={DEFINITIONS}", f"--decode={REQUEST}", SERVICE],
                           input=file.read_bytes(), capture_output=True, timeout=60)
      if run.returncode:
        raise AssertionError(run.stderr)
      out.append(run.stdout.decode())
    return out

  def keys(self):
    """In the order of arrival."""
    return [key for request in self.requests() for key in UID.findall(request)]

  def bytes(self):
    return b"".join(file.read_bytes() for file in self.folder.glob("*.pb"))


def key(record):
  return f"{record['host']}-{record['writer']}-{record['seq']}"


class DeliveryTest(harness.AgentCase):
  @classmethod
  def setUpClass(cls):
    harness.SandboxCase.setUpClass.__func__(cls)
    folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(dir="/var/tmp")))
    cls.all, cls.calls = (Collector(cls.box, folder / name) for name in ("all", "calls"))
    brief = {"kind": "otlp", "retry_first_ms": 50, "retry_longest_seconds": 1, "timeout_seconds": 5}
    cls.agent = agent.Agent(cls.box, harness.BUILD, forwarder={"sink": [
        {"name": "all", "endpoint": cls.all.endpoint, "tell": "records", **brief},
        {"name": "calls", "endpoint": cls.calls.endpoint, "level": "metadata", **brief}]})
    cls.addClassCleanup(cls.agent.stop)
    cls.agent.start()

  def setUp(self):
    super().setUp()
    for collector in (self.all, self.calls):
      collector.answer()

  def ask(self, what="secret cut=each"):
    mark = f"mark{time.monotonic_ns()}"
    run = self.clients.curl_message(f"[[demo {what} echo={mark}]]")
    self.must_succeed(run)
    clients.wait_until(lambda: [r for r in self.exchange_with(mark) if r["kind"] == "exchange.close"],
                       what="the end of the exchange")
    return self.exchange_with(mark)

  def sinks(self):
    run = self.agent.ctl("--config", self.agent.config_file, "audit", "sinks", "--json")
    self.assertEqual((run.returncode, run.stderr), (0, ""))
    return {sink["name"]: sink for sink in json.loads(run.stdout)["sinks"]}

  def wait_until_delivered(self):
    """Of what is recorded by now, everything."""
    last = len(self.agent.records())
    clients.wait_until(lambda: all(sink["next"] > last for sink in self.sinks().values()), 60,
                       what="everything to be delivered")

  def refused(self):
    """The keys of what the collector has refused for good, which the ledger knows."""
    run = self.agent.ctl("--config", self.agent.config_file, "audit", "sinks", "--refused", "all", "--json")
    self.assertEqual((run.returncode, run.stderr), (0, ""))
    records = self.agent.records()
    return {key(records[letter["record"] - 1]) for letter in json.loads(run.stdout)}

  def all_has_arrived(self):
    recorded = [key(record) for record in self.agent.records()]
    self.wait_until_delivered()
    arrived = self.all.keys()
    self.assertEqual(len(set(recorded)), len(recorded))
    self.assertEqual(set(recorded) - set(arrived) - self.refused(), set(), "lost")
    late = {key(record) for record in self.agent.records()}
    self.assertEqual(set(arrived) - late, set(), "under a key that no record has")
    # In the order of the ledger, but for what was sent again.
    first = list(dict.fromkeys(arrived))
    expected = [one for one in recorded if one in set(first)]
    self.assertEqual(first[:len(expected)], expected)

  def test_every_record_and_every_exchange_arrive_masked(self):
    records = self.ask()
    self.all_has_arrived()
    for collector in (self.all, self.calls):
      self.assertNotIn(SECRET.encode(), collector.bytes())
    self.assertIn(b"[MASKED:", self.all.bytes())
    self.assertNotIn(b"[MASKED:", self.calls.bytes(), "metadata has no bodies")
    calls = self.calls.keys()
    self.assertIn(key(records[-1]) + "-exchange", calls)
    told = {key(record) for record in self.agent.records() if record["exchange"] == 0}
    self.assertEqual({one for one in calls if not one.endswith("-exchange")} - told, set())
    self.assertTrue(any('"gen_ai.request.model"' in request for request in self.calls.requests()))

  def test_a_collector_that_is_away_holds_nobody_up_and_misses_nothing(self):
    self.all.answer("503")
    self.ask()
    clients.wait_until(lambda: self.sinks()["all"]["state"].startswith("failing"), what="the failure to show")
    sinks = self.sinks()
    self.assertGreater(sinks["all"]["lag"], 0)
    clients.wait_until(lambda: self.sinks()["calls"]["lag"] == 0, what="the other sink")
    status = self.agent.ctl("--config", self.agent.config_file, "status")
    self.assertIn("forwarder", status.stdout)
    self.all.answer()
    self.all_has_arrived()
    self.assertEqual(self.sinks()["all"]["state"], "up to date")

  def test_answers_that_say_nothing_lose_nothing(self):
    for answer in ("garbage", "cut", "429 1", "502", "partial 1", "400", "413", "401"):
      with self.subTest(answer=answer):
        self.all_has_arrived()
        before = self.refused()
        self.all.answer(answer)
        self.ask("hello")
        clients.wait_until(lambda: self.sinks()["all"]["state"] != "up to date" or self.refused() != before,
                           what="the answer to show")
        time.sleep(0.5)
        self.all.answer()
        self.all_has_arrived()
        if answer == "partial 1":
          self.assertNotEqual(self.refused(), before, "it took the request, and nothing of it")
        else:  # one that refuses whatever it is sent is set up wrongly
          self.assertEqual(self.refused(), before)

  def test_programs_that_are_killed_lose_nothing(self):
    chance = random.Random(20261129)
    for _ in range(6):
      self.ask("hello")
      time.sleep(chance.random() / 10)
      killed = chance.choice(("forwarder", "recorder", "forwarder"))
      self.agent.kill(killed)
      self.agent.start_one(killed)
    self.ask()
    self.all_has_arrived()
    twice = {one: n for one, n in collections.Counter(self.all.keys()).items() if n > 1}
    print(f"{len(twice)} of {len(self.all.keys())} records came more than once, under one key each")

  def test_a_sink_is_driven_again_from_where_an_operator_says(self):
    self.ask("hello")
    self.all_has_arrived()
    before = collections.Counter(self.all.keys())
    run = subprocess.run([self.agent.programs / "veilwire-forwarder", "--config", self.agent.config_file, "rewind", "all",
                          "3"], capture_output=True, text=True, timeout=60)
    self.assertEqual((run.returncode, run.stdout), (0, "all goes on from record 3\n"), run.stderr)
    self.wait_until_delivered()
    again = collections.Counter(self.all.keys()) - before
    recorded = [key(record) for record in self.agent.records()]
    for one in recorded[2:len(before)]:
      self.assertGreaterEqual(again[one], 1)
    self.assertEqual(again[recorded[0]], 0)
    run = subprocess.run([self.agent.programs / "veilwire-forwarder", "--config", self.agent.config_file, "rewind",
                          "nowhere", "3"], capture_output=True, text=True, timeout=60)
    self.assertEqual(run.returncode, 1)
    self.assertIn("there has never been such a sink", run.stderr)


if __name__ == "__main__":
  harness.main()
