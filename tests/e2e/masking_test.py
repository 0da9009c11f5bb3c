"""The main job: unmodified clients by their normal URLs, a secret that the upstream sends, and a mask that they see."""

import json
import subprocess
import unittest

import harness  # first: it makes tests/support importable
import clients
import sandbox
from upstream import codings, scenario

GITHUB = scenario.SECRETS["github"]
MCP = f"https://{sandbox.TOOLS}"


def decode(coding, data):
  tool = {"br": ["brotli", "-dc"], "zstd": ["zstd", "-dcq"]}.get(coding)
  return subprocess.run(tool, input=data, capture_output=True, check=True).stdout if tool else codings.decode(coding, data)


class MaskingTest(harness.AgentCase):
  def over(self, family):
    self.box.set_hosts("client", (family,))
    self.addCleanup(self.box.set_hosts, "client")

  def must_be_masked(self, run, secret=GITHUB):
    """The upstream has said the secret, the client has a mask in its place, and the record says so."""
    out = self.must_succeed(run)
    self.assertIn(secret, self.spoken(), "the upstream did not say the secret: the test shows nothing")
    self.must_not_leak(run, secret)
    self.assertIn("[MASKED:", out)
    self.assertIn("keep it safe.", out)
    return out

  def test_claude_code_sees_masked_text_over_each_address_family(self):
    for family in (4, 6):
      with self.subTest(family=family):
        self.over(family)
        self.must_be_masked(self.clients.claude("[[demo secret cut=7]]"))

  def test_claude_code_runs_a_tool_with_masked_input(self):
    run = self.clients.claude("[[demo secret in=tool cut=each]]", "--allowedTools", "Bash")
    out = self.must_succeed(run)
    self.must_not_leak(run, GITHUB)
    self.assertIn("echo [MASKED:", out)
    self.assertEqual(json.loads(out.splitlines()[-1])["result"], "The tool has answered.")

  def test_claude_code_sees_masked_results_of_a_remote_mcp_server(self):
    config = json.dumps({"mcpServers": {"demo": {"type": "http", "url": f"{MCP}/stream/mcp"}}})
    run = self.clients.claude("[[demo call tool=mcp__demo__vault]]", "--mcp-config", config, "--allowedTools",
                              "mcp__demo__vault")
    out = self.must_succeed(run)
    self.must_not_leak(run, GITHUB)
    self.assertIn("[MASKED:", out.split("tool_result", 1)[-1])

  def test_curl_sees_masked_text_over_each_address_family_in_every_coding(self):
    for family in (4, 6):
      self.over(family)
      for coding in codings.ENCODERS:
        with self.subTest(family=family, coding=coding):
          self.box.forget_upstream_log()
          # Asked for by hand, so that curl decodes nothing and codings that it does not know come as well.
          run = self.clients.curl_message(f"[[demo secret coding={coding} chunk=5]]", "-H", f"accept-encoding: {coding}",
                                          "-w", "%{stderr}%header{content-encoding}")
          self.assertEqual(run.stderr.decode(), "" if coding == "identity" else coding)
          run.stdout = decode(coding, run.stdout)
          self.must_be_masked(run)

  def test_the_typescript_sdk_sees_masked_text_streamed_and_whole_in_every_coding(self):
    for script, coding, place in (("sdk_stream.mjs", "gzip", "text"), ("sdk_stream.mjs", "br", "thinking"),
                                  ("sdk_json.mjs", "deflate", "text"), ("sdk_json.mjs", "gzip", "thinking")):
      with self.subTest(script=script, coding=coding, place=place):
        self.box.forget_upstream_log()
        self.must_be_masked(self.clients.node(script, f"[[demo secret cut=each coding={coding} in={place}]]"))

  def test_the_mcp_sdk_sees_masked_results_over_every_transport(self):
    for script, path in (("mcp_http.mjs", "/mcp"), ("mcp_http.mjs", "/stream/mcp"), ("mcp_http.mjs", "/2025/mcp"),
                         ("mcp_sse.mjs", "/sse")):
      for tool in ("vault", "slow", "fail"):
        with self.subTest(path=path, tool=tool):
          run = self.clients.node(script, MCP + path, tool)
          self.must_succeed(run)
          self.must_not_leak(run, GITHUB)
          self.assertIn(b"[MASKED:", run.stdout)

  def test_a_secret_cut_at_every_byte_is_masked_in_text_thinking_and_tool_input(self):
    for place in ("text", "thinking", "tool"):
      with self.subTest(place=place):
        for report in self.clients.load((64101,), len(GITHUB), "--in", place, "--delay", "0.01"):
          self.assertEqual((report["complete"], report["leaked"], report["mixed_up"]), (len(GITHUB), [], []), report)
          self.assertIn("[MASKED:", report["example"])

  def test_every_kind_of_secret_is_masked(self):
    for name, secret in scenario.SECRETS.items():
      with self.subTest(secret=name):
        self.box.forget_upstream_log()
        run = self.clients.node("sdk_stream.mjs", f"[[demo secret secret={name} cut=each]]")
        self.must_succeed(run)
        for line in secret.splitlines():
          self.must_not_leak(run, json.dumps(line)[1:-1])

  def test_a_secret_in_a_prompt_does_not_reach_the_upstream(self):
    run = self.clients.claude(f"Deploy with {GITHUB} please. [[demo hello]]")
    self.must_succeed(run)
    requests = [entry for entry in self.box.upstream_log("request") if entry["target"].startswith("/v1/messages")]
    self.assertEqual([GITHUB in entry["body"] for entry in requests], [False])
    self.assertIn("[MASKED:", requests[0]["body"])

  def test_the_record_names_the_process_and_the_user_and_holds_no_secret(self):
    prompt = "[[demo secret echo=recorded]]"
    self.must_be_masked(self.clients.curl_message(prompt, uid=64101))
    records = clients.wait_until(lambda: self.whole_exchange(prompt), what="the last record of the exchange")
    self.assertNotIn(GITHUB, json.dumps(self.agent.records()))
    opened = next(record for record in self.agent.records("session.open") if record["session"] == records[0]["session"])
    self.assertEqual((opened["peer"]["uid"], opened["peer"]["comm"]), (64101, "curl"))
    self.assertEqual(opened["server_name"], sandbox.API)
    head = next(record for record in records if record["kind"] == "request.head")
    self.assertEqual(head["person"]["name"], "alice")
    self.assertEqual([mask["length"] for record in records for mask in record.get("masks", [])], [len(GITHUB)])
    self.assertIn("keep it safe.", self.released(prompt))
    self.assertIn("[MASKED:", self.released(prompt))

  def whole_exchange(self, prompt):
    """Its records, once the last one has been committed."""
    records = self.exchange_with(prompt)
    return records if "exchange.close" in [record["kind"] for record in records] else []

  def test_somebody_whom_the_host_does_not_know_is_refused_and_nothing_is_asked_upstream(self):
    run = self.clients.curl_message("[[demo secret]]", "-w", "%{http_code}", uid=64199)
    self.assertIn('"permission_error"', self.must_succeed(run))
    self.assertTrue(run.stdout.endswith(b"403"))
    self.assertEqual(self.box.upstream_log("request"), [])

  def test_a_host_that_no_policy_names_is_not_intercepted(self):
    run = self.clients.curl_message("[[demo secret]]", "--cacert", str(self.box.folder / "ca/internet.pem"),
                                    host=sandbox.PLAIN)
    self.assertIn(GITHUB, self.must_succeed(run))


if __name__ == "__main__":
  harness.main()
