"""Every HAR document of real and of hostile exchanges has what the specification of HAR 1.2 requires, of the right type,
and nothing that it does not know but members that begin with an underscore.
"""

import copy
import json
import re
import sys
import unittest
import urllib.parse

from generated import generated

DATE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$")
PAIR = {"name": str, "value": str}


def date(value):
  return isinstance(value, str) and DATE.match(value)


def number(value):
  return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


def integer(value):
  return type(value) is int


def size(value):
  return type(value) is int and value >= -1


def base64(value):
  return value == "base64"


def url(value):
  if not isinstance(value, str) or not re.fullmatch(r"[!-~]+", value):
    return False
  parts = urllib.parse.urlsplit(value)
  return parts.scheme in ("http", "https") and bool(parts.netloc)


# A type, a function, [of each element], {member: ...}; a member that ends in "?" is optional.
HAR = {"log": {
  "version": lambda v: v == "1.2",
  "creator": {"name": str, "version": str},
  "entries": [{
    "startedDateTime": date,
    "time": number,
    "request": {
      "method": str, "url": url, "httpVersion": str, "cookies": [PAIR], "headers": [PAIR], "queryString": [PAIR],
      "postData?": {"mimeType": str, "text": str}, "headersSize": size, "bodySize": size,
    },
    "response": {
      "status": integer, "statusText": str, "httpVersion": str, "cookies": [PAIR], "headers": [PAIR],
      "content": {"size": integer, "mimeType": str, "text?": str, "encoding?": base64},
      "redirectURL": str, "headersSize": size, "bodySize": size,
    },
    "cache": {},
    "timings": {"send": number, "wait": number, "receive": number},
  }],
}}


def judge(value, want, where=""):
  if isinstance(want, dict):
    if not isinstance(value, dict):
      return [f"{where}: is no object"]
    wrong = []
    known = {name.rstrip("?"): (rule, name.endswith("?")) for name, rule in want.items()}
    for name, (rule, optional) in known.items():
      if name in value:
        wrong += judge(value[name], rule, f"{where}.{name}")
      elif not optional:
        wrong.append(f"{where}.{name}: is required")
    return wrong + [f"{where}.{name}: is not known" for name in value
                    if name not in known and not name.startswith("_")]
  if isinstance(want, list):
    if not isinstance(value, list):
      return [f"{where}: is no array"]
    return [line for i, one in enumerate(value) for line in judge(one, want[0], f"{where}[{i}]")]
  good = isinstance(value, want) if isinstance(want, type) else want(value)
  return [] if good else [f"{where}: {str(value)[:200]!r}"]


def no_constant(name):
  raise ValueError(f"{name} is no JSON")


def document(level):
  return json.loads((FOLDER / f"{level}.har").read_bytes().decode(), parse_constant=no_constant)


class Har(unittest.TestCase):
  def test_every_document_is_valid(self):
    for level in ("masked", "metadata"):
      har = document(level)
      self.assertGreater(len(har["log"]["entries"]), 200)
      self.assertEqual(judge(har, HAR), [])

  def test_times_are_the_sums_of_their_parts(self):
    for entry in document("masked")["log"]["entries"]:
      self.assertAlmostEqual(entry["time"], sum(entry["timings"].values()))

  def test_a_broken_document_is_found(self):
    whole = document("masked")
    whole["log"]["entries"] = whole["log"]["entries"][:1]
    self.assertIn("postData", whole["log"]["entries"][0]["request"])

    def broken(edit):
      other = copy.deepcopy(whole)
      edit(other["log"], other["log"]["entries"][0])
      self.assertNotEqual(judge(other, HAR), [])

    broken(lambda log, entry: log.pop("creator"))
    broken(lambda log, entry: log.update(version="1.1"))
    broken(lambda log, entry: log.update(veilwire={}))
    for name in ("startedDateTime", "time", "request", "response", "cache", "timings"):
      broken(lambda log, entry, name=name: entry.pop(name))
    broken(lambda log, entry: entry.update(startedDateTime="yesterday"))
    broken(lambda log, entry: entry["request"].update(url="/v1/messages"))
    broken(lambda log, entry: entry["request"].update(headers=[{"name": "a"}]))
    broken(lambda log, entry: entry["request"]["postData"].pop("mimeType"))
    broken(lambda log, entry: entry["response"]["content"].update(encoding="gzip"))
    broken(lambda log, entry: entry["response"].update(status="200"))
    broken(lambda log, entry: entry["timings"].update(wait=-5))


if __name__ == "__main__":
  with generated() as FOLDER:
    unittest.main(argv=sys.argv[:1])
