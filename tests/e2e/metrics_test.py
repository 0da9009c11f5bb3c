"""`veilwire metrics` over a whole agent: judged by Prometheus' own parsers and promtool, compared with its manual, and with
the traffic that a test makes."""

import functools
import re
import subprocess
import time
import unittest

import harness  # first: it makes tests/support importable
import agent
import clients
import sandbox

from prometheus_client import parser as prometheus
from prometheus_client.openmetrics import parser as openmetrics

ALICE = 64101
SOURCE = agent.SOURCE
DIGEST = re.compile(r"^[0-9a-f]{64}$")


def documented():
  """Name, type and labels of each metric, as the manual lists them."""
  page = (SOURCE / "packaging/man/veilwire-metrics.7").read_text()
  found = re.findall(r"(?m)^\.It Ic (\w+)(?: Va ([a-z ]+))?\n(\w+):", page)
  return {name: (kind, tuple(labels.split())) for name, labels, kind in found}


class MetricsTest(harness.AgentCase):
  def command(self, *arguments, uid=0):
    return self.box.run([self.agent.programs / "veilwire", "metrics", "--config", self.agent.config_file, *arguments],
                        where="agent", uid=uid)

  def text(self, *arguments):
    return self.must_succeed(self.command(*arguments))

  def samples(self):
    """Every sample, by its name and labels."""
    return {(sample.name, *sorted(sample.labels.items())): sample.value
            for family in prometheus.text_string_to_metric_families(self.text()) for sample in family.samples}

  def settled(self):
    """The samples once nothing is under way and everything is on record."""
    def quiet():
      samples = self.samples()
      idle = samples[("veilwire_connections_open",)] == samples[("veilwire_exchanges_open",)] == 0
      return samples if idle and samples[("veilwire_recorder_waiting_bytes",)] == 0 else None
    return clients.wait_until(quiet, seconds=15, what="the end of every connection")

  def moved(self, before, after, name, **labels):
    key = (name, *sorted(labels.items()))
    return after.get(key, 0) - before.get(key, 0)

  # --- what it is ---

  def test_both_formats_are_what_independent_parsers_take(self):
    text, strict = self.text(), self.text("--openmetrics")
    families = list(openmetrics.text_string_to_metric_families(strict))  # raises for what is not OpenMetrics 1.0
    self.assertTrue(strict.endswith("# EOF\n"))
    self.assertEqual({family.name for family in families},
                     {family.name for family in prometheus.text_string_to_metric_families(text)})
    run = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    self.assertEqual((run.returncode, run.stdout + run.stderr), (0, ""))

  def test_the_manual_lists_what_is_exposed_and_nothing_else(self):
    listed = documented()
    self.assertGreater(len(listed), 50)
    self.must_succeed(self.clients.curl_message("[[demo secret]]"))
    families = {}
    for family in prometheus.text_string_to_metric_families(self.text()):
      name = family.name + ("_total" if family.type == "counter" else "")
      labels = {tuple(label for label in sample.labels if label != "le") for sample in family.samples}
      families[name] = (family.type, labels)
      self.assertTrue(family.documentation, name)
    self.assertEqual({name: kind for name, (kind, _) in families.items()},
                     {name: kind for name, (kind, _) in listed.items()})
    for name, (_, labels) in families.items():
      self.assertLessEqual(labels, {listed[name][1]}, name)

  def test_no_label_names_a_person_a_client_or_a_connection(self):
    self.must_succeed(self.clients.curl_message("[[demo secret]]", uid=ALICE))
    text = "\n".join(line for line in self.text().splitlines() if not line.startswith("#"))
    values = set(re.findall(r'="((?:[^"\\]|\\.)*)"', text))
    sessions = {record["session"] for record in self.agent.records() if record.get("session")}
    for word in ("alice", "curl", str(ALICE), *sessions, *sandbox.ADDRESSES[sandbox.API]):
      self.assertNotIn(word, values)
      self.assertNotIn(f'"{word}', text)

  def test_who_is_not_root_is_refused_and_learns_nothing(self):
    run = self.command(uid=ALICE)
    self.assertEqual((run.returncode, run.stdout), (1, b""))
    self.assertIn(b"not allowed", run.stderr)

  # --- what it counts ---

  def test_counters_move_by_exactly_the_traffic_that_was_made(self):
    self.must_succeed(self.clients.curl_message("[[demo hello]]"))  # the leaf is there from here on
    before = self.settled()
    records = len(self.agent.records())
    for _ in range(3):
      self.must_succeed(self.clients.curl_message("[[demo hello]]"))
    for _ in range(2):
      self.must_succeed(self.clients.curl_message("[[demo secret]]"))
    self.must_succeed(self.clients.curl_message("[[demo secret]]", where="direct"))  # around the agent
    after = self.settled()
    moved = functools.partial(self.moved, before, after)
    new = self.agent.records()[records:]
    of_kind = lambda kind: [record for record in new if record["kind"] == kind]
    fragments = of_kind("response.fragment")
    self.assertEqual(moved("veilwire_connections_accepted_total"), 5)
    self.assertEqual(moved("veilwire_connections_total", handling="intercepted"), 5)
    self.assertEqual(moved("veilwire_exchanges_total", outcome="complete"), 5)
    self.assertEqual(moved("veilwire_requests_total", service="anthropic"), 5)
    self.assertEqual(moved("veilwire_responses_total", code="2xx"), 5)
    self.assertEqual(moved("veilwire_identity_decisions_total", standing="fresh"), 5)
    self.assertEqual(moved("veilwire_kernel_events_total", reason="redirected"), 5)
    self.assertEqual(moved("veilwire_signer_requests_total", outcome="made"), 0)
    self.assertEqual(moved("veilwire_fragments_total"), len(fragments))
    self.assertEqual(moved("veilwire_released_bytes_total", direction="response"),
                     sum(len(record["content"].encode()) for record in fragments))
    self.assertEqual(moved("veilwire_recorder_records_total"), len(new))
    self.assertEqual(moved("veilwire_ledger_records"), len(new))
    masks = [mask for record in fragments for mask in record["masks"]]
    self.assertEqual(len(masks), 2)
    rule = {"category": masks[0]["category"], "rule": masks[0]["rule"], "action": "mask", "direction": "response"}
    self.assertEqual(moved("veilwire_findings_total", **rule), 2)
    findings = lambda samples: sum(value for key, value in samples.items() if key[0] == "veilwire_findings_total")
    self.assertEqual(findings(after) - findings(before), 2)
    # Each release waits for its record, or not at all.
    self.assertGreaterEqual(moved("veilwire_release_wait_seconds_count"), len(fragments))
    self.assertGreater(moved("veilwire_event_seconds_count"), len(fragments))
    self.assertEqual(moved("veilwire_recorder_batch_records_sum"), len(new))

  def test_a_stream_is_open_while_it_runs_and_time_at_a_gate_is_the_upstreams(self):
    gate = f"metrics{time.monotonic_ns()}"
    before = self.settled()
    watched = clients.Watched(self.clients, f"[[demo two gate={gate}]]", uid=ALICE)
    watched.until("[MASKED:")
    during = self.samples()
    self.assertEqual((during[("veilwire_connections_open",)], during[("veilwire_exchanges_open",)]), (1, 1))
    time.sleep(1.2)
    self.clients.open_gate(gate)
    self.assertEqual(watched.end(), 0)
    after = self.settled()
    self.assertGreater(self.moved(before, after, "veilwire_hold_seconds_count"), 0)
    self.assertLess(self.moved(before, after, "veilwire_hold_seconds_sum"), 1)

  def test_what_cannot_be_read_and_passes_is_a_gap_by_its_reason(self):
    before = self.settled()
    self.box.run(["curl", "-s", "-m", "5", f"http://{sandbox.API}:443/"], where="client")  # no TLS
    after = self.settled()
    gaps = lambda samples: {key: value for key, value in samples.items() if key[0] == "veilwire_gaps_total"}
    new = [record for record in self.records("gap")]
    self.assertEqual(len(new), 1)
    self.assertEqual(self.moved(before, after, "veilwire_gaps_total", reason=new[0]["reason"], action=new[0]["action"]), 1,
                     gaps(after))

  # --- what is there ---

  def test_gauges_tell_the_state(self):
    samples = self.settled()
    for program in agent.ORDER:
      self.assertEqual(samples[("veilwire_up", ("program", program))], 1)
      self.assertEqual(samples[("veilwire_healthy", ("program", program))], 1)
      self.assertGreater(samples[("veilwire_process_resident_memory_bytes", ("program", program))], 1e6)
      self.assertLess(abs(time.time() - samples[("veilwire_process_start_time_seconds", ("program", program))]), 600)
    self.assertEqual(samples[("veilwire_kernel_effective",)], 1)
    self.assertEqual(samples[("veilwire_kernel_programs",)], samples[("veilwire_kernel_programs_effective",)])
    self.assertLess(samples[("veilwire_kernel_heartbeat_age_seconds",)], 10)
    self.assertGreater(samples[("veilwire_ca_not_after_timestamp_seconds",)], time.time())
    self.assertLess(time.time() - samples[("veilwire_policy_load_timestamp_seconds",)], 600)
    self.assertGreater(samples[("veilwire_ledger_disk_free_bytes",)], 0)
    digests = [dict(key[1:])["digest"] for key in samples if key[0] == "veilwire_policy_info"]
    self.assertEqual(len(digests), 1)
    self.assertRegex(digests[0], DIGEST)

  def test_a_dead_program_is_down_and_the_others_still_tell(self):
    self.agent.kill("signer")
    try:
      samples = self.samples()
      self.assertEqual(samples[("veilwire_up", ("program", "signer"))], 0)
      self.assertEqual(samples[("veilwire_up", ("program", "proxy"))], 1)
      self.assertNotIn(("veilwire_ca_not_after_timestamp_seconds",), samples)
    finally:
      self.agent.services["signer"].start()
    clients.wait_until(lambda: self.samples()[("veilwire_link_up", ("to", "signer"))] == 1, seconds=15,
                       what="the proxy's way back to the signer")

  def test_a_refused_policy_shows_until_it_is_mended(self):
    def refused(value):
      clients.wait_until(lambda: self.samples()[("veilwire_policy_refused",)] == value, seconds=60, what="the policy")
    before = self.samples()
    self.agent.write_policy(agent.POLICY + "no_such_key = 1\n")
    refused(1)
    self.agent.write_policy(agent.POLICY)
    refused(0)
    after = self.samples()
    self.assertEqual(self.moved(before, after, "veilwire_policy_loads_total", outcome="refused"), 1)
    self.assertEqual(self.moved(before, after, "veilwire_policy_loads_total", outcome="active"), 1)


if __name__ == "__main__":
  harness.main()
