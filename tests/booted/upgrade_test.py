"""The package is upgraded by the package manager while clients work, and taken back to the older version: every program is
started anew, no connection is refused, and what is under way comes to its end.

SKIPPED where no container can be booted, or Debian's packages cannot be had.
"""

import json
import re

import booted_case
from booted_case import PROGRAMS, SECRET
import packages

STREAMS = 20
LOAD = f"""
busy() {{  # busy LABEL COMMAND...: while the command runs, new connections come, and {STREAMS} answers wait in their secret
  label=$1; shift
  rm -f /run/over
  python3 -B /source/tests/support/load_client.py --streams {STREAMS} --mark $label --gate $label >/run/streams &
  streams=$!
  (while [ ! -e /run/over ]; do ask >>/run/answers.$label 2>&1; done) &
  asking=$!
  until [ -e /run/answers.$label ] && [ "$(wc -l </run/answers.$label)" -ge 3 ] &&
    [ "$(ip netns exec internet ss -Htn state established sport = :443 | wc -l)" -ge {STREAMS} ]; do sleep 0.1; done
  running $label-before
  # Answers go on only when the old proxy is on its way out; Claude Code comes between it and the next one.
  (until [ "$(systemctl show --value -p ActiveState veilwire-proxy)" = deactivating ]; do sleep 0.05; done
   claude >/run/claude.$label &
   sleep 1
   curl -sS https://api.anthropic.com:444/gate/$label >/dev/null
   wait) &
  opening=$!
  "$@" >/run/out.$label 2>&1 || {{ cat /run/out.$label; return 1; }}
  wait $opening
  done=$(wc -l </run/answers.$label)
  until [ "$(wc -l </run/answers.$label)" -ge $((done + 3)) ]; do sleep 0.1; done
  touch /run/over
  wait $asking
  wait $streams
  echo "$label streams: $(cat /run/streams)"
  echo "$label claude: $(cat /run/claude.$label)"
  sed "s/^/$label answer: /" /run/answers.$label
  running $label-after
  well
}}
"""


class UpgradeTest(booted_case.BootedCase):
  with_claude = True

  @classmethod
  def boot(cls, script, **options):
    return super().boot(LOAD + script, **options)

  def nobody_noticed(self, said, label):
    streams = json.loads(self.ended(said, f"{label} streams"))
    self.assertEqual((streams["complete"], streams["leaked"], streams["faults"]), (STREAMS, [], []), said)
    answers = re.findall(rf"(?m)^{label} answer: (.*)$", said)
    self.assertEqual([answer for answer in answers if "[MASKED:" not in answer], [])
    self.assertIn("[MASKED:", self.ended(said, f"{label} claude"))
    self.assertNotIn(SECRET, said)
    before, after = (self.invocations(said, f"{label}-{when}") for when in ("before", "after"))
    for program in PROGRAMS:
      self.assertNotEqual(before[program], after[program], program)

  def test_1_upgraded_and_taken_back_under_load_by_dpkg(self):
    said = self.boot("""
dpkg -i /present/veilwire_*.deb
upstream
set_up
well
busy up dpkg -i /following/veilwire_*.deb
echo "version: $(dpkg-query -W -f '${Version}' veilwire)"
busy back dpkg -i /present/veilwire_*.deb
echo "version then: $(dpkg-query -W -f '${Version}' veilwire)"
veilwire audit verify
dpkg -P veilwire
""", seconds=240)
    self.nobody_noticed(said, "up")
    self.assertEqual(self.ended(said, "version"), packages.FOLLOWING)
    self.nobody_noticed(said, "back")
    self.assertNotEqual(self.ended(said, "version then"), packages.FOLLOWING)


if __name__ == "__main__":
  booted_case.main()
