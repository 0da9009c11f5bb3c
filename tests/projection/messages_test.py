"""Messages of real and of hostile conversations hold to the JSON schemas that the GenAI conventions publish for them.

The schemas let a part of any type pass as a generic one. Here a part whose type has a definition is judged by that.
"""

import json
import pathlib
import sys
import unittest

from generated import generated

FOLDER_OF_SCHEMAS = pathlib.Path(__file__).resolve().parent.parent / "data" / "gen-ai-messages"
SCHEMAS = {
  "gen_ai.input.messages": "gen-ai-input-messages.json",
  "gen_ai.output.messages": "gen-ai-output-messages.json",
  "gen_ai.system_instructions": "gen-ai-system-instructions.json",
}
TYPES = {"array": list, "object": dict, "string": str, "null": type(None), "boolean": bool}
KNOWN = {"$defs", "$ref", "additionalProperties", "anyOf", "const", "default", "description", "enum", "format", "items", "oneOf",
         "properties", "required", "title", "type"}


class Schema:
  def __init__(self, name):
    self.root = json.loads((FOLDER_OF_SCHEMAS / name).read_text())

  def judge(self, value, rule=None, where="$"):
    rule = self.root if rule is None else rule
    if set(rule) - KNOWN:
      raise AssertionError(f"a schema says {set(rule) - KNOWN}, which nobody judges by")
    if "$ref" in rule:
      return self.judge(value, self.root["$defs"][rule["$ref"].rsplit("/", 1)[1]], where)
    wrong = []
    if "type" in rule and not isinstance(value, TYPES[rule["type"]]):
      return [f"{where}: is no {rule['type']}"]
    if "const" in rule and value != rule["const"]:
      wrong.append(f"{where}: is not {rule['const']}")
    if "enum" in rule and value not in rule["enum"]:
      wrong.append(f"{where}: is none of {rule['enum']}")
    if "anyOf" in rule:
      rules = [r for r in rule["anyOf"] if self.names(r, value)] or rule["anyOf"]
      judged = [self.judge(value, r, where) for r in rules]
      if all(judged):
        wrong += min(judged, key=len)
    if "oneOf" in rule and sum(not self.judge(value, r, where) for r in rule["oneOf"]) != 1:
      wrong.append(f"{where}: is not one of {len(rule['oneOf'])} things")
    if isinstance(value, dict):
      wrong += [f"{where}.{name}: is required" for name in rule.get("required", []) if name not in value]
      for name, one in rule.get("properties", {}).items():
        if name in value:
          wrong += self.judge(value[name], one, f"{where}.{name}")
    if isinstance(value, list) and "items" in rule:
      for i, one in enumerate(value):
        wrong += self.judge(one, rule["items"], f"{where}[{i}]")
    return wrong

  def names(self, rule, value):
    """Whether the definition is that of the value's own type."""
    if "$ref" not in rule or not isinstance(value, dict):
      return False
    definition = self.root["$defs"][rule["$ref"].rsplit("/", 1)[1]]
    const = definition.get("properties", {}).get("type", {}).get("const")
    return const is not None and const == value.get("type")


class Messages(unittest.TestCase):
  def test_every_conversation_holds_to_the_schemas(self):
    count = dict.fromkeys(SCHEMAS, 0)
    types = set()
    for line in (FOLDER / "messages.jsonl").read_text().splitlines():
      for name, messages in json.loads(line).items():
        self.assertEqual(Schema(SCHEMAS[name]).judge(messages), [], str(messages)[:1000])
        count[name] += 1
        types.update(part["type"] for message in messages for part in message.get("parts", []))
    self.assertTrue(all(count.values()), count)
    self.assertLessEqual({"text", "reasoning", "tool_call", "tool_call_response", "server_tool_call",
                          "server_tool_call_response"}, types)

  def test_what_is_broken_is_found(self):
    judge = Schema("gen-ai-output-messages.json").judge
    good = [{"role": "assistant", "parts": [{"type": "text", "content": "a"}], "finish_reason": "stop"}]
    self.assertEqual(judge(good), [])
    self.assertEqual(judge([{**good[0], "parts": [{"type": "of_ours"}]}]), [])
    for broken in ({}, [1], [{**good[0], "role": 1}], [{"role": "assistant", "parts": []}], [{**good[0], "parts": {}}],
                   [{**good[0], "parts": [{"type": "text"}]}], [{**good[0], "parts": [{"content": "a"}]}],
                   [{**good[0], "parts": [{"type": "text", "content": 1}]}],
                   [{**good[0], "parts": [{"type": "tool_call", "id": "a"}]}]):
      self.assertNotEqual(judge(broken), [], broken)


if __name__ == "__main__":
  with generated() as FOLDER:
    unittest.main(argv=sys.argv[:1])
