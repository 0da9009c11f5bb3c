"""veilwire-witness as it runs: two instances over one PostgreSQL, hosts with certificates, servers that are killed. What
it keeps is verified by code that shares nothing with it."""

import base64
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "support"))

import certificates  # noqa: E402
import injected  # noqa: E402
from own_postgres import NOBODY, OwnPostgres  # noqa: E402

BUILD = pathlib.Path(os.environ["VEILWIRE_BINARY_DIR"])
PROGRAM = BUILD / "bin/veilwire-witness"
TYPE = "application/vnd.veilwire.records"
NAME = "witness.example/1"


def batch(origin, first, records):
  head = f"veilwire-records/1\n{origin}\n{first}\n".encode()
  return head + b"".join(struct.pack(">I", len(record)) + record for record in records)


def made_log(folder):
  """Of a real ledger: its origin, its keys and its records as they are hashed."""
  subprocess.run([BUILD / "tests/make_ledger", folder], check=True)
  audit = [BUILD / "bin/veilwire", "audit", "--ledger", f"{folder}/ledger.db"]
  report = json.loads(subprocess.run([*audit, "verify", "--json"], capture_output=True, check=True).stdout)
  lines = subprocess.run([*audit, "export", "--all", "--out", "-"], capture_output=True, check=True).stdout.splitlines()
  records = []
  for line in lines[1:]:
    if b'],"record":' in line:
      records.append(line.split(b'],"record":', 1)[1][:-1])
    else:
      records.append(base64.b64decode(json.loads(line)["record_base64"]))
  return report["origin"], report["keys"], records


class Instance:
  """One veilwire-witness on a port of its own."""

  def __init__(self, config, command=(PROGRAM, "--unconfined")):
    self.config = config
    self.command = command
    self.log = open(config.with_suffix(".log"), "ab")
    self.start()

  def start(self):
    before = self.log_text().count("answering on port")
    self.process = subprocess.Popen([*self.command, "--config", self.config], stderr=self.log)
    deadline = time.monotonic() + 30
    while (text := self.log_text()).count("answering on port") == before:
      if time.monotonic() > deadline or self.process.poll() is not None:
        raise RuntimeError(text)
      time.sleep(0.02)
    self.port = int(re.findall(r"answering on port (\d+)", text)[-1])

  def log_text(self):
    return self.config.with_suffix(".log").read_text()

  def kill(self):
    self.process.kill()
    self.process.wait()

  def stop(self):
    self.process.send_signal(signal.SIGTERM)
    code = self.process.wait(30)
    self.log.close()
    return code


class WitnessCase(unittest.TestCase):
  """A database, certificates, a log, and what begin() starts over them."""

  @classmethod
  def setUpClass(cls):
    cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="veilwire-witness-"))
    cls.addClassCleanup(shutil.rmtree, cls.folder)
    cls.postgres = OwnPostgres()
    cls.addClassCleanup(cls.postgres.remove)
    certificates.make_authority(cls.folder, "ca", "hosts")
    certificates.make_authority(cls.folder, "stranger", "others")
    certificates.make_leaf(cls.folder, "ca", "server", ["witness.test", "localhost"])
    for host in ("host-a", "host-b"):
      certificates.make_leaf(cls.folder, "ca", host, [f"{host}.test"], usage="clientAuth")
    certificates.make_leaf(cls.folder, "stranger", "host-x", ["host-a.test"], usage="clientAuth")
    cls.oracle = cls.folder / "verify_cosignatures"
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(cls.folder), "GOCACHE": str(cls.folder / "cache"),
                   "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": ""}
    subprocess.run(["go", "build", "-o", cls.oracle, HERE / "verify_cosignatures.go"], check=True, env=environment)
    cls.origin, cls.keys, cls.records = made_log(cls.folder)
    cls.configs = [cls.write_config(f"one-{i}") for i in range(2)]
    cls.key = cls.command("make-key").stdout.strip()
    assert cls.command("init-store").returncode == 0
    cls.begin()
    cls.addClassCleanup(lambda: [instance.stop() for instance in cls.instances])

  @classmethod
  def begin(cls):
    cls.instances = [Instance(config) for config in cls.configs]

  @classmethod
  def give_to(cls, user):
    """What the witness reads that is nobody else's."""
    cls.folder.chmod(0o711)
    for name in ("witness.key", "server.key"):
      os.chown(cls.folder / name, user, user)
    for name in ("server.pem", "ca.pem"):
      (cls.folder / name).chmod(0o644)

  @classmethod
  def confined(cls, user, before=()):
    """As its unit starts it: by a user of its own, which it then confines itself to."""
    config = cls.write_config("confined", f'user = "{user}:{user}"\n')
    config.chmod(0o644)
    return Instance(config, [*before, "setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
                             "--bounding-set=-all", PROGRAM])

  @classmethod
  def write_config(cls, name, more=""):
    path = cls.folder / f"{name}.toml"
    path.write_text(f'[witness]\nname = "{NAME}"\nkey = "{cls.folder}/witness.key"\nlisten = "127.0.0.1:0"\n'
                    f'certificate = "{cls.folder}/server.pem"\ncertificate_key = "{cls.folder}/server.key"\n'
                    f'client_ca = "{cls.folder}/ca.pem"\ndatabase = "{cls.postgres.conninfo}"\n{more}')
    return path

  @classmethod
  def command(cls, *arguments, config=None):
    return subprocess.run([PROGRAM, "--config", config or cls.configs[0], *arguments], capture_output=True, text=True)

  def setUp(self):
    self.postgres.sql("TRUNCATE veilwire.logs, veilwire.records, veilwire.checkpoints, veilwire.tampering")

  def connect(self, instance, client="host-a"):
    context = ssl.create_default_context(cafile=self.folder / "ca.pem")
    if client:
      context.load_cert_chain(self.folder / f"{client}.pem", self.folder / f"{client}.key")
    connection = http.client.HTTPSConnection("127.0.0.1", instance.port, timeout=30, context=context)
    # The name in its certificate, at the address where it is.
    connection._create_connection = lambda _, *rest: socket.create_connection(("127.0.0.1", instance.port), *rest)
    connection.host = "witness.test"
    return connection

  def ask(self, method, target, body=None, kind=TYPE, client="host-a", instance=None):
    connection = self.connect(instance or self.instances[0], client)
    try:
      connection.request(method, target, body, {"Content-Type": kind} if body is not None else {})
      answer = connection.getresponse()
      text = answer.read()
      return answer, json.loads(text) if answer.getheader("Content-Type") == "application/json" else text
    finally:
      connection.close()

  def send(self, first, last, records=None, origin=None, **how):
    records = records or self.records
    answer, body = self.ask("POST", "/v1/records", batch(origin or self.origin, first, records[first - 1:last]), **how)
    return answer.status, body

  def forward(self, first=1, at_once=100, key=None, client="host-a"):
    """As a host's forwarder does; the lines that it has said."""
    run = subprocess.run(
        [BUILD / "tests/send_ledger", self.folder / "ledger.db", f"https://localhost:{self.instances[0].port}",
         key or self.key, self.folder / "ca.pem", self.folder / f"{client}.pem", self.folder / f"{client}.key",
         str(first), str(at_once)], capture_output=True, text=True, timeout=120)
    self.assertIn(run.returncode, (0, 1), run.stderr)
    return [json.loads(line) for line in run.stdout.splitlines()]

  def kept(self):
    rows = self.postgres.sql(
        "SELECT r.number, translate(encode(r.canonical, 'base64'), E'\\n', '') FROM veilwire.records r "
        f"JOIN veilwire.logs l ON l.id = r.log WHERE l.origin = '{self.origin}' ORDER BY r.number")
    self.assertEqual([int(row[0]) for row in rows], list(range(1, len(rows) + 1)))
    return [base64.b64decode(row[1]) for row in rows]

  def judged_by_others(self):
    """What golang.org/x/mod and crypto/ed25519 find of what is kept."""
    lines = [json.dumps({"record": base64.b64encode(record).decode()}) for record in self.kept()]
    rows = self.postgres.sql(
        "SELECT json_build_object('note', c.note, 'cosignature', c.cosignature) FROM veilwire.checkpoints c "
        f"JOIN veilwire.logs l ON l.id = c.log WHERE l.origin = '{self.origin}' ORDER BY c.size")
    run = subprocess.run([self.oracle, self.key, *self.keys], input="\n".join(lines + [row[0] for row in rows]),
                         capture_output=True, text=True)
    self.assertEqual(run.returncode, 0, run.stderr)
    return json.loads(run.stdout)


class WitnessTest(WitnessCase):
  def test_what_it_keeps_holds_for_others_too(self):
    status, answer = self.send(1, 100)
    self.assertEqual((status, answer["size"]), (200, 100))
    while answer["size"] < len(self.records):
      status, answer = self.send(answer["size"] + 1, answer["size"] + 57)
      self.assertEqual(status, 200, answer)
    self.assertEqual(self.kept(), self.records)
    found = self.judged_by_others()
    self.assertEqual(found["records"], len(self.records))
    self.assertGreater(found["checkpoints"], 5)
    self.assertLess(abs(found["last"] - time.time()), 60)
    run = self.command("verify", self.origin, "--json")
    report = json.loads(run.stdout)
    self.assertEqual((run.returncode, report["holds"], report["records"]), (0, True, len(self.records)), run.stdout)
    self.assertEqual(report["cosignatures"], found["checkpoints"])
    # The line that the host was given is the one that is kept.
    row = self.postgres.sql(f"SELECT cosignature, checkpoint_size FROM veilwire.logs WHERE origin = '{self.origin}'")[0]
    self.assertEqual(row, [answer["cosignature"], str(answer["checkpoint"])])

  def test_two_instances_that_are_killed_keep_one_history(self):
    """Two forwarders of one host at once, with overlaps, to either instance, while instances and the database die."""
    rng = random.Random(7)
    done, problems, cosigned = threading.Event(), [], []

    def forward(seed):
      mine = random.Random(seed)
      size = 0
      while size < len(self.records) and not done.is_set():
        first = max(1, size + 1 - mine.randrange(0, 30))
        last = min(len(self.records), first + mine.randrange(0, 40))
        try:
          status, answer = self.send(first, last, instance=mine.choice(self.instances))
        except (OSError, http.client.HTTPException):
          time.sleep(0.05)  # killed: nobody knows what has become of it
          continue
        if status in (200, 409):
          size = answer["size"]
          if "cosignature" in answer:
            cosigned.append((answer["checkpoint"], answer["cosignature"]))
        elif status == 503:
          time.sleep(0.05)
        else:
          problems.append((status, answer))
          return

    threads = [threading.Thread(target=forward, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
      thread.start()
    kills = 0
    while any(thread.is_alive() for thread in threads) and kills < 12:
      time.sleep(rng.uniform(0.05, 0.3))
      if kills % 4 == 3:
        self.postgres.kill()
        self.postgres.start()
      else:
        instance = rng.choice(self.instances)
        instance.kill()
        instance.start()
      kills += 1
    for thread in threads:
      thread.join(120)
    done.set()
    self.assertEqual(problems, [])
    self.assertGreaterEqual(kills, 4)
    self.assertEqual(self.kept(), self.records)
    self.judged_by_others()
    # Each cosignature that a host was given is kept, and there is one of each checkpoint.
    rows = self.postgres.sql("SELECT c.size, c.cosignature FROM veilwire.checkpoints c JOIN veilwire.logs l "
                             f"ON l.id = c.log WHERE l.origin = '{self.origin}'")
    self.assertLessEqual(set(cosigned), {(int(size), line) for size, line in rows})
    self.assertEqual(self.command("verify", self.origin).returncode, 0)

  def test_a_forwarder_brings_a_whole_ledger(self):
    said = self.forward()
    self.assertEqual([line["problem"] for line in said], [""] * len(said))
    kept = self.kept()
    # The export ends at the last checkpoint, the ledger does not.
    self.assertEqual((kept[:len(self.records)], len(kept)), (self.records, said[-1]["next"] - 1))
    lines = [line["cosigned"] for line in said if "cosigned" in line]
    rows = self.postgres.sql("SELECT c.size, c.cosignature FROM veilwire.checkpoints c")
    self.assertEqual(lines, sorted([int(size), line] for size, line in rows))
    self.judged_by_others()
    # Again, from somewhere in the middle: nothing changes.
    self.assertEqual(self.forward(first=50)[-1]["problem"], "")
    self.assertEqual(self.kept(), kept)

  def test_a_forwarder_says_what_is_wrong(self):
    for expected, how in (("rewind this sink to 1", {"first": 7}), ("", {"at_once": 10_000}),
                          ("does not take this log", {"client": "host-b"}), ("TLS", {"client": "host-x"})):
      said = self.forward(**how)
      self.assertIn(expected, said[-1]["problem"])
      self.assertEqual(bool(expected), bool(said[-1]["problem"]))

  def test_the_whole_chain_from_a_ledger_to_a_cosigned_one(self):
    """The recorder of a host, its forwarder and a witness, which forgets all about it in between."""
    host = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
    for name in ("ledger.db", "checkpoint.key"):
      shutil.copy(self.folder / name, host)
    config = host / "agent.toml"
    config.write_text(
        f'[recorder]\nwriters = ["root"]\nreaders = ["root"]\nsocket = "{host}/recorder.sock"\nstatus_socket = ""\n'
        f'database = "{host}/ledger.db"\ncheckpoint_seconds = 1\n'
        f'[forwarder]\nrecorder_socket = "{host}/delivery.sock"\nstatus_socket = ""\ninternal_ca = ""\n'
        '[[forwarder.sink]]\nname = "witness"\nkind = "witness"\nretry_first_ms = 10\nretry_longest_seconds = 1\n'
        f'endpoint = "https://localhost:{self.instances[0].port}"\nwitness_key = "{self.key}"\nca_file = '
        f'"{self.folder}/ca.pem"\ncertificate_file = "{self.folder}/host-a.pem"\nkey_file = "{self.folder}/host-a.key"\n')
    log = open(host / "log", "wb")
    programs = [subprocess.Popen([BUILD / "bin" / program, "--config", config, "--unconfined"], stderr=log)
                for program in ("veilwire-recorder", "veilwire-forwarder")]

    def ledger():
      return json.loads(subprocess.run([BUILD / "bin/veilwire", "audit", "--ledger", host / "ledger.db", "sinks",
                                        "--json"], capture_output=True, check=True).stdout)

    def cosigned():
      return ledger()["cosigned_records"]

    def until(what):
      deadline = time.monotonic() + 60
      while not what():
        self.assertLess(time.monotonic(), deadline, (host / "log").read_text())
        time.sleep(0.1)

    try:
      until(lambda: cosigned() > len(self.records))
      self.postgres.sql("TRUNCATE veilwire.logs, veilwire.records, veilwire.checkpoints")
      before, at = cosigned(), ledger()["records"]
      until(lambda: ledger()["records"] > at + 3)
      self.assertEqual((self.kept(), cosigned()), ([], before))
      run = subprocess.run([BUILD / "bin/veilwire-forwarder", "--config", config, "rewind", "witness", "1"],
                           capture_output=True, text=True)
      self.assertEqual(run.returncode, 0, run.stderr)
      until(lambda: cosigned() > before + 3)
    finally:
      for program in reversed(programs):
        program.terminate()
        self.assertEqual(program.wait(30), 0)
      log.close()
    self.assertEqual(self.kept()[:len(self.records)], self.records)
    self.judged_by_others()
    self.assertEqual(self.command("tampering").returncode, 0)
    # What leaves the host is under the witness's signature.
    audit = [BUILD / "bin/veilwire", "audit", "--ledger", host / "ledger.db"]
    subprocess.run([*audit, "export", "00c0ffee00c0ffee.0", "--out", host / "bundle"], check=True, capture_output=True)
    run = subprocess.run([*audit, "verify", "--json", "--bundle", host / "bundle", "--key", self.keys[0], "--witness",
                          self.key], capture_output=True, text=True)
    self.assertEqual(run.returncode, 0, run.stdout)
    self.assertEqual({c["witness"] for c in json.loads(run.stdout)["cosignatures"]}, {NAME})

  def test_a_host_is_who_its_certificate_says(self):
    self.assertEqual(self.send(1, 5)[0], 200)
    self.assertEqual(self.send(6, 9, client="host-b")[0], 403)
    self.assertEqual(self.send(6, 9)[0], 200)
    self.assertEqual(self.postgres.sql(f"SELECT client FROM veilwire.logs WHERE origin = '{self.origin}'"),
                     [["host-a.test"]])
    for client in (None, "host-x"):
      with self.assertRaises((ssl.SSLError, ConnectionError)):
        self.send(6, 9, client=client)

  def test_who_is_ahead_hears_where_it_stands(self):
    self.assertEqual(self.send(5, 9), (409, {"size": 0}))
    self.send(1, 4)
    status, answer = self.send(6, 9)
    self.assertEqual((status, answer["size"]), (409, 4))
    status, answer = self.send(1, 9)
    self.assertEqual((status, answer["size"]), (200, 9))
    self.assertEqual(self.send(2, 3)[1]["size"], 9)

  def test_what_it_does_not_understand_it_refuses(self):
    good = batch(self.origin, 1, self.records[:3])
    for expected, method, target, body, kind in (
        (400, "POST", "/v1/records", good[:-1], TYPE), (400, "POST", "/v1/records", b"garbage", TYPE),
        (400, "POST", "/v1/records", b"", TYPE), (415, "POST", "/v1/records", good, "text/plain"),
        (404, "POST", "/", good, TYPE), (405, "GET", "/v1/records", None, TYPE),
        (413, "POST", "/v1/records", good + bytes(9 << 20), TYPE), (200, "GET", "/healthz", None, TYPE)):
      try:
        answer, _ = self.ask(method, target, body, kind)
        self.assertEqual(answer.status, expected, (method, target, kind))
      except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
        self.assertEqual(expected, 413)  # answered before all of it was sent
    self.assertEqual(self.kept(), [])

  def test_a_host_that_contradicts_itself_is_on_record(self):
    self.send(1, 60)
    changed = list(self.records)
    changed[20] = changed[20].replace(b'"host":"3f', b'"host":"4f')
    self.assertNotEqual(changed[20], self.records[20])
    for _ in range(2):
      status, answer = self.send(11, 70, changed)
      self.assertEqual((status, answer["record"], answer["size"]), (422, 21, 60))
    # And one that changes what it has not sent yet: the next checkpoint does not hold.
    changed = list(self.records)
    changed[60] = changed[61]
    status, answer = self.send(61, 400, changed)
    self.assertEqual(status, 422)
    self.assertIn("checkpoint of other records", answer["error"])
    self.assertEqual(self.kept(), self.records[:60])
    rows = self.postgres.sql("SELECT number, times, held_hash IS NOT NULL FROM veilwire.tampering "
                             f"WHERE origin = '{self.origin}' ORDER BY id")
    self.assertEqual(rows, [["21", "2", "t"], [str(answer["record"]), "1", "f"]])
    run = self.command("tampering", "--json")
    found = [row for row in json.loads(run.stdout) if row["origin"] == self.origin]
    self.assertEqual((run.returncode, [row["record"] for row in found]), (4, [21, answer["record"]]))
    self.assertEqual(self.command("logs", "--json").returncode, 0)
    self.assertIn(f"error: tampering: record 21 of {self.origin} from host-a.test", self.instances[0].log_text())
    # What it has been is still good.
    self.assertEqual(self.send(61, 70)[0], 200)
    self.assertEqual(self.command("verify", self.origin).returncode, 0)

  def test_while_the_store_is_away_nothing_is_answered(self):
    self.send(1, 3)
    self.postgres.kill()
    try:
      answer, body = self.ask("POST", "/v1/records", batch(self.origin, 4, self.records[3:9]))
      self.assertEqual((answer.status, answer.getheader("Retry-After"), "size" in body), (503, "5", False))
      self.assertEqual(self.ask("GET", "/healthz")[0].status, 503)
    finally:
      self.postgres.start()
    self.assertEqual(self.send(4, 9)[0], 200)
    self.assertEqual(self.kept(), self.records[:9])

  def test_records_in_kafka_are_those_that_are_cosigned(self):
    kafka = subprocess.Popen([BUILD / "tests/serve_kafka"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    self.addCleanup(kafka.communicate)
    brokers = json.dumps(kafka.stdout.readline().strip().split(","))

    def consumed():
      kafka.stdin.write("\n")
      kafka.stdin.flush()
      return json.loads(kafka.stdout.readline())

    config = self.write_config("kafka", f'records = "kafka"\n[witness.kafka]\nbrokers = {brokers}\ntopic = "veilwire"\n'
                                        'security_protocol = "plaintext"\ntimeout_seconds = 2\n')
    instance = Instance(config)
    try:
      self.assertEqual(self.send(1, 60, instance=instance)[0], 200)
      status, answer = self.send(31, 100, instance=instance)
      self.assertEqual((status, answer["size"], "cosignature" in answer), (200, 100, True))
      found = consumed()
      self.assertEqual([base64.b64decode(each["value"]) for each in found], self.records[:100])
      self.assertEqual([each["uid"] for each in found], [f"{self.origin}/{i}" for i in range(1, 101)])
      self.assertEqual({each["key"] for each in found}, {self.origin})
      self.assertEqual(self.kept(), [b""] * 100)
      # A witness that has been set to keep bytes in the database since says the same.
      for each in (config, self.configs[0]):
        run = self.command("verify", self.origin, config=each)
        self.assertEqual(run.returncode, 1)
        self.assertIn("record 1 is in Kafka and not in the database: nothing was verified", run.stderr)
      # What contradicts is found without the bytes.
      self.assertEqual(self.send(1, 50, [self.records[1], *self.records], instance=instance)[0], 422)
      kafka.kill()
      answer, _ = self.ask("POST", "/v1/records", batch(self.origin, 101, self.records[100:110]), instance=instance)
      self.assertEqual((answer.status, answer.getheader("Retry-After")), (503, "5"))
      self.assertEqual(self.kept(), [b""] * 100)
    finally:
      self.assertEqual(instance.stop(), 0)

  def test_what_is_changed_in_the_store_shows(self):
    self.send(1, 200)
    log = self.postgres.sql(f"SELECT id FROM veilwire.logs WHERE origin = '{self.origin}'")[0][0]
    changes = {
        "a record": f"UPDATE veilwire.records SET canonical = canonical || ' ' WHERE log = {log} AND number = 5",
        "its end": f"DELETE FROM veilwire.records WHERE log = {log} AND number = 200",
        "a hole": f"DELETE FROM veilwire.records WHERE log = {log} AND number = 7",
        "a cosignature": "UPDATE veilwire.checkpoints SET cosignature = replace(cosignature, 'A', 'B') "
                         f"WHERE log = {log}"}
    for what, change in changes.items():
      self.postgres.sql(f"CREATE TABLE kept AS SELECT * FROM veilwire.records WHERE log = {log};"
                        f"CREATE TABLE kept2 AS SELECT * FROM veilwire.checkpoints WHERE log = {log}; {change}")
      run = self.command("verify", self.origin)
      self.assertEqual((run.returncode, "DOES NOT HOLD" in run.stdout), (4, True), what)
      self.postgres.sql(f"DELETE FROM veilwire.records WHERE log = {log}; DELETE FROM veilwire.checkpoints WHERE "
                        f"log = {log}; INSERT INTO veilwire.records SELECT * FROM kept; INSERT INTO "
                        "veilwire.checkpoints SELECT * FROM kept2; DROP TABLE kept, kept2")
    self.assertEqual(self.command("verify", self.origin).returncode, 0)
    self.assertEqual(self.command("verify", "veilwire/nobody/1").returncode, 1)

  def test_silence_shows(self):
    self.send(1, 100)
    run = self.command("silent", "--older-than", "5m", "--json")
    # Its checkpoints say a time long ago, whatever the host has sent just now.
    found = [log for log in json.loads(run.stdout) if log["origin"] == self.origin]
    self.assertEqual((run.returncode, len(found)), (4, 1))
    self.postgres.sql(f"UPDATE veilwire.logs SET signed_at = now() WHERE origin = '{self.origin}'")
    run = self.command("silent", "--older-than", "5m", "--json")
    self.assertNotIn(self.origin, run.stdout)
    self.postgres.sql(f"UPDATE veilwire.logs SET cosigned_at = now() - interval '301 s' WHERE origin = '{self.origin}'")
    self.assertIn(self.origin, self.command("silent").stdout)
    self.assertNotIn(self.origin, self.command("silent", "--older-than", "1h").stdout)
    self.assertEqual(self.command("silent", "--older-than", "soon").returncode, 1)
    retired = self.write_config("retired", f'[[witness.log]]\norigin = "{self.origin}"\nretired = true\n')
    run = self.command("silent", config=retired)
    self.assertEqual((run.returncode, run.stdout), (0, ""))

  def test_an_auditor_finds_records_with_sql(self):
    self.assertEqual(self.send(1, 300)[0], 200)
    person = self.postgres.sql("SELECT DISTINCT subject, person FROM veilwire.records WHERE subject IS NOT NULL")
    self.assertGreater(len(person), 0)
    plan = self.postgres.sql("SET enable_seqscan = off; EXPLAIN SELECT * FROM veilwire.records WHERE subject = "
                             "'alice' AND at > now() - interval '1 day'")
    self.assertIn("records_by_person", json.dumps(plan))
    rows = self.postgres.sql("SELECT r.kind, veilwire.record_json(r.canonical)->>'kind' FROM veilwire.records r JOIN "
                             f"veilwire.logs l ON l.id = r.log WHERE l.origin = '{self.origin}'")
    self.assertEqual(len(rows), 300)
    for kind, of_json in rows:
      self.assertEqual(of_json, "" if kind == "unreadable" else kind)

  def test_the_store_is_made_once_and_by_whoever_may(self):
    self.assertEqual(self.command("init-store").returncode, 0)
    self.postgres.sql("CREATE ROLE serving LOGIN; CREATE ROLE reading LOGIN; CREATE ROLE nobody LOGIN")
    run = self.command("init-store", "--database", self.postgres.conninfo, "--writer", "serving", "--reader", "reading")
    self.assertEqual(run.returncode, 0, run.stderr)
    self.assertEqual(self.postgres.sql("SELECT count(*) >= 0 FROM veilwire.records", "reading"), [["t"]])
    for user, sql in (("reading", "DELETE FROM veilwire.logs"), ("nobody", "SELECT 1 FROM veilwire.logs"),
                      ("serving", "UPDATE veilwire.records SET kind = 'x'"),
                      ("serving", "DELETE FROM veilwire.tampering")):
      with self.assertRaises(RuntimeError, msg=(user, sql)):
        self.postgres.sql(sql, user)
    config = self.write_config("serving")
    config.write_text(config.read_text().replace("user=postgres", "user=serving"))
    serving = Instance(config)
    try:
      self.assertEqual(self.send(1, 50, instance=serving)[0], 200)
      changed = [self.records[1], *self.records]
      self.assertEqual(self.send(1, 50, changed, instance=serving)[0], 422)
      self.postgres.sql("INSERT INTO veilwire.migrations VALUES(99)")
      run = self.command("logs")
      self.assertEqual(run.returncode, 1)
      self.assertIn("install the newer program", run.stderr)
    finally:
      self.postgres.sql("DELETE FROM veilwire.migrations WHERE version = 99")
      self.assertEqual(serving.stop(), 0)

  def test_its_key_is_made_once(self):
    self.assertRegex(self.key, r"^witness\.example/1\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{44}$")
    self.assertEqual(self.command("key").stdout.strip(), self.key)
    self.assertEqual((self.folder / "witness.key").stat().st_mode & 0o777, 0o600)
    self.assertEqual(self.command("make-key").returncode, 1)
    self.assertEqual(self.command("key").stdout.strip(), self.key)


class ConfinedWitnessTest(WitnessCase):
  user = NOBODY  # whose the database is

  @classmethod
  def begin(cls):
    cls.give_to(cls.user)
    cls.instances = [cls.confined(cls.user)]

  def test_whoever_takes_it_over_starts_nothing_and_reaches_no_other_process(self):
    pid = self.instances[0].process.pid
    self.assertEqual(injected.states(pid), {("2", "1")})
    self.assertEqual(injected.taken_over(pid), injected.REFUSED)
    self.assertEqual(self.send(1, 50)[0], 200)


if __name__ == "__main__":
  unittest.main(verbosity=2)
