"""The harness itself: every real client against the demonstration upstream, without the agent. These runs are the
"direct" side of each comparison, so they must show the secret that the agent is to mask."""

import json
import unittest

import harness  # first: it makes tests/support importable
import clients
from upstream import codings, corpus, misbehaviour, scenario

SECRET = scenario.SECRETS["github"]
# These end by a limit of the reader's, which is what the agent's tests look at.
ENDLESS = {"hang", "silent", "bomb", "sse-endless-line"}


class DirectTest(harness.SandboxCase):
  def over(self, family):
    self.box.set_hosts("direct", (family,))
    self.addCleanup(self.box.set_hosts, "direct")

  def test_claude_code_shows_the_answer_over_each_address_family(self):
    for family in (4, 6):
      with self.subTest(family=family):
        self.over(family)
        out = self.must_succeed(self.clients.claude("[[demo secret cut=5]]", where="direct"))
        result = json.loads(out.splitlines()[-1])
        self.assertEqual(result["result"], f"The deployment token is {SECRET}, keep it safe.")

  def test_claude_code_runs_a_tool_with_the_input_that_was_streamed(self):
    out = self.must_succeed(self.clients.claude("[[demo secret in=tool cut=each]]", "--allowedTools", "Bash",
                                                where="direct"))
    self.assertIn(f"echo {SECRET} > /dev/null", out)
    self.assertEqual(json.loads(out.splitlines()[-1])["result"], "The tool has answered.")

  def test_claude_code_calls_a_tool_of_the_remote_mcp_server(self):
    config = json.dumps({"mcpServers": {"demo": {"type": "http", "url": "https://mcp.example.com/mcp"}}})
    out = self.must_succeed(self.clients.claude("[[demo call tool=mcp__demo__vault]]", "--mcp-config", config,
                                                "--allowedTools", "mcp__demo__vault", where="direct"))
    self.assertIn(SECRET, out.split("tool_result", 1)[-1])
    methods = [{key.lower(): value for key, value in entry["fields"]}.get("mcp-method")
               for entry in self.box.upstream_log("request") if entry["target"] == "/mcp"]
    self.assertIn("server/discover", methods)
    self.assertIn("tools/call", methods)

  def test_curl_shows_the_stream_over_each_address_family(self):
    for family in (4, 6):
      with self.subTest(family=family):
        self.over(family)
        self.box.forget_upstream_log()
        out = self.must_succeed(self.clients.curl_message("[[demo secret]]", where="direct"))
        self.assertIn(SECRET, out)
        self.assertEqual(out, self.said())

  def test_the_typescript_sdk_streams_and_reads_whole_answers_in_every_coding(self):
    for family, coding in ((4, "gzip"), (6, "br"), (6, "deflate")):
      with self.subTest(coding=coding):
        self.over(family)
        prompt = f"[[demo secret cut=each coding={coding}]]"
        self.assertIn(SECRET, self.must_succeed(self.clients.node("sdk_stream.mjs", prompt, where="direct")))
        self.assertIn(SECRET, self.must_succeed(self.clients.node("sdk_json.mjs", prompt, where="direct")))

  def test_the_mcp_sdk_calls_tools_over_streamable_http_and_over_http_sse(self):
    for script, path in (("mcp_http.mjs", "/mcp"), ("mcp_http.mjs", "/2025/mcp"), ("mcp_sse.mjs", "/sse")):
      with self.subTest(path=path):
        out = self.must_succeed(self.clients.node(script, f"https://mcp.example.com{path}", "slow", where="direct"))
        self.assertIn(f"At last: {SECRET}", out)

  def test_every_coding_gives_back_the_same_bytes(self):
    for coding in codings.ENCODERS:
      for item in range(0, len(corpus.ITEMS), 5):
        with self.subTest(coding=coding, item=item):
          run = self.clients.curl(f"https://api.anthropic.com/bytes/{item}?coding={coding}&chunk=7", where="direct")
          self.assertEqual(run.stdout, codings.encode(coding, corpus.ITEMS[item][1]))

  def test_every_kind_of_misbehaviour_ends(self):
    for kind in set(misbehaviour.KINDS) - ENDLESS:
      with self.subTest(kind=kind):
        self.clients.curl(f"https://api.anthropic.com/bad/{kind}", "-o", "/dev/null", where="direct", timeout=20)

  def test_the_load_client_notices_each_leak_and_every_mark(self):
    for place in ("text", "thinking"):
      for report in self.clients.load((64101, 64102), 30, "--in", place, where="direct"):
        self.assertEqual((report["complete"], len(report["leaked"])), (30, 30), report)
        self.assertEqual((report["mixed_up"], report["without_mark"]), ([], []))

  def test_the_raw_client_reports_how_a_connection_ends(self):
    paths = ("/bytes/3", "/bad/stop", "/bad/reset", "/bad/refuse")
    answers = self.clients.raw([clients.get("api.anthropic.com", path) for path in paths], where="direct")
    self.assertEqual([answer["end"] for answer in answers], ["closed", "closed", "reset", "closed"])
    self.assertTrue(answers[0]["bytes"].endswith(corpus.ITEMS[3][1].decode("latin-1")))
    self.assertEqual(answers[3]["bytes"], "")

  def test_an_answer_waits_in_the_middle_until_the_test_lets_it_go_on(self):
    watched = clients.Watched(self.clients, "[[demo two gate=direct]]", where="direct")
    watched.until("First")
    self.assertNotIn(b"Second", watched.seen)
    self.clients.open_gate("direct")
    self.assertEqual(watched.end(), 0)
    self.assertIn(b"Second", watched.seen)

  def test_a_client_that_does_not_trust_the_internets_ca_gets_nothing(self):
    run = self.clients.curl_message("[[demo secret]]", where="client")
    self.assertNotEqual(run.returncode, 0)
    self.assertEqual(run.stdout, b"")

  def test_the_sandbox_has_no_route_out(self):
    run = self.box.run(["ip", "route", "get", "198.51.100.1"], where="client")
    self.assertNotEqual(run.returncode, 0)


if __name__ == "__main__":
  harness.main()
