"""What a person reads in the bytes of an answer: the text of its deltas, blocks, tool inputs and results, in order."""

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
      _words(json.loads(part), found)
  return "".join(found)


def _parses(text):
  try:
    return isinstance(json.loads(text), (dict, list))
  except ValueError:
    return False
