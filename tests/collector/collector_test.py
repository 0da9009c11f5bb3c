"""What packaging/collector ships, as it runs: a ledger with every kind of record goes through rsyslog, which is killed
on the way, into PostgreSQL, and to a veilwire-witness. Both stores answer an auditor's ten questions with what the
ledger itself says.
"""

import collections
import csv
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

import certificates  # noqa: E402
from own_postgres import OwnPostgres  # noqa: E402

BUILD = pathlib.Path(os.environ["VEILWIRE_BINARY_DIR"])
SHIPPED = ROOT / "packaging/collector/postgresql"
STORES = {"collected": "rsyslog.sql", "postgres": "witness.sql"}
ROUNDS = 40  # of make_ledger


def free_port():
  with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    return probe.getsockname()[1]


def when(record):
  return datetime.datetime.fromtimestamp(int(record["t_wall_ns"]) // 10**9, datetime.timezone.utc)


class CollectorTest(unittest.TestCase):
  @classmethod
  def setUpClass(cls):
    cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="veilwire-collector-"))
    cls.addClassCleanup(shutil.rmtree, cls.folder)
    cls.programs = {}
    cls.addClassCleanup(lambda: [cls.end(name, signal.SIGKILL) for name in list(cls.programs)])
    certificates.make_authority(cls.folder, "ca", "hosts")
    certificates.make_leaf(cls.folder, "ca", "collector", ["localhost"])
    certificates.make_leaf(cls.folder, "ca", "host", ["a.hosts.example.com"], usage="clientAuth")
    cls.postgres = OwnPostgres()
    cls.addClassCleanup(cls.postgres.remove)
    cls.make_stores()
    subprocess.run([BUILD / "tests/make_ledger", cls.folder, str(ROUNDS)], check=True)
    cls.write_rsyslog()
    cls.start_witness()
    cls.write_agent()
    cls.deliver()
    cls.read_ledger()

  @classmethod
  def start(cls, name, *command):
    with open(cls.folder / f"{name}.log", "ab") as log:
      cls.programs[name] = subprocess.Popen(command, stdout=log, stderr=log)

  @classmethod
  def end(cls, name, how=signal.SIGTERM):
    program = cls.programs.pop(name)
    program.send_signal(how)
    return program.wait(60)

  @classmethod
  def said(cls, name):
    return (cls.folder / f"{name}.log").read_text()

  @classmethod
  def until(cls, what, *programs):
    deadline = time.monotonic() + 120
    while not what():
      if time.monotonic() > deadline or any(cls.programs[name].poll() is not None for name in programs):
        raise TimeoutError("".join(cls.said(name) for name in cls.programs))
      time.sleep(0.05)

  @classmethod
  def make_stores(cls):
    cls.witness_config = cls.folder / "witness.toml"
    cls.witness_config.write_text(
        f'[witness]\nname = "witness.example/1"\nkey = "{cls.folder}/witness.key"\nlisten = "127.0.0.1:0"\n'
        f'certificate = "{cls.folder}/collector.pem"\ncertificate_key = "{cls.folder}/collector.key"\n'
        f'client_ca = "{cls.folder}/ca.pem"\ndatabase = "{cls.postgres.conninfo}"\n')
    cls.witness_key = cls.witness("make-key")
    cls.witness("init-store")
    cls.postgres.sql("CREATE ROLE rsyslog LOGIN")
    cls.postgres.sql("CREATE DATABASE collected")
    for database, first in STORES.items():
      for name in (first, "views.sql"):
        cls.postgres.psql(database=database, stdin=(SHIPPED / name).read_text())

  @classmethod
  def witness(cls, *command):
    return subprocess.run([BUILD / "bin/veilwire-witness", "--config", cls.witness_config, *command],
                          capture_output=True, text=True, check=True).stdout.strip()

  @classmethod
  def start_witness(cls):
    cls.start("witness", BUILD / "bin/veilwire-witness", "--config", cls.witness_config, "--unconfined")
    cls.until(lambda: "answering on port" in cls.said("witness"), "witness")
    cls.witness_port = re.findall(r"answering on port (\d+)", cls.said("witness"))[-1]

  @classmethod
  def write_rsyslog(cls):
    """As it is shipped, with files and a port of this test."""
    cls.relp_port = free_port()
    text = (SHIPPED / "rsyslog.conf").read_text()
    for shipped, ours in {'"2514"': f'"{cls.relp_port}"',
                          "/etc/veilwire-collector": cls.folder, "/run/postgresql": cls.postgres.folder,
                          "@/veilwire": "@/collected", "/var/log": cls.folder}.items():
      assert shipped in text, shipped
      text = text.replace(shipped, str(ours))
    (cls.folder / "rsyslog.conf").write_text(text)
    check = subprocess.run(["/usr/sbin/rsyslogd", "-N1", "-f", cls.folder / "rsyslog.conf"], capture_output=True,
                           text=True)
    assert check.returncode == 0, check.stderr

  @classmethod
  def start_rsyslog(cls):
    cls.start("rsyslog", "/usr/sbin/rsyslogd", "-n", "-iNONE", "-f", cls.folder / "rsyslog.conf")

  @classmethod
  def write_agent(cls):
    me = f"{os.geteuid()}:{os.getegid()}"
    common = (f'ca_file = "{cls.folder}/ca.pem"\ncertificate_file = "{cls.folder}/host.pem"\n'
              f'key_file = "{cls.folder}/host.key"\nretry_first_ms = 20\nretry_longest_seconds = 1\nbatch_kib = 64\n')
    cls.config = cls.folder / "agent.toml"
    cls.config.write_text(f"""
[recorder]
user = ""
socket = "{cls.folder}/recorder.sock"
delivery_socket = "{cls.folder}/delivery.sock"
status_socket = ""
database = "{cls.folder}/ledger.db"
writers = ["{me}"]
readers = ["{me}"]
[forwarder]
user = ""
recorder_socket = "{cls.folder}/delivery.sock"
status_socket = ""
internal_ca = ""
[[forwarder.sink]]
name = "rsyslog"
kind = "relp"
address = "localhost:{cls.relp_port}"
tell = "records"
message_bytes = 65536
timeout_seconds = 5
{common}
[[forwarder.sink]]
name = "witness"
kind = "witness"
endpoint = "https://localhost:{cls.witness_port}"
witness_key = "{cls.witness_key}"
{common}""")

  @classmethod
  def audit(cls, *arguments):
    return subprocess.run([BUILD / "bin/veilwire", "--config", cls.config, "audit", *arguments], capture_output=True,
                          text=True, check=True).stdout

  @classmethod
  def delivered(cls):
    report = json.loads(cls.audit("sinks", "--json"))
    return len(report["sinks"]) == 2 and all(sink["next"] > report["records"] for sink in report["sinks"])

  @classmethod
  def rows(cls):
    return int(cls.postgres.sql("SELECT count(*) FROM veilwire_syslog.messages", database="collected")[0][0])

  @classmethod
  def deliver(cls):
    """rsyslog is killed three times on the way, and the database once."""
    cls.start_rsyslog()
    for name in ("recorder", "forwarder"):
      cls.start(name, BUILD / f"bin/veilwire-{name}", "--config", cls.config, "--unconfined")
    for _ in range(3):
      before = cls.rows()
      cls.until(lambda: cls.rows() > before or cls.delivered(), "recorder", "forwarder")
      cls.end("rsyslog", signal.SIGKILL)
      cls.start_rsyslog()
    cls.postgres.kill()
    cls.postgres.start()
    cls.until(cls.delivered, "recorder", "forwarder", "rsyslog")
    cls.acknowledged = {row[0] for row in cls.postgres.sql("SELECT uid FROM veilwire_syslog.messages",
                                                           database="collected")}
    cls.cosigned = json.loads(cls.audit("sinks", "--json"))["cosigned_records"]
    for name in ("forwarder", "recorder"):
      assert cls.end(name) == 0, cls.said(name)

  @classmethod
  def read_ledger(cls):
    """Records by their keys. What came after the last checkpoint is not among them."""
    bundle = cls.folder / "all.jsonl"
    cls.audit("export", "--all", "--out", str(bundle))
    cls.records, cls.unreadable = {}, 0
    for line in bundle.read_text().splitlines()[1:]:
      record = json.loads(line).get("record")
      if record is None:
        cls.unreadable += 1
        continue
      cls.records[f"{record['host']}-{record['writer']}-{record['seq']}"] = record
    cls.end("rsyslog")
    cls.answers = {database: cls.ask(database, **{"person": "Ada Lovelace", "minutes": "0"}) for database in STORES}

  @classmethod
  def ask(cls, database, **variables):
    """Rows of each question, by its number, from the file as it is shipped."""
    out = cls.postgres.psql("--csv", *[word for name, value in variables.items() for word in ("-v", f"{name}={value}")],
                            database=database, stdin=(SHIPPED / "questions.sql").read_text())
    parts = re.split(r"(?m)^(\d+)\. .*\n", out)
    return {int(number): list(csv.DictReader(text.splitlines()))
            for number, text in zip(parts[1::2], parts[2::2], strict=True)}

  def of(self, *kinds):
    return [record for record in self.records.values() if record["kind"] in kinds]

  def both(self, number):
    return [self.answers[database][number] for database in STORES]

  def person_of(self, record):
    heads = [head for head in self.of("request.head")
             if (head["session"], head["exchange"]) == (record["session"], record["exchange"])]
    return heads[0]["person"]["name"] if heads else ""

  def test_nothing_is_lost_and_nothing_is_there_twice(self):
    for database in STORES:
      kept = [row[0] for row in self.postgres.sql("SELECT uid FROM auditor.records", database=database)]
      self.assertEqual(len(kept), len(set(kept)), "twice")
      self.assertEqual(set(self.records) - set(kept), set(), "lost")
      late = set(kept) - set(self.records)
      kinds = self.postgres.sql("SELECT DISTINCT kind FROM auditor.records WHERE uid = ANY('{" + ",".join(late) + "}')",
                                database=database)
      self.assertLessEqual({row[0] for row in kinds}, {"checkpoint", "checkpoint.key"}, "from nowhere")
    self.assertFalse((self.folder / "veilwire-other.log").exists())
    dead = json.loads(self.audit("sinks", "--refused", "rsyslog", "--json"))
    self.assertEqual(len(dead), self.unreadable)

  def test_what_is_acknowledged_is_in_the_database(self):
    self.assertGreater(len(self.records), 1000)
    self.assertEqual({uid for uid in set(self.records) - self.acknowledged if self.records[uid]["kind"] != "checkpoint"},
                     set())

  def test_both_stores_give_the_same_answers(self):
    for number in (1, 3, 4, 5, 6, 7, 8, 9):
      self.assertEqual(*self.both(number), number)

  def test_who_was_sent_what_kind_of_secret(self):
    wanted = collections.Counter()
    for record in self.of("response.fragment"):
      for mask in record["masks"]:
        wanted[self.person_of(record), mask["category"], mask["rule"], mask["action"]] += 1
    for record in self.of("block"):
      wanted[self.person_of(record), record["category"], record["rule"], "block"] += 1
    self.assertGreaterEqual(len(wanted), 2)
    for rows in self.both(1):
      self.assertEqual({(row["person"], row["category"], row["rule"], row["action"]): int(row["findings"])
                        for row in rows}, dict(wanted))
    by = json.loads(self.audit("stats", "--json"))["by"]["rule"]
    self.assertEqual({rule["value"]: rule["findings"] for rule in by},
                     {rule: count for (_, _, rule, _), count in wanted.items()})

  def test_which_hosts_are_silent(self):
    last = {}
    for record in self.of("checkpoint"):
      last[record["host"]] = max(when(record), last.get(record["host"], when(record)))
    for database in STORES:
      rows = {row["host"]: row for row in self.answers[database][2]}
      self.assertLessEqual(set(last), set(rows))
      for host, at in last.items():
        self.assertGreaterEqual(rows[host]["last_checkpoint"][:19], at.strftime("%Y-%m-%d %H:%M:%S"))
      self.assertEqual(self.ask(database, minutes="1000000000")[2], [])

  def test_what_was_not_inspected(self):
    wanted = collections.Counter((gap["reason"], gap["detail"], gap["action"], str(gap["bytes"]), self.person_of(gap))
                                 for gap in self.of("gap"))
    self.assertGreater(len(wanted), 1)
    for rows in self.both(3):
      self.assertEqual(collections.Counter((row["reason"], row["detail"], row["action"], row["bytes"], row["person"])
                                           for row in rows), wanted)

  def test_what_was_blocked(self):
    wanted = collections.Counter((b["direction"], b["category"], b["rule"], b["answer"], self.person_of(b))
                                 for b in self.of("block"))
    for rows in self.both(4):
      self.assertEqual(collections.Counter((row["direction"], row["category"], row["rule"], row["answer"],
                                            row["person"]) for row in rows), wanted)
      self.assertEqual({row["server"] for row in rows}, {"api.anthropic.com"})

  def test_everything_of_one_person(self):
    listed = json.loads(self.audit("list", "--json"))
    wanted = {(row["session"], str(row["exchange"]), row["model"], row["tool"], str(sum(row["findings"].values())))
              for row in listed if row["person"]["name"] == "Ada Lovelace"}
    self.assertEqual(len(wanted), 1)
    for rows in self.both(5):
      self.assertEqual({(row["session"], row["exchange"], row["model"], row["tool"], row["findings"]) for row in rows},
                       wanted)
    for variables in ({"person": "nobody"}, {"person": "1000", "until": "2001-01-01"}):
      self.assertEqual(self.ask("collected", **variables)[5], [])
    self.assertEqual(len(self.ask("collected", person="1000", **{"from": "2001-01-01"})[5]), 1)

  def test_which_team_uses_what(self):
    for rows in self.both(6):
      self.assertEqual({(row["team"], row["server"], row["mcp_method"], row["tool"], row["people"]) for row in rows},
                       {(team, "api.anthropic.com", "tools/call", "search", "1")
                        for team in ("engineering", "on call")})

  def test_what_left_for_models(self):
    # No request of this ledger has a finding: those of answers are put into requests of a copy.
    self.assertFalse(any(record["masks"] for record in self.of("request.body")))
    for rows in self.both(7):
      self.assertEqual(rows, [])
    self.postgres.sql("CREATE DATABASE another TEMPLATE collected")
    self.postgres.sql("UPDATE veilwire_syslog.messages SET kind = 'request.body' WHERE kind = 'response.fragment'",
                      database="another")
    rows = self.ask("another")[7]
    self.assertEqual([(row["server"], row["model"], row["rule"], row["action"], row["people"]) for row in rows],
                     [("api.anthropic.com", "claude-x", "aws-access-key-id", "mask", "1")])
    self.assertEqual(int(rows[0]["findings"]), len(self.of("response.fragment")))

  def test_whose_identity_was_lost(self):
    wanted = collections.Counter((c["person"]["name"], c["person"]["issuer"], c["what"], c["reason"], c["answer"],
                                  c["person"]["standing"]) for c in self.of("identity.change"))
    self.assertIn("lost", {what for _, _, what, _, _, _ in wanted})
    for rows in self.both(8):
      self.assertEqual(collections.Counter((row["person"], row["issuer"], row["what"], row["reason"], row["answer"],
                                            row["standing"]) for row in rows), wanted)

  def test_what_was_configured_where(self):
    wanted = collections.Counter((c["host"], c["what"], c["file"], c["digest"], c["outcome"])
                                 for c in self.of("config.change"))
    for rows in self.both(9):
      self.assertEqual(collections.Counter((row["host"], row["what"], row["file"], row["digest"], row["outcome"])
                                           for row in rows), wanted)

  def test_is_every_log_complete(self):
    size = json.loads(self.audit("verify", "--json"))["signed_records"]
    numbers = collections.defaultdict(set)
    for record in self.records.values():
      numbers[record["host"], record["writer"]].add(record["seq"])
    holes = {writer: max(seqs) - len(seqs) for writer, seqs in numbers.items()}
    self.assertGreater(sum(holes.values()), 0)
    for rows in self.both(10):
      found = {(row["host"], row["writer"]): row for row in rows}
      self.assertEqual({writer: int(row["missing"]) for writer, row in found.items()}, holes)
      self.assertEqual({row["doubled"] for row in rows}, {"0"})
      self.assertLessEqual(max(int(row["signed_records"] or 0) for row in rows), size)
    cosigned = {database: {row["cosigned_records"] for row in self.answers[database][10]} - {""} for database in STORES}
    self.assertEqual(cosigned, {"collected": set(), "postgres": {str(self.cosigned)}})


if __name__ == "__main__":
  unittest.main(verbosity=2)
