"""What an auditor gets to see of a real ledger: `veilwire audit` beside what the client saw."""

import json
import re
import signal
import subprocess
import time
import unittest

import harness  # first: it makes tests/support importable
import clients
import sandbox
from readable import readable
from upstream import scenario

SECRET = scenario.SECRETS["github"]


class AuditTest(harness.AgentCase):
  def audit(self, *arguments):
    """Its output; the ledger is the one that the agent's configuration names."""
    run = self.agent.ctl("--config", self.agent.config_file, "audit", *arguments)
    self.assertEqual((run.returncode, run.stderr), (0, ""))
    self.assertNotIn(SECRET, run.stdout)
    return run.stdout

  def rows(self, *arguments):
    return json.loads(self.audit("list", "--json", *arguments))

  def masked_stream(self, uid=0):
    """What curl saw of an answer with a secret, and the row of its exchange."""
    mark = f"audit{time.monotonic_ns()}"
    run = self.clients.curl_message(f"[[demo secret cut=each echo={mark}]]", uid=uid)
    self.must_succeed(run)
    session = clients.wait_until(lambda: self.exchange_with(mark), what="the record of the request")[0]["session"]
    clients.wait_until(lambda: session in [r["session"] for r in self.records("session.close")], what="the last record")
    return run.stdout.decode(), next(row for row in self.rows() if row["session"] == session)

  def test_list_names_who_asked_whom_for_what_and_what_was_found(self):
    _, row = self.masked_stream(uid=65534)
    self.assertEqual(row["exchange"], 1)
    self.assertEqual((row["server"], row["service"], row["handling"]), (sandbox.API, "anthropic", "intercepted"))
    self.assertEqual((row["method"], row["target"], row["model"]), ("POST", "/v1/messages", "claude-demo-1"))
    self.assertEqual((row["status"], row["outcome"], row["blocked"], row["gaps"]), (200, "complete", 0, 0))
    self.assertEqual(row["findings"], {"secret": 1})
    self.assertEqual((row["uid"], row["person"]["subject"], row["person"]["issuer"]), (65534, "65534", "local"))
    line = next(line for line in self.audit("list").splitlines() if row["id"] in line)
    for word in (row["person"]["name"], sandbox.API, "POST /v1/messages", "claude-demo-1", "200", "1 secret", "complete"):
      self.assertIn(word, line)
    self.assertIn(row["id"], [other["id"] for other in self.rows("--person", "65534", "--since", "1h")])
    self.assertNotIn(row["id"], [other["id"] for other in self.rows("--person", "0")])
    rule, = row["rules"]
    self.assertEqual(row["decisions"], ["masked"])
    found = self.rows("--rule", rule, "--server", sandbox.API, "--model", row["model"], "--decision", "masked")
    self.assertIn(row["id"], [other["id"] for other in found])
    self.assertEqual(self.rows("--rule", rule, "--decision", "denied"), [])
    stats = json.loads(self.audit("stats", "--json", "--person", "65534"))
    self.assertEqual(stats["all"]["exchanges"], stats["all"]["masked"])
    self.assertEqual(stats["by"]["rule"], [{**stats["all"], "value": rule}])

  def test_show_tells_the_request_and_the_masked_answer(self):
    seen, row = self.masked_stream()
    text = self.audit("show", row["id"])
    for words in (f"exchange    {row['id']}", sandbox.API, "POST /v1/messages", "claude-demo-1", "[[demo secret",
                  "[MASKED:", "complete, after", "1 masked"):
      self.assertIn(words, text)
    self.assertIn("".join(line + "\n" for line in seen.splitlines() if "MASKED" in line), text)
    shown = json.loads(self.audit("show", "--json", row["id"]))
    self.assertEqual(shown["id"], row["id"])
    self.assertEqual(shown["records"],
                     [record for exchange in (0, row["exchange"]) for record in self.agent.records()
                      if (record["session"], record["exchange"]) == (row["session"], exchange)])

  def test_replay_gives_what_the_client_saw(self):
    seen, row = self.masked_stream()
    self.assertEqual(self.audit("replay", "--raw", "--no-wait", row["id"]), seen)
    self.assertEqual(self.audit("replay", "--no-wait", row["id"]).rstrip("\n"), readable(seen).rstrip("\n"))
    # A prefix names it as well, as long as it is the only one.
    self.assertEqual(self.audit("replay", "--raw", "--speed", "1000", row["session"]), seen)

  def test_a_real_client_is_served_what_the_person_saw_until_ctrl_c(self):
    seen, row = self.masked_stream()
    serve = subprocess.Popen([self.agent.programs / "veilwire", "--config", self.agent.config_file, "audit", "replay",
                              row["id"], "--speed", "100", "--serve"], stderr=subprocess.PIPE, text=True)
    try:
      url = re.search(r"http://127\.0\.0\.1:\d+", serve.stderr.readline()).group()
      for _ in range(2):
        run = subprocess.run(["curl", "-sSN", "-d", "{}", f"{url}/v1/messages"], capture_output=True, timeout=30, check=True)
        self.assertEqual(run.stdout.decode(), seen)
    finally:
      serve.send_signal(signal.SIGINT)
      self.assertEqual(serve.wait(timeout=10), 0)
      serve.stderr.close()

  def test_a_client_that_does_not_trust_the_authority_is_listed(self):
    before = {row["id"] for row in self.rows()}
    run = self.clients.curl_message("[[demo secret]]", "--cacert", str(self.box.folder / "ca/internet.pem"))
    self.assertEqual(run.returncode, 60, run.stderr)
    fresh = clients.wait_until(lambda: [row for row in self.rows() if row["id"] not in before and row["outcome"]],
                               what="a row of the handshake")
    self.assertEqual([(row["exchange"], row["server"], row["handling"]) for row in fresh],
                     [(0, sandbox.API, "intercepted")])
    self.assertIn("client handshake failed", fresh[0]["outcome"])
    self.assertIn("client handshake failed", self.audit("show", fresh[0]["id"]))

  def test_an_exchange_that_is_not_there_is_said_by_the_exit_code(self):
    _, row = self.masked_stream()
    run = self.agent.ctl("--config", self.agent.config_file, "audit", "show", f"{row['session']}.99")
    self.assertEqual((run.returncode, run.stdout), (3, ""))
    self.assertIn("has no exchange 99", run.stderr)


if __name__ == "__main__":
  harness.main()
