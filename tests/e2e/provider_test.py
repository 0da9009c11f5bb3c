"""Where tokens of a real identity provider are in the whole agent, and what becomes of people and jobs.

Tokens are in clear in veilwire-identity alone, and there only while the provider is asked: what is freed is wiped, and
what is kept is sealed. No core dump is written of any program, nobody without privileges looks into one, and no page of
veilwire-identity goes to swap.
"""

import base64
import json
import pathlib
import subprocess
import tempfile
import time

import provider_case  # first: it makes tests/support importable
import agent
import clients
import memory
import sandbox
from provider_case import ALICE, FRESH, as_a_service
from upstream import scenario

SECRET = scenario.SECRETS["github"].encode()
SLOW = 5000  # ms


class ProviderTest(provider_case.ProviderCase):
  def others(self):
    """The programs that may have no token, by name."""
    return {"veilwire login": self.login.pid,
            **{name: service.process.pid for name, service in self.agent.services.items() if name != "identity"}}

  def test_tokens_are_nowhere_but_in_veilwire_identity(self):
    for _ in range(3):
      self.ask()
      self.ask("[[demo secret]]")
    pieces = {}

    def look_at_identity():
      for name, token in self.provider.tokens().items():
        pieces.update(memory.pieces_of(name, token))
        if name.startswith("refresh"):
          pieces.update(memory.spellings_of(name, token))
      return memory.Scanner(pieces).in_process(self.agent.services["identity"].process.pid)

    # An answer of the provider that takes its time: meanwhile tokens that it is asked about are open for certain.
    self.provider.tell("trouble", path="/token", delay=SLOW)
    self.addCleanup(self.provider.tell, "trouble")
    clients.wait_until(look_at_identity, seconds=10 * FRESH, what="a token in veilwire-identity")
    self.ask()

    scanner = memory.Scanner(pieces)
    for name, pid in self.others().items():
      with self.subTest(program=name):
        self.assertEqual(scanner.in_process(pid), set())
    found, count = scanner.in_files(self.box.folder)
    self.assertEqual(found, {})
    self.assertGreater(count, 20)
    self.assertEqual(scanner.in_bytes(self.agent.written()), set())
    self.assertTrue((self.box.folder / "state/identity/sessions").exists())

  def test_a_refresh_token_that_has_leaked_refreshes_nothing(self):
    self.ask()
    token = [token for name, token in self.provider.tokens().items() if name.startswith("refresh")][-1]
    asked = f"client_id=workstation&grant_type=refresh_token&refresh_token={token}"
    said = self.box.run(["curl", "-sS", "--data-binary", "@-", self.provider.issuer + "/token"], where="direct",
                        input=asked.encode()).stdout
    self.assertEqual(json.loads(said)["error"], "invalid_grant")
    self.ask()

  def test_between_questions_to_the_provider_no_token_is_in_clear_in_veilwire_identity(self):
    before = len(self.provider.tokens())
    self.provider.tell("trouble", status=403, path="/token/introspection", json={"error": "unauthorized_client"})
    self.addCleanup(self.provider.tell, "trouble")
    self.ask()

    def refreshed():
      self.ask()
      return len(self.provider.tokens()) > before

    clients.wait_until(refreshed, seconds=10 * FRESH, what="refreshed tokens")
    pieces = {}
    for name, token in self.provider.tokens().items():
      pieces.update(memory.pieces_of(name, token))
      pieces.update(memory.spellings_of(name, token))
    scanner = memory.Scanner(pieces)
    # Nobody acts on the session meanwhile, so that nothing more is asked.
    time.sleep(3 * FRESH)
    self.assertEqual(scanner.in_process(self.agent.services["identity"].process.pid), set())

  def test_no_page_of_veilwire_identity_goes_to_swap(self):
    status = pathlib.Path(f"/proc/{self.agent.services['identity'].process.pid}/status").read_text()
    kilobytes = {line.split()[0]: int(line.split()[1]) for line in status.splitlines() if line.endswith(" kB")}
    if kilobytes["VmLck:"] == 0 and "may be written to swap" in self.agent.services["identity"].tail():
      self.skipTest("SKIPPED: root may not raise limits here")
    # Everything but what the kernel itself maps.
    self.assertGreater(kilobytes["VmLck:"], kilobytes["VmRSS:"] / 2)
    self.assertEqual(kilobytes["VmSwap:"], 0)

  def test_what_looks_for_tokens_finds_each_that_is_there(self):
    pieces = {}
    for name, token in self.provider.tokens().items():
      planted = {**memory.pieces_of(name, token), **memory.spellings_of(name, token)}
      text = "{0}\n{1}\n{2}\n".format(token, token.encode().hex(), token.encode().hex().upper()).encode()
      for before in range(3):
        text += base64.b64encode(bytes(before) + token.encode()) + b"\n"
        text += base64.urlsafe_b64encode(bytes(before) + token.encode()) + b"\n"
      pieces[name] = (planted, text)
    self.assertEqual({name.split()[0] for name in pieces}, {"access_token", "refresh_token", "id_token"})
    for name, (planted, text) in pieces.items():
      scanner, everything = memory.Scanner(planted), set(planted.values())
      script = "import sys; kept = sys.stdin.buffer.read(int(sys.argv[1])); print(flush=True); sys.stdin.read()"
      process = self.box.popen([sandbox.PYTHON, "-c", script, str(len(text))], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
      process.stdin.write(text)
      process.stdin.flush()
      process.stdout.readline()
      with self.subTest(token=name), tempfile.TemporaryDirectory() as folder:
        self.assertEqual(scanner.in_process(process.pid), everything)
        file = pathlib.Path(folder) / "planted"
        file.write_bytes(text)
        self.assertEqual(scanner.in_files(folder), ({str(file): everything}, 1))
      process.communicate()

  def may_look_into(self, pid, uid):
    """Whether another program of the same user, without a privilege for that, may."""
    drop = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
    return subprocess.run([*drop, "head", "-c1", f"/proc/{pid}/maps"], capture_output=True).returncode == 0

  def test_no_program_leaves_a_core_or_lets_others_of_its_user_look_into_it(self):
    for name, service in self.agent.services.items():
      uid = agent.USERS.get(name, 0)
      with self.subTest(program=name):
        limits = pathlib.Path(f"/proc/{service.process.pid}/limits").read_text()
        self.assertRegex(limits, r"Max core file size\s+0\s+0")
        self.assertFalse(self.may_look_into(service.process.pid, uid))
        # Which it might with any other program; root's has privileges, which are reason enough.
        other = self.box.popen(["sleep", "60"], where="direct", uid=uid)
        clients.wait_until(lambda: pathlib.Path(f"/proc/{other.pid}/comm").read_text() == "sleep\n", what="sleep")
        if uid:
          self.assertTrue(self.may_look_into(other.pid, uid))
        other.kill()

  def test_a_service_acts_for_its_machine_and_a_person_beside_it_does_not(self):
    whoami = [self.agent.programs / "veilwire", "--config", self.agent.config_file, "whoami", "--json"]
    with as_a_service():
      self.ask("[[demo hello]] of a machine")
      machine = json.loads(self.box.run(whoami).stdout)
    self.assertEqual((machine["name"], machine["method"], machine["class"], machine["groups"]),
                     ("nightly import", "machine", "service", ["importers"]))
    person = self.person_of("of a machine")
    self.assertEqual((person["name"], person["subject"], person["method"], person["class"]),
                     ("nightly import", "import", "machine", "service"))
    self.sign_in()  # in the login that is new
    self.ask("[[demo hello]] of alice")
    self.assertEqual(self.person_of("of alice")["class"], "human")
    self.assertIn("nightly import", self.agent.ctl("--config", self.agent.config_file, "sessions").stdout)

  def test_what_a_job_asks_is_recorded_as_the_job_s_and_nothing_beside_it(self):
    cgroup = self.box.attach_cgroup / "build.scope"
    cgroup.mkdir()
    self.addCleanup(cgroup.rmdir)

    def inside(*words, **how):
      return self.box.run(["sh", "-c", f'echo $$ > {cgroup}/cgroup.procs && exec "$@"', "sh", *words], **how)

    def ask(marker):
      body = json.dumps({"model": "claude-demo-1", "max_tokens": 64, "stream": True,
                         "messages": [{"role": "user", "content": f"[[demo hello]] {marker}"}]})
      return ["curl", "-sS", "-H", "content-type: application/json", "-d", body, f"https://{sandbox.API}/v1/messages"]

    attached = inside(self.agent.programs / "veilwire", "--config", self.agent.config_file, "attach", "--ci", "--json",
                      input=self.provider.id_token("bob").encode())
    self.assertEqual(attached.returncode, 0, attached.stderr)
    self.assertIn("message_stop", self.must_succeed(inside(*ask("of a job"))))
    person = self.person_of("of a job")
    self.assertEqual((person["name"], person["method"], person["class"], person["groups"]),
                     ("job of bob", "ci", "ci", ["deployers"]))
    self.ask("[[demo hello]] beside a job")
    self.assertEqual(self.person_of("beside a job")["name"], "alice")

  def test_who_is_removed_from_a_group_at_the_provider_has_its_rules_no_more_in_a_running_stream(self):
    watched, gate = self.running_stream()
    self.provider.tell("person", **{**ALICE, "groups": ["developers"]})
    change = clients.wait_until(lambda: self.change_in(gate), seconds=10 * FRESH, what="the record of the change")[0]
    self.assertEqual((change["what"], change["person"]["groups"]), ("changed", ["developers"]))
    self.clients.open_gate(gate)
    self.assertEqual(watched.end(), 0, self.agent.logs())
    first, second = watched.seen.split(b"Second")
    self.assertIn(SECRET, first)
    self.assertNotIn(SECRET, second)
    self.assertIn(b"[MASKED:", second)

  def test_who_has_left_at_the_provider_is_cut_in_a_running_stream(self):
    watched, gate = self.running_stream()
    self.provider.tell("person", **{**ALICE, "gone": True})
    self.assertEqual(watched.end(10 * FRESH), 0, self.agent.logs())
    self.assertIn(b"event: error\n", watched.seen)
    self.assertNotIn(b"Second", watched.seen)
    change = clients.wait_until(lambda: self.change_in(gate), what="the record of it")[0]
    self.assertEqual((change["what"], change["answer"], change["person"]["name"]), ("lost", "error event", "alice"))


if __name__ == "__main__":
  provider_case.main()
