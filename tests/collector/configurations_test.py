"""What packaging/collector ships for programs that cannot be run here: an OpenTelemetry Collector, Data Prepper and
OpenSearch. Every key of their configurations is one that their sources have, and the questions to OpenSearch are put to a
model of it that holds what Data Prepper makes of a ledger with every kind of record.
"""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

import yaml

import questions
from search_model import Index, values

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["VEILWIRE_BINARY_DIR"])
SHIPPED = ROOT / "packaging/collector"

# open-telemetry/opentelemetry-collector v0.159.0: config.schema.yaml of config/confighttp, config/configtls,
# config/configretry and exporter/exporterhelper/internal/queuebatch; opentelemetry-collector-contrib:
# exporter/clickhouseexporter/config.schema.yaml, extension/storage/filestorage/README.md. With what a value has to be.
OTELCOL = {
    "extensions": {"file_storage/queue": {"directory": str, "create_directory": bool, "fsync": bool, "timeout": str}},
    "receivers": {"otlp": {"protocols": {"http": {
        "endpoint": str, "max_request_body_size": int,
        "tls": {"cert_file": str, "key_file": str, "client_ca_file": str, "reload_interval": str}}}}},
    "exporters": {"clickhouse": {
        "endpoint": str, "database": str, "logs_table_name": str, "create_schema": bool, "async_insert": bool,
        "timeout": str, "username": str, "password": str,
        "sending_queue": {"storage": str, "block_on_overflow": bool, "sizer": str, "queue_size": int,
                          "batch": {"sizer": str, "min_size": int, "flush_timeout": str}},
        "retry_on_failure": {"max_elapsed_time": str}}},
    "service": {"extensions": list, "pipelines": {"logs": {"receivers": list, "exporters": list}}}}

# opensearch-project/data-prepper 2.16.0: KafkaSourceConfig, SourceTopicConfig, EncryptionConfig,
# AuthConfig and ScramAuthConfig of kafka-plugins, DateProcessorConfig, and OpenSearchSinkConfig.
PIPELINE = {
    "source": {"kafka": {
        "bootstrap_servers": list, "acknowledgments": bool,
        "encryption": {"type": str, "trust_store_file_path": str, "trust_store_password": str},
        "authentication": {"sasl": {"scram": {"mechanism": str, "username": str, "password": str}}},
        "topics": [{"name": str, "group_id": str, "serde_format": str, "key_mode": str, "auto_offset_reset": str}]}},
    "processor": [{"date": {"match": [{"key": str, "patterns": list}], "from_time_received": bool, "destination": str}}],
    "sink": [{"opensearch": {
        "hosts": list, "cert": str, "username": str, "password": str, "index_type": str, "index": str, "action": str,
        "document_id": str, "dlq_file": str}}]}


def strange(given, known, at=""):
  """Where a configuration has what is not known."""
  if isinstance(known, dict) and isinstance(given, dict):
    return [place for key, value in given.items()
            for place in (strange(value, known[key], f"{at}/{key}") if key in known else [f"{at}/{key}"])]
  if isinstance(known, list) and isinstance(given, list):
    return [place for value in given for place in strange(value, known[0], at)]
  return [] if isinstance(known, type) and type(given) is known else [at]


def as_prepared(line):
  """With the two fields that Data Prepper's date processors add."""
  document = json.loads(line)
  at = questions.when(document)
  return {**document, "at": at.isoformat(), "received_at": at.isoformat()}


class ConfigurationsTest(questions.Ledger, unittest.TestCase):
  @classmethod
  def setUpClass(cls):
    cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="veilwire-configurations-")))
    subprocess.run([BUILD / "tests/make_ledger", cls.folder, "40"], check=True)
    cls.config = cls.folder / "agent.toml"
    cls.config.write_text(f'[recorder]\ndatabase = "{cls.folder}/ledger.db"\n')
    cls.read_ledger()
    template = json.loads((SHIPPED / "opensearch/template.json").read_text())
    cls.audit("export", "--all", "--format", "jsonl", "--out", str(cls.folder / "told.jsonl"))
    exchanges = (cls.folder / "told.jsonl").read_text().splitlines()
    cls.indices = {"veilwire-exchanges": Index(template, [as_prepared(line) for line in exchanges]),
                   "veilwire-records": Index(template, [as_prepared(json.dumps(r)) for r in cls.records.values()])}
    cls.answers = cls.ask(person="Ada Lovelace", minutes="5")

  @classmethod
  def audit(cls, *arguments):
    return subprocess.run([BUILD / "bin/veilwire", "--config", cls.config, "audit", *arguments], capture_output=True,
                          text=True, check=True).stdout

  @classmethod
  def ask(cls, **variables):
    """What each question is answered, by its number."""
    given = {"from": "1970-01-01", "until": "2100-01-01", "person": "", "minutes": "5", **variables}
    lines = subprocess.run(["jq", "-nc", "-f", SHIPPED / "opensearch/questions.jq",
                            *[word for name, value in given.items() for word in ("--arg", name, value)]],
                           capture_output=True, text=True, check=True).stdout.splitlines()
    cls.headings, answers = [], {}
    for head, body in zip(map(json.loads, lines[::2]), map(json.loads, lines[1::2]), strict=True):
      answer = cls.indices[head.pop("index")].search(body)
      assert not head
      cls.headings.append(answer["aggregations"]["answer"]["meta"]["question"])
      answers[int(cls.headings[-1].split(".")[0])] = answer
    return answers

  def buckets(self, number):
    return self.answers[number]["aggregations"]["answer"]["buckets"]

  def hits(self, number):
    return [hit["_source"] for hit in self.answers[number]["hits"]["hits"]]

  def test_keys_of_the_collector_are_those_of_its_sources(self):
    config = yaml.safe_load((SHIPPED / "otelcol/config.yaml").read_text())
    self.assertEqual(strange(config, OTELCOL), [])
    queue = config["exporters"]["clickhouse"]["sending_queue"]
    self.assertEqual([queue["storage"]], config["service"]["extensions"])
    self.assertTrue(config["extensions"][queue["storage"]]["fsync"])
    self.assertEqual(strange({"receivers": {"otlp": {"http": {}}}}, OTELCOL), ["/receivers/otlp/http"])

  def test_keys_of_data_prepper_are_those_of_its_sources(self):
    pipelines = yaml.safe_load((SHIPPED / "opensearch/pipelines.yaml").read_text())
    self.assertEqual(set(pipelines), set(self.indices))
    for name, pipeline in pipelines.items():
      self.assertEqual(strange(pipeline, PIPELINE), [])
      self.assertEqual(pipeline["sink"][0]["opensearch"]["index"], name)
      self.assertEqual(pipeline["source"]["kafka"]["topics"][0]["name"], name)
      made = {processor["date"]["destination"] for processor in pipeline["processor"]}
      self.assertEqual(made, {"at", "received_at"})

  def test_a_document_has_one_id(self):
    pipelines = yaml.safe_load((SHIPPED / "opensearch/pipelines.yaml").read_text())
    for name, index in self.indices.items():
      form = pipelines[name]["sink"][0]["opensearch"]["document_id"]
      ids = [re.sub(r"\$\{/(\w+)\}", lambda found: str(document[found[1]]), form) for document in index.documents]
      self.assertNotIn("$", "".join(ids))
      self.assertEqual(len(ids), len(set(ids)))

  def test_clickhouse_reads_the_options_of_kafka(self):
    kafka = xml.etree.ElementTree.parse(SHIPPED / "clickhouse/kafka.xml").getroot().find("kafka")
    library, = pathlib.Path("/usr/lib").glob("*-linux-gnu/librdkafka.so.1")
    known = library.read_bytes()
    for option in (each for each in kafka.iter() if not len(each)):
      self.assertIn(b"\0" + option.tag.replace("_", ".").encode() + b"\0", known)

  def test_the_questions_are_those_of_postgresql(self):
    text = (SHIPPED / "postgresql/questions.sql").read_text()
    self.assertEqual(self.headings, re.findall(r"'(\d+\. [^']*)'", text))

  def test_what_a_question_reads_is_in_what_is_told(self):
    for name, index in self.indices.items():
      self.assertGreater(len(index.used), 5)
      for path in index.used - {"detail"}:  # of gaps outside of exchanges, where these have none
        self.assertTrue(any(values(document, path) for document in index.documents), f"{name} has no {path}")

  def test_what_is_mapped_is_in_what_is_told(self):
    def paths(properties, before=""):
      for name, field in properties.items():
        yield before + name
        yield from paths(field.get("properties", {}), f"{before}{name}.")
    told = [*self.indices["veilwire-exchanges"].documents, *self.indices["veilwire-records"].documents]
    for path in paths(self.indices["veilwire-records"].mappings):
      self.assertTrue(any(values(document, path) for document in told), path)

  def found(self, number, last):
    """Of the questions about findings: each bucket's key with category, rule and action, and its last aggregation."""
    return {(*bucket["key"].values(), category["key"], rule["key"], action["key"]): last(action)
            for bucket in self.buckets(number) for category in bucket["all"]["found"]["category"]["buckets"]
            for rule in category["rule"]["buckets"] for action in rule["action"]["buckets"]}

  def test_who_was_sent_what_kind_of_secret(self):
    found = self.found(1, lambda bucket: bucket)
    person = ("Ada Lovelace", "local", "1000")
    for action in ("mask", "observed"):
      told = found.pop((*person, "secret", "aws-access-key-id", action))
      masks = [mask for r in self.of("response.fragment") for mask in r["masks"] if mask["action"] == action]
      self.assertEqual(told["findings"]["value"], len(masks))
      self.assertEqual(told["exchanges"]["doc_count"], 1)
    self.assertEqual(set(found), {(*person, block["category"], block["rule"], "block") for block in self.of("block")})

  def test_which_hosts_are_silent(self):
    self.assertEqual({bucket["key"] for bucket in self.buckets(2)}, {record["host"] for record in self.records.values()})
    for bucket in self.buckets(2):
      self.assertEqual(bucket["checkpoints"]["last_checkpoint"]["value"],
                       max(questions.when(r).isoformat() for r in self.of("checkpoint") if r["host"] == bucket["key"]))
    self.assertEqual(self.ask(minutes="10000000")[2]["aggregations"]["answer"]["buckets"], [])

  def test_what_was_not_inspected(self):
    told = {(gap["reason"], gap["action"], gap["bytes"]) for hit in self.hits(3) for gap in hit.get("gaps", [hit])}
    self.assertEqual(told, {(gap["reason"], gap["action"], gap["bytes"]) for gap in self.of("gap")})

  def test_what_was_blocked(self):
    told = {(block["direction"], block["category"], block["rule"], block["answer"], hit["person"]["name"])
            for hit in self.hits(4) for block in hit["blocks"]}
    self.assertEqual(told, {(block["direction"], block["category"], block["rule"], block["answer"],
                             self.person_of(block)) for block in self.of("block")})

  def test_everything_of_one_person(self):
    listed = json.loads(self.audit("list", "--json"))
    self.assertEqual([(hit["session"], hit["exchange"], hit["model"], hit["tool"]) for hit in self.hits(5)],
                     [(row["session"], row["exchange"], row["model"], row["tool"]) for row in listed
                      if row["person"]["name"] == "Ada Lovelace"])
    self.assertEqual(len(self.ask(person="1000")[5]["hits"]["hits"]), 1)
    for variables in ({"person": "nobody"}, {"person": "1000", "until": "2001-01-01"}):
      self.assertEqual(self.ask(**variables)[5]["hits"]["hits"], [])

  def test_which_team_uses_what(self):
    self.assertEqual({(*bucket["key"].values(), bucket["people"]["value"]) for bucket in self.buckets(6)},
                     {(team, "api.anthropic.com", "tools/call", "search", 1) for team in ("engineering", "on call")})

  def test_what_left_for_models(self):
    self.assertEqual(self.buckets(7), [])
    index = self.indices["veilwire-exchanges"]
    for document in index.documents:
      for finding in document.get("findings", []):
        finding["direction"] = "request"
    self.addCleanup(lambda: [finding.update(direction="response") for document in index.documents
                             for finding in document.get("findings", [])])
    self.answers[7] = self.ask()[7]
    self.addCleanup(self.answers.update, {7: self.answers[7]})
    self.assertIn(("api.anthropic.com", "claude-x", "secret", "aws-access-key-id", "mask"),
                  self.found(7, lambda bucket: bucket["exchanges"]["people"]["value"]))

  def test_whose_identity_was_lost(self):
    told = {(change["what"], change["reason"], change["answer"], change["person"]["standing"])
            for hit in self.hits(8) for change in hit["identity_changes"]}
    self.assertEqual(told, {(c["what"], c["reason"], c["answer"], c["person"]["standing"])
                            for c in self.of("identity.change")})

  def test_what_was_configured_where(self):
    self.assertEqual([(c["host"], c["what"], c["file"], c["digest"], c["outcome"]) for c in self.hits(9)],
                     [(c["host"], c["what"], c["file"], c["digest"], c["outcome"]) for c in self.of("config.change")])

  def test_is_every_log_complete(self):
    numbers = {}
    for record in self.records.values():
      numbers.setdefault((record["host"], record["writer"]), set()).add(record["seq"])
    self.assertEqual({(b["key"]["host"], b["key"]["writer"]): b["missing"]["value"] for b in self.buckets(10)},
                     {writer: max(seqs) - len(seqs) for writer, seqs in numbers.items()})
    size = json.loads(self.audit("verify", "--json"))["signed_records"]
    notes = [hit["_source"]["note"] for bucket in self.buckets(10)
             for hit in bucket["checkpoints"]["signed"]["hits"]["hits"]]
    signed = [int(note.split("\n")[1]) for note in notes]
    self.assertEqual(signed, [max(int(record["note"].split("\n")[1]) for record in self.of("checkpoint"))])
    self.assertLessEqual(signed[0], size)


if __name__ == "__main__":
  unittest.main(verbosity=2)
