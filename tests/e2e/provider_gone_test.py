"""While the identity provider is down its last word counts for a while, and then policy decides."""

import json
import time

import provider_case  # first: it makes tests/support importable
import clients
from provider_case import ALICE, FRESH, POLICY

PASS = POLICY + """
[[stale]]
group = "release"
action = "pass"
max_age_minutes = 60
"""

ENDED = "%s|the identity provider does not answer"  # which who would sign in anew hears


class ProviderGoneTest(provider_case.ProviderCase):
  cached = 3 * FRESH

  def setUp(self):
    super().setUp()
    self.assertEqual(self.standing(), "fresh")
    self.addCleanup(self.change_policy, POLICY)

  def kill_provider(self):
    issuer = self.provider.issuer
    self.provider.kill()
    self.addCleanup(self.be_back, issuer)

  def be_back(self, issuer):
    if self.provider.closed:
      self.provider.start()
    self.assertEqual(self.provider.issuer, issuer)

  def refusal(self):
    """What is said to who asks now; nothing: they pass."""
    run = self.clients.curl_message("[[demo hello]]")
    answer = run.stdout.decode()
    return None if "message_stop" in answer else json.loads(answer)

  def refused_until(self):
    return clients.wait_until(self.refusal, seconds=20 * FRESH, what="a refusal")

  def must_be_refused(self, why):
    said = self.refused_until()
    self.assertEqual((said["type"], said["error"]["type"]), ("error", "permission_error"))
    self.assertRegex(said["error"]["message"], why)

  def test_its_last_word_counts_and_is_recorded_as_such_and_then_nobody_passes(self):
    self.kill_provider()
    clients.wait_until(lambda: self.standing() == "cached", seconds=5 * FRESH, what="an old word")
    self.must_be_refused("the session of alice cannot be checked: the identity provider has not answered")
    self.provider.start()
    clients.wait_until(lambda: not self.refusal(), seconds=60, what="a word of the provider")
    self.assertEqual(self.standing(), "fresh")

  def test_a_running_answer_is_cut_then_too(self):
    watched, gate = self.running_stream()
    self.kill_provider()
    self.assertEqual(watched.end(20 * FRESH), 0, self.agent.logs())
    self.assertIn(b"event: error\n", watched.seen)
    self.assertNotIn(b"Second", watched.seen)
    change = clients.wait_until(lambda: self.lost_in(gate), what="the record of it")[0]
    self.assertIn("has not answered", change["reason"])

  def lost_in(self, gate):
    return [record for record in self.exchange_with(gate)
            if record["kind"] == "identity.change" and record["what"] == "lost"]

  def test_where_policy_lets_them_pass_each_request_says_so_until_the_provider_is_back(self):
    self.change_policy(PASS)
    watched, gate = self.running_stream()
    self.kill_provider()
    clients.wait_until(lambda: self.standing() == "stale", seconds=20 * FRESH, what="a stale word")
    self.ask("[[demo hello]] of the stale")
    person = self.person_of("of the stale")
    self.assertEqual((person["name"], person["standing"]), ("alice", "stale"))
    self.assertGreaterEqual(person["age_ms"], 1000 * self.cached)
    self.assertIn("(stale)", self.agent.ctl("--config", self.agent.config_file, "audit", "list").stdout)
    self.clients.open_gate(gate)
    self.assertEqual(watched.end(), 0, self.agent.logs())
    self.assertIn(b"Second", watched.seen)
    self.change_policy(POLICY)
    self.must_be_refused("cannot be checked")
    self.change_policy(PASS)
    clients.wait_until(lambda: not self.refusal(), what="the other policy")
    self.provider.start()
    clients.wait_until(lambda: self.standing() == "fresh", seconds=60, what="a fresh word")

  def test_who_is_in_no_group_that_policy_names_does_not_pass(self):
    self.change_policy(PASS.replace("release", "on call"))
    self.kill_provider()
    self.must_be_refused("cannot be checked")

  def test_who_had_left_before_does_not_pass(self):
    self.change_policy(PASS)
    self.addCleanup(lambda: self.provider.tell("person", **ALICE))
    self.provider.tell("person", **{**ALICE, "gone": True})
    self.must_be_refused("has been revoked")
    self.kill_provider()
    self.must_be_refused(ENDED % "has been revoked")

  def test_who_is_revoked_here_or_signs_out_meanwhile_does_not_pass(self):
    self.change_policy(PASS)
    self.kill_provider()
    clients.wait_until(lambda: self.standing() == "stale", seconds=20 * FRESH, what="a stale word")
    revoked = self.agent.ctl("--config", self.agent.config_file, "sessions", "--revoke", "alice")
    self.assertEqual(revoked.returncode, 0, revoked.stderr)
    self.must_be_refused(ENDED % "has been revoked")
    self.provider.start()
    time.sleep(1.1)  # tokens say seconds: what is of the second of a revocation is of before it
    self.sign_in()
    self.assertEqual(self.standing(), "fresh")
    self.provider.kill()
    clients.wait_until(lambda: self.standing() == "stale", seconds=20 * FRESH, what="a stale word")
    out = self.box.run([self.agent.programs / "veilwire", "--config", self.agent.config_file, "logout"])
    self.assertEqual(out.returncode, 0, out.stderr)
    self.must_be_refused(ENDED % "has signed out")


if __name__ == "__main__":
  provider_case.main()
