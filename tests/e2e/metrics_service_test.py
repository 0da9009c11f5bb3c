"""veilwire-metrics as a part of the agent, without a privilege: what it serves, to how many, and what it cannot ask."""

import pathlib
import signal
import subprocess
import time
import unittest

import harness  # first: it makes tests/support importable
import agent

from prometheus_client import parser as prometheus

ALICE = 64101
PORT = 9469


class MetricsServiceTest(harness.AgentCase):
  config = {"metrics": {"listen": f"127.0.0.1:{PORT}"}}

  def curl(self, target="/metrics", *arguments, uid=ALICE):
    return self.box.run(["curl", "-sS", "-m", "20", "-w", "\n%{http_code} %{content_type}", *arguments,
                         f"http://127.0.0.1:{PORT}{target}"], where="agent", uid=uid)

  def scraped(self):
    body, _, said = self.must_succeed(self.curl()).rpartition("\n")
    self.assertEqual(said, "200 text/plain; version=0.0.4; charset=utf-8")
    return {(sample.name, *sorted(sample.labels.items())): sample.value
            for family in prometheus.text_string_to_metric_families(body) for sample in family.samples}

  def test_it_tells_of_every_program_without_being_root(self):
    samples = self.scraped()
    for program in agent.ORDER:
      self.assertEqual(samples[("veilwire_up", ("program", program))], 1, program)
    self.assertEqual(samples[("veilwire_kernel_effective",)], 1)
    status = pathlib.Path(f"/proc/{self.agent.services['metrics'].process.pid}/status").read_text()
    self.assertIn(f"Uid:\t{agent.USERS['metrics']}\t", status)
    self.assertIn("CapEff:\t0000000000000000", status)

  def test_it_tells_the_same_as_the_command(self):
    self.must_succeed(self.clients.curl_message("[[demo secret]]"))
    time.sleep(1.1)  # until what it has kept is old
    served = self.scraped()
    run = self.box.run([self.agent.programs / "veilwire", "metrics", "--config", self.agent.config_file], where="agent")
    told = {(sample.name, *sorted(sample.labels.items()))
            for family in prometheus.text_string_to_metric_families(self.must_succeed(run)) for sample in family.samples}
    self.assertEqual(set(served), told)

  def test_a_second_scrape_within_a_second_asks_nobody(self):
    moments = [self.scraped()[("veilwire_process_cpu_seconds_total", ("program", "recorder"))] for _ in range(5)]
    self.assertLess(len(set(moments)), 5)
    self.agent.services["signer"].signal(signal.SIGSTOP)  # whoever asks it waits
    try:
      time.sleep(1.1)
      begun = time.monotonic()
      many = [self.box.popen(["curl", "-s", "-m", "20", f"http://127.0.0.1:{PORT}/metrics"], where="agent",
                             stdout=subprocess.PIPE) for _ in range(8)]
      answers = [one.communicate(timeout=30)[0].decode() for one in many]
      took = time.monotonic() - begun
    finally:
      self.agent.services["signer"].signal(signal.SIGCONT)
      time.sleep(1.1)  # for the next test
    self.assertEqual(len(set(answers)), 1)
    self.assertIn('veilwire_up{program="signer"} 0\n', answers[0])
    self.assertLess(took, 6, "each has waited for the signer by itself")

  def test_other_requests_are_refused(self):
    for target, arguments, code in (("/", (), "404"), ("/metrics/x", (), "404"), ("/metrics", ("-X", "DELETE"), "405"),
                                    ("/metrics", ("-d", "x" * 100), "413")):
      out = self.must_succeed(self.curl(target, *arguments))
      self.assertEqual(out.rpartition("\n")[2].split()[0], code, (target, arguments))
    self.assertIn(("veilwire_up", ("program", "proxy")), self.scraped())

  def test_it_may_not_ask_who_is_connected(self):
    # The sockets that name people are for root and their program alone.
    for name in ("proxy-status", "proxy-live"):
      run = self.box.run([*"python3 -c".split(), "import socket,sys;"
                          "socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(sys.argv[1])",
                          self.box.folder / "run/proxy" / f"{name}.sock"], where="agent", uid=agent.USERS["metrics"])
      self.assertIn(b"PermissionError", run.stderr, name)


if __name__ == "__main__":
  harness.main()
