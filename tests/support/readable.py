"""What a person reads in the bytes of an answer: the text of its deltas, blocks, tool inputs and results, in order.
Deltas are put together; several texts of one document stand apart."""

import json

WORDS = ("text", "thinking", "partial_json", "command", "token")


def _words(value, found):
  if isinstance(value, dict):
    for key, member in value.items():
      if key in WORDS and isinstance(member, str):
        found.append(member)
      else:
        _words(member, found)
  elif isinstance(value, list):
    for member in value:
      _words(member, found)


def readable(answer):
  """answer: the text of an SSE body, of JSON, or of lines of JSON."""
  found = []
  lines = [line[5:] if line.startswith("data:") else line for line in answer.splitlines()]
  for part in [answer] if _parses(answer) else lines:
    if _parses(part):
      words = []
      _words(json.loads(part), words)
      found.append("  ".join(words))
  return "".join(found)


def readable_of_log(entries):
  """The same of an upstream's log, connection by connection."""
  of = {}
  for entry in entries:
    text = entry["text"]
    if _parses(text):  # a whole document beside streams
      text = "\n" + json.dumps(json.loads(text)) + "\n"
    of[entry["connection"]] = of.get(entry["connection"], "") + text
  return [text for text in map(readable, of.values()) if text]


def _parses(text):
  try:
    return isinstance(json.loads(text), (dict, list))
  except ValueError:
    return False
