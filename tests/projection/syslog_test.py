"""Every syslog message of real and of hostile records and exchanges is one of RFC 5424, by a reader of its grammar
(section 6) that is not ours, is as long as was asked at most, and ends in one JSON object. Lines of JSONL are as well.
"""

import json
import re
import sys
import unittest

from generated import generated

MOST = 8192
NAME = rb'[!#-<>-\\^-~]{1,32}'
MESSAGE = re.compile(
    rb"<(?P<pri>\d{1,3})>1 "
    rb"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)) "
    rb"(?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<proc>[!-~]{1,128}) (?P<id>[!-~]{1,32}) "
    rb"\[" + NAME + rb"(?P<params>( " + NAME + rb'="([^"\\\]]|\\["\\\]])*")*)\] (?P<text>.*)', re.DOTALL)
PARAM = re.compile(rb' (' + NAME + rb')="((?:[^"\\\]]|\\["\\\]])*)"')


def no_constant(name):
  raise ValueError(f"{name} is no JSON")


def messages():
  """Each behind its length, as RFC 6587 counts octets."""
  data = (FOLDER / "syslog.txt").read_bytes()
  while data:
    length, data = data.split(b" ", 1)
    yield data[:int(length)]
    data = data[int(length):]


class Syslog(unittest.TestCase):
  def test_every_message_is_one_of_rfc_5424(self):
    count = 0
    for message in messages():
      count += 1
      self.assertLessEqual(len(message), MOST)
      self.assertNotIn(b"\n", message)
      found = MESSAGE.fullmatch(message)
      self.assertTrue(found, message[:500])
      self.assertIn(int(found["pri"]), (108, 109, 110))
      params = dict(PARAM.findall(found["params"]))
      self.assertEqual(set(params), {b"host", b"writer", b"seq", b"session", b"exchange"})
      for value in params.values():
        self.assertNotRegex(value.decode(), "[\x00-\x1f\x7f]")
      self.assertIsInstance(json.loads(found["text"].decode(), parse_constant=no_constant), dict)
    self.assertGreater(count, 1000)

  def test_a_message_that_is_none_is_noticed(self):
    good = next(messages())
    self.assertTrue(MESSAGE.fullmatch(good))
    for old, new in ((b">1 ", b">2 "), (b"<1", b"1"), (b" veilwire ", b"  "), (b"@32473 ", b"@32473"), (b'"] ', b'" ')):
      self.assertFalse(MESSAGE.fullmatch(good.replace(old, new, 1)), old)

  def test_every_line_of_jsonl_is_an_object(self):
    for level in ("masked", "metadata", "findings"):
      lines = (FOLDER / f"{level}.jsonl").read_bytes().split(b"\n")
      self.assertEqual(lines.pop(), b"")
      self.assertGreater(len(lines), 200)
      for line in lines:
        self.assertIsInstance(json.loads(line.decode(), parse_constant=no_constant), dict)


if __name__ == "__main__":
  with generated() as FOLDER:
    unittest.main(argv=sys.argv[:1])
