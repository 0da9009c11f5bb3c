"""The inputs of TruffleHog's detector tests (pkg/detectors/**/*_test.go) with what each test wants to be found."""

import go_text
from example import Example

# Tests that ask the real service hold no credential.
WITH_SERVICE = "//go:build detectors"


def pairs(source, unread):
  """(input, wanted) of each case of a file's tables."""
  reader = go_text.Reader(source, {})
  tokens, given, place = reader.tokens, None, 0
  while place + 2 < len(tokens):
    (kind, name), mark = tokens[place], tokens[place + 1][1]
    place += 1
    if kind != "name":
      continue
    if mark == ":" and name in ("input", "want") or mark in (":=", "="):
      try:
        value, end = reader.value_at(place + 1)
      except go_text.Unreadable as e:
        if name == "input":
          unread.append(str(e))
          given = None
        continue
      place = end
      if mark != ":":
        reader.names[name] = value
      elif name == "input":
        given = value
      elif given is not None and isinstance(value, list):
        yield given, [one for one in value if isinstance(one, str)]


def parts_in(text, wanted):
  """Some detectors report an id and its secret as one text; the parts of it that stand in the input."""
  if wanted in text:
    return [wanted]
  for cut in range(len(wanted) - 6, 5, -1):
    left, right = wanted[:cut], wanted[cut:].lstrip(":;|")
    if left.rstrip(":;|") in text and right in text:
      return [right]
  return []


def extract(checkout, unread):
  detectors = checkout / "pkg/detectors"
  for path in sorted(detectors.rglob("*_test.go")):
    source = path.read_text()
    if WITH_SERVICE in source:
      continue
    rule = path.parent.relative_to(detectors).as_posix()
    missed = []
    for text, wanted in pairs(source, missed):
      for secret in {part for one in wanted for part in parts_in(text, one)}:
        yield Example("trufflehog", rule, text, secret)
    unread += [f"{rule}: {reason}" for reason in missed]
