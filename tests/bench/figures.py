"""What is measured, and how: every figure of one run is taken by all ways in turn, in several rounds, so that whatever
else the machine does disturbs them alike. A figure is the median of its rounds; "added" and ratios are taken within a
round, against the direct way."""

import dataclasses
import statistics
import time

from world import WAYS, processor_us, resident_kb

RELAYS = ("agent", "nginx")


@dataclasses.dataclass(frozen=True)
class Plan:
  rounds: int
  requests: int  # of one way in one round, for times to the first token
  streams: int  # at the same time, each with an event every interval
  interval_us: int
  events: int  # of each of these streams
  full_streams: int  # at the same time, as fast as they go
  full_seconds: float
  idle: int  # connections
  active: int  # streams
  settle: float  # seconds until what a relay still does for an answer is done


FULL = Plan(rounds=5, requests=40, streams=20, interval_us=10_000, events=120, full_streams=50, full_seconds=1.5,
            idle=1000, active=200, settle=0.2)
QUICK = Plan(rounds=1, requests=3, streams=4, interval_us=5_000, events=20, full_streams=4, full_seconds=0.2,
             idle=10, active=4, settle=0.05)

# What a person or a program waits for: name, options of the client, what counts, whether a relay may pool connections.
WAITS = (
    ("first token, new connection, 1 kB request", ("--fresh", "--events", 3), "first_us", True),
    ("first token, kept connection, 1 kB request", ("--events", 3), "first_us", False),
    ("first token, kept connection, 100 kB request", ("--events", 3, "--request-bytes", 100_000), "first_us", False),
    ("whole JSON answer of 64 kB, kept connection", ("--events", 0, "--json-bytes", 65_536), "whole_us", False),
)


def percentile(values, share):
  ordered = sorted(values)
  return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def in_turn(rounds, measure):
  """{way: [result of each round]}. Every round begins with another way."""
  results = {way: [] for way in WAYS}
  for number in range(rounds):
    for step in range(len(WAYS)):
      way = WAYS[(number + step) % len(WAYS)]
      results[way].append(measure(way))
  return results


def against_direct(results):
  """Samples of all ways and rounds as median, 99th percentile, what is added to the direct median, and the ratio."""
  medians = {way: [statistics.median(samples) for samples in rounds] for way, rounds in results.items()}
  table = {}
  for way, rounds in results.items():
    pairs = list(zip(medians[way], medians["direct"]))
    table[way] = {"p50": statistics.median(medians[way]),
                  "p99": percentile([value for samples in rounds for value in samples], 0.99),
                  "added_p50": statistics.median(own - direct for own, direct in pairs),
                  "ratio_p50": statistics.median(own / direct for own, direct in pairs)}
  return table


class Figures:
  def __init__(self, world, plan):
    self.world = world
    self.plan = plan

  def waits(self):
    return {name: self._wait(options, figure, paired) for name, options, figure, paired in WAITS}

  def _wait(self, options, figure, paired):
    def measure(way):
      client = self.world.client(way, *options, "--requests", self.plan.requests, paired=paired)
      try:
        return client.run()[figure]
      finally:
        client.end()

    return against_direct(in_turn(self.plan.rounds, measure))

  def _streamed(self, way, *options):
    """One run of streams: the client's report, and microseconds of processor time an event for each process."""
    client = self.world.client(way, *options)
    try:
      time.sleep(self.plan.settle)
      processes = self.world.processes()
      before = {name: processor_us(pids) for name, pids in processes.items()}
      report = client.run()
      time.sleep(self.plan.settle)
      spent = {name: (processor_us(pids) - before[name]) / report["events"] for name, pids in processes.items()}
    finally:
      client.end()
    spent["client"] = report["client_us"] / report["events"]
    return report, spent

  def _costs(self, runs):
    """Medians over the rounds, by way and process. "relay" is all that stands between, "all" the whole machine."""
    table = {}
    for way, rounds in runs.items():
      relays = {"direct": (), "agent": tuple(self.world.agent.services), "nginx": ("nginx",)}[way]
      rows = []
      for _, spent in rounds:
        row = {name: spent[name] for name in ("client", "upstream", *self.world.relays(way))}
        row["relay"] = sum(spent[name] for name in relays)
        row["all"] = row["relay"] + row["client"] + row["upstream"]
        rows.append(row)
      table[way] = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    return table

  def paced(self):
    plan = self.plan
    runs = in_turn(plan.rounds, lambda way: self._streamed(
        way, "--connections", plan.streams, "--events", plan.events, "--interval-us", plan.interval_us))
    latencies = {way: [report["latency_us"] for report, _ in rounds] for way, rounds in runs.items()}
    return {"latency_us": against_direct(latencies), "cpu_us_per_event": self._costs(runs)}

  def full_speed(self):
    plan = self.plan
    runs = in_turn(max(1, plan.rounds - 2), lambda way: self._streamed(
        way, "--connections", plan.full_streams, "--events", 500, "--seconds", plan.full_seconds))
    rates = {way: [report["events"] / report["seconds"] for report, _ in rounds] for way, rounds in runs.items()}
    return {"events_per_second": {way: statistics.median(values) for way, values in rates.items()},
            "cpu_us_per_event": self._costs(runs)}

  def memory(self):
    """Resident kilobytes of the relays: at rest before, with connections that wait, with streams that run."""
    table = {}
    for way in RELAYS:
      names = self.world.relays(way)

      def resident():
        processes = self.world.processes()
        return {name: resident_kb(processes[name]) for name in names}

      table[way] = {"before": resident()}
      for state, count, options in (("idle", self.plan.idle, ()),
                                    ("active", self.plan.active, ("--events", 60, "--interval-us", 50_000))):
        client = self.world.client(way, "--connections", count, *options)
        try:
          if state == "active":
            client.begin()
            time.sleep(min(2.0, 10 * self.plan.settle))
          table[way][state] = resident()
        finally:
          client.end()
    return {"connections": {"idle": self.plan.idle, "active": self.plan.active}, "resident_kb": table}
