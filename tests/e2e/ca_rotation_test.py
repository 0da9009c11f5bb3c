"""Another internal CA takes the place of the one in use, as docs/ca-rotation.md says: while both are trusted nobody
notices, an answer that is under way goes on, and who trusts one alone sees it from the other side of the switch."""

import pathlib
import signal
import time
import unittest

import harness  # first: it makes tests/support importable
import clients
import sandbox as sandboxes

REFUSES = 60  # curl: the server's certificate is not from a CA that it trusts


class CaRotationTest(harness.AgentCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.old = cls.box.folder / "ca/old.pem"
    cls.old.write_text(cls.agent.authority.read_text())

  def signer(self, *arguments):
    return self.agent.program("signer", "--config", self.agent.config_file, *arguments)

  def reload(self):
    self.agent.services["signer"].signal(signal.SIGHUP)
    self.agent.services["proxy"].signal(signal.SIGHUP)

  def authorities(self):
    return self.agent.status("signer")["authorities"]

  def signs(self):
    return [authority["sha256"] for authority in self.authorities() if authority["signs"]]

  def trusts(self, certificate):
    """Whether a client that trusts this CA alone is served."""
    run = self.clients.curl_message("[[demo plain]]", "--cacert", certificate)
    self.assertIn(run.returncode, (0, REFUSES), run.stderr)
    return run.returncode == 0

  def everybody(self):
    """A client of the system's store."""
    return self.clients.curl_message("[[demo plain]]").returncode == 0

  def test_a_rotation_with_both_trusted_in_between(self):
    before = self.signs()
    new = self.box.folder / "ca/new.pem"

    # Another one, which signs nothing yet.
    self.signer("add-ca", "--host", sandboxes.API, "--host", sandboxes.TOOLS)
    self.reload()
    clients.wait_until(lambda: len(self.authorities()) == 2, what="both authorities")
    self.assertEqual(self.signs(), before)
    new.write_text(self.signer("show-ca", "--other"))
    self.assertTrue(self.trusts(self.old))
    self.assertFalse(self.trusts(new))

    # Both are trusted.
    both = self.box.folder / "ca/both.pem"
    both.write_text(self.old.read_text() + new.read_text())
    self.box.trust(both)
    self.assertTrue(self.everybody())

    # The other one signs, in the middle of an answer.
    gate = f"rotation{time.monotonic_ns()}"
    watched = clients.Watched(self.clients, f"[[demo two gate={gate}]]")
    watched.until("First")
    self.signer("switch-ca")
    self.reload()
    clients.wait_until(lambda: self.signs() not in ([], before), what="the other authority")
    clients.wait_until(lambda: self.trusts(new), what="a leaf of the other authority")
    self.assertFalse(self.trusts(self.old))
    self.assertTrue(self.everybody())
    self.clients.open_gate(gate)
    self.assertEqual(watched.end(), 0)
    self.assertIn(b"Second", watched.seen)

    # A proxy that starts in between.
    self.agent.restart("proxy")
    self.assertTrue(self.everybody())

    # The old one goes: from the store, then altogether.
    self.box.trust(new)
    self.assertTrue(self.everybody())
    self.signer("drop-ca")
    self.reload()
    clients.wait_until(lambda: len(self.authorities()) == 1, what="one authority")
    self.assertEqual(self.agent.authority.read_text(), new.read_text())
    self.assertFalse(pathlib.Path(str(self.agent.authority_key) + ".other").exists())
    self.assertTrue(self.everybody())

  def test_every_program_takes_a_new_log_level_when_it_is_told_to_reload(self):
    text = self.agent.config_file.read_text()
    self.addCleanup(self.agent.config_file.write_text, text)
    for name, service in self.agent.services.items():
      with self.subTest(name):
        for level in ("debug", "info"):
          said = service.log.read_text().count(f"log_level is {level}")
          self.agent.config_file.write_text(text.replace(f"[{name}]\n", f'[{name}]\nlog_level = "{level}"\n'))
          service.signal(signal.SIGHUP)
          clients.wait_until(lambda: service.log.read_text().count(f"log_level is {level}") > said,
                             what=f"{name} at {level}")
    # One with a mistake changes nothing.
    self.agent.config_file.write_text(text.replace("[signer]\n", '[signer]\nlog_level = "loud"\n'))
    service = self.agent.services["signer"]
    service.signal(signal.SIGHUP)
    clients.wait_until(lambda: "log level must be debug" in service.log.read_text(), what="a refusal")
    self.assertTrue(self.everybody())


if __name__ == "__main__":
  harness.main()
