"""protoc reads OTLP requests by upstream's definitions (tests/data/otlp): one that holds every kind of value says
letter by letter what was meant, and every other is read without an unknown field, event for event.
"""

import pathlib
import re
import subprocess
import sys
import unittest

from generated import generated

DEFINITIONS = pathlib.Path(__file__).resolve().parent.parent / "data" / "otlp"
SERVICE = "opentelemetry/proto/collector/logs/v1/logs_service.proto"
REQUEST = "opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest"
ANSWER = "opentelemetry.proto.collector.logs.v1.ExportLogsServiceResponse"
# A field that the definitions do not know is printed by its number.
UNKNOWN = re.compile(r"^\s*\d+[:\s{]", re.MULTILINE)

ONE = r"""
resource_logs {
  resource {
    attributes { key: "service.name" value { string_value: "veilwire" } }
    attributes { key: "service.version" value { string_value: "0.1.0" } }
    attributes { key: "host.id" value { string_value: "3f6c1d0e" } }
    attributes { key: "host.name" value { string_value: "ws-17" } }
  }
  scope_logs {
    scope { name: "veilwire" version: "0.1.0" }
    log_records {
      time_unix_nano: 1795456800123456789
      severity_number: SEVERITY_NUMBER_WARN
      severity_text: "WARN"
      body { kvlist_value {
        values { key: "key" value { string_value: "value" } }
        values { key: "inner" value { kvlist_value { } } }
      } }
      attributes { key: "text" value { string_value: "a\n\303\251" } }
      attributes { key: "yes" value { bool_value: true } }
      attributes { key: "no" value { bool_value: false } }
      attributes { key: "zero" value { int_value: 0 } }
      attributes { key: "minus" value { int_value: -1 } }
      attributes { key: "most" value { int_value: 9223372036854775807 } }
      attributes { key: "real" value { double_value: 0.5 } }
      attributes { key: "bytes" value { bytes_value: "\377" } }
      attributes { key: "nothing" value { } }
      attributes { key: "empty" value { string_value: "" } }
      attributes { key: "list" value { array_value {
        values { int_value: 1 }
        values { array_value { } }
      } } }
      observed_time_unix_nano: 1795456800123456789
      event_name: "veilwire.test"
    }
  }
  schema_url: "https://opentelemetry.io/schemas/1.44.0"
}
"""


def protoc(mode, message, data):
  run = subprocess.run(["protoc", f"-I{DEFINITIONS}", f"--{mode}={message}", SERVICE], cwd=DEFINITIONS, input=data,
                       capture_output=True, check=False)
  if run.returncode:
    raise AssertionError(run.stderr.decode())
  return run.stdout


class Otlp(unittest.TestCase):
  def test_one_request_says_letter_by_letter_what_was_meant(self):
    read = protoc("decode", REQUEST, (FOLDER / "otlp-one.bin").read_bytes()).decode()
    self.assertEqual(" ".join(read.split()), " ".join(ONE.split()))

  def test_one_request_is_what_protoc_writes(self):
    self.assertEqual(sorted(protoc("encode", REQUEST, ONE.encode())),
                     sorted((FOLDER / "otlp-one.bin").read_bytes()))

  def test_every_request_is_read_whole(self):
    events = 0
    for line in (FOLDER / "otlp.txt").read_text().splitlines():
      name, count = line.split()
      data = (FOLDER / name).read_bytes()
      self.assertLessEqual(len(data), 1024 * 1024)
      read = protoc("decode", REQUEST, data).decode()
      self.assertEqual(len(re.findall(r"^    log_records {$", read, re.MULTILINE)), int(count))
      self.assertIsNone(UNKNOWN.search(read))
      events += int(count)
    self.assertGreater(events, 1000)

  def test_what_is_broken_is_noticed(self):
    data = (FOLDER / "otlp-one.bin").read_bytes()
    with self.assertRaises(AssertionError):
      protoc("decode", REQUEST, data[:-1])
    with self.assertRaises(AssertionError):
      protoc("decode", REQUEST, data.replace(b"\xc3\xa9", b"\xc3\x28"))
    self.assertIsNotNone(UNKNOWN.search(protoc("decode", REQUEST, data + b"\x50\x01").decode()))

  def test_an_answer_is_what_the_unit_test_reads(self):
    written = protoc("encode", ANSWER, b'partial_success { rejected_log_records: 300 error_message: "slow" }')
    self.assertEqual(written, b"\x0a\x09\x08\xac\x02\x12\x04slow")


if __name__ == "__main__":
  with generated() as FOLDER:
    unittest.main(argv=sys.argv[:1])
