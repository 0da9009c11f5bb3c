"""What every end-to-end case shares: one sandbox a class, the real clients, and SKIPPED said aloud."""

import hashlib
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

import agent  # noqa: E402
import clients  # noqa: E402
import sandbox  # noqa: E402
from readable import readable_of_log  # noqa: E402

SKIPPED = 77  # ctest's SKIP_RETURN_CODE
BUILD = pathlib.Path(os.environ.get("VEILWIRE_BINARY_DIR",
                                    pathlib.Path(__file__).resolve().parents[2] / "build/dev"))


class SandboxCase(unittest.TestCase):
  make_box = sandbox.Sandbox

  @classmethod
  def setUpClass(cls):
    cls.box = cls.enterClassContext(cls.make_box())
    cls.box.start_upstream()
    cls.clients = clients.Clients(cls.box)

  def setUp(self):
    self.box.forget_upstream_log()

  def said(self):
    """All that the upstream's answers meant, as one text."""
    return "".join(entry["text"] for entry in self.box.upstream_log("said"))

  def spoken(self):
    """The same as a person reads it: the deltas of each connection put together."""
    return "\n".join(readable_of_log(self.box.upstream_log("said")))

  def must_succeed(self, run):
    self.assertEqual(run.returncode, 0, f"stdout: {run.stdout[-2000:]!r}\nstderr: {run.stderr[-2000:]!r}")
    return run.stdout.decode()


class AgentCase(SandboxCase):
  """The same with the agent between: what runs in the view "client" is intercepted, "direct" is not."""

  policy = agent.POLICY
  config = {}  # keys of agent.toml, by table

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.agent = agent.Agent(cls.box, BUILD, cls.policy, **cls.config)
    cls.addClassCleanup(cls.agent.stop)
    cls.agent.start()

  def setUp(self):
    super().setUp()
    self.addCleanup(self.all_must_run)
    self.first_record = len(self.agent.records())

  def all_must_run(self):
    """No test may end a program of the agent unless it starts it again."""
    self.assertEqual(self.agent.not_running(), [], self.agent.logs())

  def records(self, kind=None):
    """Those of this test."""
    return [record for record in self.agent.records()[self.first_record:] if kind in (None, record["kind"])]

  def change_policy(self, text, accepted=True):
    """Writes the policy and waits for the record of what became of it: what is asked from here on goes by it."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    before = len(self.agent.records("config.change"))
    self.agent.write_policy(text)

    def found():
      return [record for record in self.agent.records("config.change")[before:]
              if ((record["digest"], record["outcome"]) == (digest, "active") if accepted
                  else record["outcome"] != "active")]

    return clients.wait_until(found, seconds=60, what="a record of the new policy")[-1]

  def exchange_with(self, prompt):
    """The records of the one exchange whose request holds this text: others may still be on their way."""
    records = self.agent.records()
    asked = next((record for record in records
                  if record["kind"] == "request.body" and prompt in record.get("content", "")), None)
    return [record for record in records
            if asked and all(record[key] == asked[key] for key in ("session", "exchange"))]

  def released(self, prompt):
    """What the record says that the client was given."""
    fragments = [record for record in self.exchange_with(prompt) if record["kind"] == "response.fragment"]
    return "".join(record["content"] for record in fragments)

  def must_not_leak(self, run, secret):
    for name, data in (("stdout", run.stdout), ("stderr", run.stderr)):
      self.assertNotIn(secret.encode(), data, f"the secret stands in {name}")


def main():
  reason = sandbox.why_impossible()
  if reason:
    print(f"SKIPPED: {reason}")
    sys.exit(SKIPPED)
  unittest.main(verbosity=2)
