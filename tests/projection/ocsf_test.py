"""Every OCSF event of real and of hostile exchanges and records, at every level, holds what the published schema of
1.8.0 asks for; and the judge that says so finds each way in which an event can be broken.
"""

import copy
import json
import pathlib
import sys
import unittest

from generated import generated
from ocsf_schema import Schema

SCHEMA = Schema(pathlib.Path(__file__).resolve().parent.parent / "data" / "ocsf-1.8.0")
LEVELS = ("masked", "metadata", "findings")


def no_constant(name):
  raise ValueError(f"{name} is no JSON")


def events(level):
  data = (FOLDER / f"ocsf-{level}.jsonl").read_bytes()
  lines = data.split(b"\n")
  assert lines.pop() == b""
  return [json.loads(line.decode(), parse_constant=no_constant) for line in lines]


class Ocsf(unittest.TestCase):
  maxDiff = None

  def test_every_event_is_valid(self):
    for level in LEVELS:
      for event in events(level):
        self.assertEqual(SCHEMA.judge(event), [], json.dumps(event)[:2000])

  def test_every_class_occurs(self):
    classes = {level: {event["class_uid"] for event in events(level)} for level in LEVELS}
    self.assertEqual(classes["masked"], {0, 2006, 3002, 3003, 6003})
    self.assertEqual(classes["metadata"], {0, 2006, 3002, 3003, 6003})
    self.assertEqual(classes["findings"], {0, 2006, 3002})

  def test_addresses_are_no_names(self):
    addresses = {event["dst_endpoint"]["ip"] for event in events("masked") if "ip" in event.get("dst_endpoint", {})}
    self.assertEqual(addresses, {"2001:db8::7", "203.0.113.7"})

  def test_calls_of_models_and_tools_have_the_profile_for_ai(self):
    calls = [event for event in events("masked") if "ai_operation" in event["metadata"]["profiles"]]
    models = [event for event in calls if "ai_model" in event]
    self.assertEqual(models[0]["ai_model"], {"name": "claude-sonnet-4-5", "ai_provider": "anthropic"})
    self.assertEqual(models[0]["message_context"]["total_tokens"], 18683 + 133)
    self.assertTrue(any(event["api"]["operation"] == "tools/call" for event in calls))

  def test_a_broken_event_is_found(self):
    good = next(event for event in events("masked") if "ai_model" in event)
    finding = next(event for event in events("masked") if event["class_uid"] == 2006)
    logoff = next(event for event in events("masked") if event["class_uid"] == 3002)
    change = next(event for event in events("masked") if event["class_uid"] == 3003)

    def broken(event, edit):
      other = copy.deepcopy(event)
      edit(other)
      self.assertEqual(SCHEMA.judge(event), [])
      self.assertNotEqual(SCHEMA.judge(other), [])

    for name in ("activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid", "actor", "api",
                 "src_endpoint"):
      broken(good, lambda e, name=name: e.pop(name))
    broken(good, lambda e: e.update(unknown=1))
    broken(good, lambda e: e["api"].update(unknown=1))
    broken(good, lambda e: e["api"].pop("operation"))
    broken(good, lambda e: e.update(time="now"))
    broken(good, lambda e: e.update(time=1.5))
    broken(good, lambda e: e.update(status_id=True))
    broken(good, lambda e: e.update(severity_id=17))
    broken(good, lambda e: e.update(severity="High"))
    broken(good, lambda e: e.update(type_uid=600399))
    broken(good, lambda e: e.update(category_uid=3))
    broken(good, lambda e: e["dst_endpoint"].update(port=65536))
    broken(good, lambda e: e["dst_endpoint"].update(ip="not an address"))
    broken(good, lambda e: e["http_request"].update(http_method="BREW"))
    broken(good, lambda e: e["http_response"].update(code=2**31))
    broken(good, lambda e: e["metadata"].update(version="1.7.0"))
    broken(good, lambda e: e["metadata"].update(profiles=["host", "security_control"]))
    broken(good, lambda e: e["metadata"]["profiles"].append("cloud_of_ours"))
    broken(good, lambda e: e["metadata"].update(profiles="host"))
    broken(good, lambda e: e["actor"].clear())
    broken(good, lambda e: e.update(actor=[]))
    broken(good, lambda e: e["actor"]["user"]["groups"].append("a name"))
    broken(finding, lambda e: e["finding_info"].pop("uid"))
    broken(finding, lambda e: e["finding_info"]["analytic"].pop("type_id"))
    broken(finding, lambda e: e["device"].pop("type_id"))
    broken(finding, lambda e: e.update(data_security={"category_id": 6}))
    broken(logoff, lambda e: e.pop("user"))
    broken(logoff, lambda e: e.pop("service"))
    broken(change, lambda e: e.update(group={"name": "a"}))
    broken(change, lambda e: e.pop("privileges"))


if __name__ == "__main__":
  with generated() as FOLDER:
    unittest.main(argv=sys.argv[:1])
