"""What packaging/collector ships for ClickHouse, as it runs: a ledger with every kind of record goes through Kafka, which
librdkafka stands in for, into ClickHouse, which is killed on the way; and as OTLP, into the rows that the OpenTelemetry
Collector makes of it. Both stores answer an auditor's ten questions with what the ledger itself says.
"""

import csv
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))

import exported_logs  # noqa: E402
import questions  # noqa: E402
from delivering_host import BUILD, DeliveringHost  # noqa: E402
from own_clickhouse import OwnClickHouse  # noqa: E402

SHIPPED = ROOT / "packaging/collector"
STORES = {"kafka": "kafka.sql", "otelcol": "otelcol.sql"}
ROUNDS = 40  # of make_ledger


def statements(name):
  text = (SHIPPED / "clickhouse" / name).read_text()
  return [part for part in (re.sub(r"(?m)^--.*\n", "", part).strip() for part in text.split(";\n")) if part]


class ClickHouseTest(DeliveringHost, questions.AuditorsQuestions, unittest.TestCase):
  @classmethod
  def setUpClass(cls):
    cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="veilwire-clickhouse-"))
    cls.addClassCleanup(shutil.rmtree, cls.folder)
    cls.programs = {}
    cls.addClassCleanup(lambda: [cls.end(name, signal.SIGKILL) for name in list(cls.programs)])
    cls.clickhouse = OwnClickHouse()
    cls.addClassCleanup(cls.clickhouse.remove)
    subprocess.run([BUILD / "tests/make_ledger", cls.folder, str(ROUNDS)], check=True)
    cls.brokers = cls.start("kafka", BUILD / "tests/serve_kafka").stdout.readline().decode().strip()
    cls.exported = cls.folder / "exported"
    cls.exported.mkdir()
    cls.port = int(cls.start("collector", sys.executable, "-B", ROOT / "tests/support/otlp_collector.py",
                             cls.exported).stdout.readline())
    cls.make_stores()
    cls.write_agent(cls.sinks(), 'log_level = "error"')
    cls.deliver()
    cls.read_ledger()
    cls.cosigned = {store: set() for store in STORES}
    cls.answers = {store: cls.ask(store, person="Ada Lovelace", minutes="0") for store in STORES}

  @classmethod
  def start(cls, name, *command):
    cls.programs[name] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return cls.programs[name]

  @classmethod
  def end(cls, name, how=signal.SIGTERM):
    program = cls.programs.pop(name)
    program.send_signal(how)
    program.communicate()
    return program.returncode

  @classmethod
  def until(cls, what):
    deadline = time.monotonic() + 150
    while not what():
      if time.monotonic() > deadline or any(program.poll() is not None for program in cls.programs.values()):
        raise TimeoutError(cls.clickhouse.sql("SELECT * FROM system.kafka_consumers FORMAT Vertical"))
      time.sleep(0.1)

  @classmethod
  def make_store(cls, store, *names):
    cls.clickhouse.sql(f"CREATE DATABASE {store}")
    cls.clickhouse.sql(f"USE {store}")
    for name in names:
      for statement in statements(name):
        # In small blocks, between which it can be killed.
        cls.clickhouse.sql(statement.replace("kafka-1.example.com:9093", cls.brokers).replace(
            "kafka_format", "kafka_max_block_size = 200, kafka_format"))

  @classmethod
  def make_stores(cls):
    for store, first in STORES.items():
      cls.make_store(store, first, "views.sql")

  @classmethod
  def sinks(cls):
    return f"""
[[forwarder.sink]]
name = "kafka"
kind = "kafka"
brokers = {json.dumps(cls.brokers.split(","))}
topic = "veilwire"
security_protocol = "plaintext"
batch_kib = 64
[[forwarder.sink]]
name = "otelcol"
kind = "otlp"
endpoint = "http://127.0.0.1:{cls.port}"
tell = "records"
batch_kib = 64
"""

  @classmethod
  def deliver(cls):
    """ClickHouse is killed when it has some of it."""
    for name in ("recorder", "forwarder"):
      cls.start(name, BUILD / f"bin/veilwire-{name}", "--config", cls.config, "--unconfined")
    cls.until(lambda: cls.clickhouse.rows("SELECT count() FROM kafka.messages") != [["0"]])
    cls.clickhouse.kill()
    cls.clickhouse.start()
    cls.at_kill = int(cls.clickhouse.rows("SELECT count() FROM kafka.messages")[0][0])
    cls.until(cls.delivered)
    for name in ("forwarder", "recorder"):
      assert cls.end(name) == 0
    requests = [file.read_bytes() for file in sorted(cls.exported.glob("*.pb"))]
    cls.rows = [row for request in requests for row in exported_logs.rows(request)]
    for _ in range(2):  # as after an answer that was lost
      cls.insert(cls.rows)
    last = {row["LogAttributes"]["log.record.uid"] for row in cls.rows}
    cls.until(lambda: last <= {row[0] for row in cls.clickhouse.rows("SELECT uid FROM kafka.messages")})

  @classmethod
  def insert(cls, rows):
    lines = "\n".join(json.dumps(row) for row in rows)
    cls.clickhouse.sql(f"INSERT INTO otelcol.otel_logs ({', '.join(exported_logs.COLUMNS)}) FORMAT JSONEachRow\n{lines}")

  @classmethod
  def ask(cls, store, **variables):
    """Rows of each question, by its number, from the file as it is shipped."""
    cls.clickhouse.sql(f"USE {store}")
    for name, value in {"from": "1970-01-01", "until": "2100-01-01", "person": "", "minutes": "5", **variables}.items():
      cls.clickhouse.sql(f"SET param_{name} = '{value}'")
    texts = [cls.clickhouse.sql(statement, "CSVWithNames") for statement in statements("questions.sql")]
    return {int(head.split(".")[0]): [{name: "" if value == "\\N" else value for name, value in row.items()}
                                      for row in csv.DictReader(rows.splitlines())]
            for head, rows in zip(texts[::2], texts[1::2], strict=True)}

  @classmethod
  def with_findings_in_requests(cls):
    cls.clickhouse.sql("CREATE DATABASE another")
    cls.clickhouse.sql("CREATE TABLE another.records ENGINE = Memory AS SELECT * REPLACE(if(kind = 'response.fragment', "
                        "'request.body', kind) AS kind) FROM kafka.records")
    cls.clickhouse.sql("USE another")
    for statement in statements("views.sql"):
      cls.clickhouse.sql(statement)
    cls.clickhouse.sql("CREATE VIEW cosigned AS SELECT * FROM kafka.cosigned")
    return "another"

  def test_nothing_is_lost_and_nothing_is_there_twice(self):
    self.assertLess(self.at_kill, len(self.records))
    for store in STORES:
      kept = [row[0] for row in self.clickhouse.rows(f"SELECT uid FROM {store}.records")]
      self.assertEqual(len(kept), len(set(kept)), "twice")
      self.assertEqual(set(self.records) - set(kept), set(), "lost")
      late = [row for row in self.clickhouse.rows(f"SELECT uid, kind FROM {store}.records") if row[0] not in self.records]
      self.assertLessEqual({kind for _, kind in late}, {"checkpoint", "checkpoint.key"}, "from nowhere")
    self.assertEqual(self.clickhouse.rows("SELECT count() FROM kafka.other"), [["0"]])
    dead = json.loads(self.audit("sinks", "--refused", "kafka", "--json"))
    self.assertEqual(len(dead), self.unreadable)

  def test_both_stores_give_the_same_answers(self):
    for number in (1, 3, 4, 5, 6, 7, 8, 9):
      self.assertEqual(*self.each(number), number)

  def test_of_two_records_under_one_key_the_first_stays(self):
    row = next(row for row in self.rows if row["EventName"] == "veilwire.block")
    self.insert([{**row, "Body": "{}"}])
    self.clickhouse.sql("INSERT INTO kafka.messages (host, writer, seq, kind, received_at, message) "
                        "SELECT host, writer, seq, kind, now64(3), '{}' FROM kafka.messages")
    for store, table in (("kafka", "messages"), ("otelcol", "otel_logs")):
      for _ in range(2):
        self.assertEqual(self.ask(store, person="Ada Lovelace", minutes="0")[4], self.answers[store][4])
        self.clickhouse.sql(f"OPTIMIZE TABLE {store}.{table} FINAL")

  def test_what_is_no_record_is_kept_apart(self):
    """What the queue of kafka.sql could hold: in its place stands a table with its columns."""
    self.make_store("apart", "kafka.sql")
    view = next(statement for statement in statements("kafka.sql") if "queue_to_arrived" in statement)
    self.clickhouse.sql("DROP TABLE apart.queue_to_arrived")
    self.clickhouse.sql("DROP TABLE apart.queue")
    self.clickhouse.sql("CREATE TABLE apart.queue(message String, _topic String, _partition UInt64, _offset UInt64, "
                        "_key String, `_headers.name` Array(String), `_headers.value` Array(String), _error String, "
                        "_raw_message String) ENGINE = Memory")
    self.clickhouse.sql("USE apart")
    self.clickhouse.sql(view)
    good = '{"host":"h","writer":"w","seq":1,"kind":"gap"}'
    for offset, (uid, message) in enumerate((("h-w-1", good), ("h-w-2", good), ("h-w-1-exchange", good), ("h-w-1", "{"),
                                             ("h-w-1", "no JSON"), ("--0", "[]"), ("", ""))):
      self.clickhouse.sql(f"INSERT INTO apart.queue SELECT '{message}', 'veilwire', 0, {offset}, 'h', ['uid'], ['{uid}'], '', ''")
    self.assertEqual(self.clickhouse.rows("SELECT uid FROM apart.records"), [["h-w-1"]])
    self.assertEqual([row[0] for row in self.clickhouse.rows("SELECT error FROM apart.other FINAL ORDER BY offset")],
                     ["not under its own key"] * 2 + ["no JSON"] * 2 + ["not under its own key", "no JSON"])

  def test_the_questions_are_those_of_postgresql(self):
    texts = {name: (SHIPPED / name / "questions.sql").read_text() for name in ("postgresql", "clickhouse")}
    headings = {name: re.findall(r"'(\d+\. [^']*)'", text) for name, text in texts.items()}
    self.assertEqual(headings["postgresql"], headings["clickhouse"])
    self.assertEqual(len(headings["clickhouse"]), 10)

  def test_the_collector_inserts_into_the_table_that_is_made_for_it(self):
    exporter = yaml.safe_load((SHIPPED / "otelcol/config.yaml").read_text())["exporters"]["clickhouse"]
    self.assertFalse(exporter["create_schema"])
    self.assertEqual(self.clickhouse.rows("SELECT name FROM system.columns WHERE database = 'otelcol' "
                                          f"AND table = '{exporter['logs_table_name']}' AND default_kind = ''"),
                     [[name] for name in exported_logs.COLUMNS])


if __name__ == "__main__":
  unittest.main(verbosity=2)
