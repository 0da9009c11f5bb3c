"""Masked conversations stay valid: a provider that signs its thinking and binds it to all that was sent before accepts
every turn, with the real clients, over twenty turns with tools, also where the policy changes on the way."""

import json
import unittest

import harness  # first: it makes tests/support importable
import agent
from upstream import signed

TURNS = 20
PROMPT = f"[[demo signed turns={TURNS}]] my own key is {signed.token(1000)}"
# Personal data too, from here on: what was sent before holds an address.
STRICTER = agent.POLICY.replace('"rules/generic.toml"]', '"rules/generic.toml", "rules/personal.toml"]') + \
    '[[action]]\ncategory = "pii"\naction = "mask"\n'


class ConversationTest(harness.AgentCase):
  def refusals(self):
    return [entry["text"] for entry in self.box.upstream_log("said") if "Invalid `signature`" in entry["text"]]

  def must_be_whole(self, text, wanted_turns=TURNS):
    self.assertEqual(self.refusals(), [])
    for turn in range(wanted_turns):
      self.assertNotIn(signed.token(turn), text)
    self.assertIn("[MASKED:", text)
    self.assertNotIn("PRIVATE KEY", text)
    self.assertNotIn(signed.token(1000), json.dumps(self.box.upstream_log("request")))

  def claude(self, where):
    return self.must_succeed(self.clients.claude(PROMPT, "--allowedTools", "Bash", where=where, timeout=120))

  def sdk(self, file, turns, where="client", prompt=PROMPT):
    out = self.must_succeed(self.clients.node("sdk_tools.mjs", prompt, file, str(turns), where=where))
    return json.loads(out)

  def test_without_the_agent_each_client_brings_back_what_it_was_given(self):
    out = self.claude("direct")
    self.assertIn(f"The token of turn {TURNS - 1} is {signed.token(TURNS - 1)}", out)
    self.assertEqual(self.sdk("direct.json", 100, "direct")["answers"], TURNS)
    self.assertEqual(self.refusals(), [])

  def test_a_turn_that_comes_back_changed_is_refused(self):
    self.sdk("changed.json", 3, "direct")
    home = self.box.folder / "homes"
    file = next(home.rglob("changed.json"))
    file.write_text(file.read_text().replace(signed.token(1), "something else"))
    run = self.clients.node("sdk_tools.mjs", PROMPT, "changed.json", "1", where="direct")
    self.assertIn(b"Invalid `signature`", run.stderr)

  def test_claude_code_goes_on_for_twenty_turns(self):
    out = self.claude("client")
    self.must_be_whole(out)
    self.assertIn(f"The token of turn {TURNS - 1} is [MASKED:", out)

  def test_the_sdk_goes_on_for_twenty_turns(self):
    done = self.sdk("whole.json", 100)
    self.assertEqual((done["answers"], done["reason"]), (TURNS, "end_turn"))
    self.must_be_whole(json.dumps(done))

  def test_a_policy_that_changes_on_the_way_rewrites_nothing(self):
    prompt = PROMPT + " and I am ada@computing.org"
    self.assertEqual(self.sdk("reload.json", 5, prompt=prompt)["answers"], 5)
    self.addCleanup(self.change_policy, agent.POLICY)
    self.change_policy(STRICTER)
    done = self.sdk("reload.json", 100, prompt=prompt)
    self.assertEqual(done["reason"], "end_turn")
    self.must_be_whole(json.dumps(done))
    # The new rule is in force all the same.
    self.box.forget_upstream_log()
    self.must_succeed(self.clients.curl_message("[[demo hello]] ada@computing.org"))
    self.assertNotIn("ada@computing.org", json.dumps(self.box.upstream_log("request")))

  def test_a_record_holds_no_original(self):
    self.sdk("record.json", 100)
    text = json.dumps(self.records())
    for turn in range(TURNS):
      self.assertNotIn(signed.token(turn), text)


if __name__ == "__main__":
  harness.main()
