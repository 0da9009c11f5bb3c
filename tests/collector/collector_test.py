"""What packaging/collector ships, as it runs: a ledger with every kind of record goes through rsyslog, which is killed
on the way, into PostgreSQL, and to a veilwire-witness. Both stores answer an auditor's ten questions with what the
ledger itself says.
"""

import json
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
import questions  # noqa: E402
from delivering_host import BUILD, DeliveringHost  # noqa: E402
from own_postgres import OwnPostgres  # noqa: E402

SHIPPED = ROOT / "packaging/collector/postgresql"
STORES = {"collected": "rsyslog.sql", "postgres": "witness.sql"}
ROUNDS = 40  # of make_ledger


def free_port():
  with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    return probe.getsockname()[1]


class CollectorTest(DeliveringHost, questions.AuditorsQuestions, unittest.TestCase):
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
    cls.write_agent(cls.sinks())
    cls.deliver()
    cls.put_questions()

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
  def sinks(cls):
    common = (f'ca_file = "{cls.folder}/ca.pem"\ncertificate_file = "{cls.folder}/host.pem"\n'
              f'key_file = "{cls.folder}/host.key"\nretry_first_ms = 20\nretry_longest_seconds = 1\nbatch_kib = 64\n')
    return f"""
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
{common}"""

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
    cosigned = json.loads(cls.audit("sinks", "--json"))["cosigned_records"]
    cls.cosigned = {"collected": set(), "postgres": {str(cosigned)}}
    for name in ("forwarder", "recorder"):
      assert cls.end(name) == 0, cls.said(name)

  @classmethod
  def put_questions(cls):
    cls.read_ledger()
    cls.end("rsyslog")
    cls.answers = {database: cls.ask(database, **{"person": "Ada Lovelace", "minutes": "0"}) for database in STORES}

  @classmethod
  def ask(cls, database, **variables):
    return cls.postgres.ask(SHIPPED / "questions.sql", database, **variables)

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
      self.assertEqual(*self.each(number), number)

  @classmethod
  def with_findings_in_requests(cls):
    cls.postgres.sql("CREATE DATABASE another TEMPLATE collected")
    cls.postgres.sql("UPDATE veilwire_syslog.messages SET kind = 'request.body' WHERE kind = 'response.fragment'",
                      database="another")
    return "another"


if __name__ == "__main__":
  unittest.main(verbosity=2)
