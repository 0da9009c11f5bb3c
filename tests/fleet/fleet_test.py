"""Fifty hosts deliver to one collector and one witness, over TLS with certificates on both sides, while these are killed,
slow and refuse, networks fail and hosts die: each record arrives, the store holds it once, an auditor is told which hosts
are silent, and no host notices any of it. Prints what it measured.
"""

import collections
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import agent  # noqa: E402
import sandbox  # noqa: E402
from clients import wait_until  # noqa: E402
from upstream import scenario  # noqa: E402
from fleet import CENTRE, COLLECTOR, OTLP_PORT, Fleet, Host, WholeHost  # noqa: E402

BUILD = pathlib.Path(os.environ["VEILWIRE_BINARY_DIR"])
QUESTIONS = agent.SOURCE / "packaging/collector/postgresql/questions.sql"
HOSTS, WHOLE = 50, 2  # of which so many have a proxy, kernel programs and clients
RATE = 1  # exchanges a second of each other host, of ten records each
UNPLUGGED, DEAD = 8, 2
SILENT_MINUTES = 0.25
SECRET = scenario.SECRETS["github"]
UID = re.compile(rb"log\.record\.uid\x12.\n(.)", re.DOTALL)  # KeyValue: a string, behind its length
TICKS = os.sysconf("SC_CLK_TCK")


def rows(ledger, text):
  with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=10)) as database:
    return database.execute(text).fetchall()


def at_once(work, things):
  """Starting programs is mostly waiting for them."""
  with concurrent.futures.ThreadPoolExecutor(8) as pool:
    return list(pool.map(work, things))


class Cost:
  """Of a program: memory in KiB, processor time in seconds."""

  def __init__(self, pid):
    rollup = dict(line.split(":") for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    kib = {key: int(value.split()[0]) for key, value in rollup.items()}
    self.resident = kib["Rss"]
    self.own = kib["Private_Clean"] + kib["Private_Dirty"]
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    self.seconds = (int(fields[11]) + int(fields[12])) / TICKS


class Users:
  """Somebody on each whole host who asks all the time, and never may notice anything."""

  def __init__(self, hosts):
    self.waits, self.faults = [], []
    self._end = threading.Event()
    self._threads = [threading.Thread(target=self._ask, args=(host,)) for host in hosts]
    for thread in self._threads:
      thread.start()

  def _ask(self, host):
    while not self._end.wait(0.3):
      begun = time.monotonic()
      run = host.clients.curl_message("[[demo secret cut=each]]")
      self.waits.append(time.monotonic() - begun)
      if run.returncode or SECRET.encode() in run.stdout or b"[MASKED:" not in run.stdout:
        self.faults.append((host.name, run))

  def take(self):
    waits, self.waits = self.waits, []
    return waits

  def end(self):
    self._end.set()
    for thread in self._threads:
      thread.join()


class Writers:
  """write_exchanges, which stands for the proxies of all other hosts."""

  def __init__(self, fleet, hosts):
    words = [word for host in hosts for word in (host.socket, host.machine_id)]
    proxy = agent.USERS["proxy"]
    self._process = fleet.spawn([*sandbox.become(proxy), BUILD / "tests/write_exchanges", RATE, *words],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)

  def phase(self):
    self._process.stdin.write(b"\n")
    self._process.stdin.flush()
    return json.loads(self._process.stdout.readline())

  def end(self):
    """How many records of each host are on disk."""
    self._process.stdin.close()
    return json.loads(self._process.stdout.readline())


class FleetTest(unittest.TestCase):
  @classmethod
  def setUpClass(cls):
    begun = time.monotonic()
    cls.fleet = cls.enterClassContext(Fleet(BUILD))
    cls.others = at_once(lambda number: Host(cls.fleet, number), range(HOSTS - WHOLE))
    cls.whole = []
    for number in range(HOSTS - WHOLE, HOSTS):
      cls.whole.append(WholeHost(cls.fleet, number, BUILD))
      cls.addClassCleanup(cls.whole[-1].stop)
    cls.hosts = [*cls.others, *cls.whole]
    at_once(lambda host: host.start(), cls.hosts)
    print(f"{HOSTS} hosts up after {time.monotonic() - begun:.0f} s")

  # --- what is seen from outside ---

  def left(self, host):
    """Records of a host that have yet to arrive, by sink."""
    last = rows(host.ledger, "SELECT max(id) FROM records")[0][0] or 0
    return {name: last + 1 - following for name, following in rows(host.ledger, "SELECT name, next FROM sinks")}

  def lag(self):
    """The most that any host has yet to deliver, by sink."""
    most = collections.Counter()
    for host in self.hosts:
      for sink, records in self.left(host).items():
        most[sink] = max(most[sink], records)
    return dict(most)

  def silent(self):
    return {row["host"] for row in self.fleet.postgres.ask(QUESTIONS, only=[2], minutes=SILENT_MINUTES)[2]}

  # --- phases ---

  def begin(self):
    self.writers.phase()
    self.users.take()

  def end(self, name, dead=()):
    """How hosts have fared while something went on at the other end."""
    told, waits, lag = self.writers.phase(), self.users.take(), self.lag()
    self.assertEqual(set(told["refused"]) - {host.machine_id for host in dead}, set(),
                     "a recorder has refused records")
    self.assertEqual(self.users.faults, [])
    self.assertGreater(told["on_disk"], 0)
    self.assertGreater(len(waits), 0)
    print(f"{name:20} {told['exchanges']:5} exchanges, on disk after {told['p50_ms']:.1f} ms, 99 % {told['p99_ms']:.0f} ms; "
          f"clients {1000 * statistics.median(waits):.0f} ms, most {1000 * max(waits):.0f} ms; "
          f"lag {lag.get('otlp', 0)} and {lag.get('witness', 0)} records")
    return told, waits

  def test_fifty_hosts_and_one_collector(self):
    self.writers = Writers(self.fleet, self.others)
    self.users = Users(self.whole)
    self.addCleanup(self.users.end)
    self.calm()
    self.the_collectors_are_killed()
    self.the_collectors_are_slow()
    self.networks_fail_and_hosts_die()
    self.users.end()
    self.assertEqual(self.users.faults, [])
    written = self.writers.end()
    self.all_arrives()
    self.costs()
    at_once(lambda host: host.stop() if isinstance(host, Host) else host.agent.stop(), self.hosts)
    self.nothing_is_lost(written)
    self.the_witness_has_each_once()

  def calm(self):
    wait_until(lambda: len(rows(self.others[0].ledger, "SELECT 1 FROM records")) > 20, what="records")
    self.begin()
    time.sleep(5)
    self.end("calm")
    wait_until(lambda: not self.silent(), 60, "every host's word")

  def the_collectors_are_killed(self):
    self.begin()
    self.fleet.kill_collector()
    self.fleet.kill_witness()
    time.sleep(4)
    self.end("collectors dead")
    self.fleet.postgres.kill()
    self.fleet.start_collector()
    self.fleet.start_witness()
    self.fleet.postgres.start()
    time.sleep(1)
    self.fleet.kill_collector()  # in the middle of what has piled up
    self.fleet.start_collector()

  def the_collectors_are_slow(self):
    self.fleet.answer("slow 1.5")
    self.begin()
    time.sleep(4)
    self.end("collector slow")
    # It has what it has not answered to yet.
    self.fleet.kill_collector()
    self.fleet.start_collector()
    self.fleet.answer("503")
    self.begin()
    time.sleep(2)
    self.end("collector refuses")
    self.fleet.answer("200")

  def networks_fail_and_hosts_die(self):
    unplugged = [*self.others[:UNPLUGGED - 1], self.whole[0]]
    dead = self.others[-DEAD:]
    self.begin()
    for host in unplugged:
      host.way.down()
    for host in dead:
      host.cut_power()
    wanted = {host.machine_id for host in [*unplugged, *dead]}
    wait_until(lambda: self.silent() == wanted, 60, "the answer which hosts are silent")
    self.end("ten hosts silent", dead)
    for host in unplugged:
      host.way.up()
    for host in dead:
      host.start()
    wait_until(lambda: not self.silent(), 60, "every host's word again")

  def all_arrives(self):
    """Everything that is in a ledger now; each host signs on meanwhile."""
    begun = time.monotonic()
    self.targets = {host.name: rows(host.ledger, "SELECT max(id) FROM records")[0][0] for host in self.hosts}
    behind = sum(max(self.left(host).values()) for host in self.hosts)

    def delivered():
      return all(set(sinks) == {"otlp", "witness"} and min(sinks.values()) > self.targets[host.name]
                 for host in self.hosts for sinks in [dict(rows(host.ledger, "SELECT name, next FROM sinks"))])

    wait_until(delivered, 90, "the last record")
    took = time.monotonic() - begun
    print(f"{behind} records behind at the end, there after {took:.1f} s: {behind / took:.0f} a second, beside what is new")

  def costs(self):
    records = sum(self.targets[host.name] for host in self.others)
    for program in ("recorder", "forwarder"):
      found = [Cost(host.services[program].process.pid) for host in self.others]
      print(f"{program} of a host: {statistics.median(c.resident for c in found) / 1024:.1f} MiB resident, "
            f"{statistics.median(c.own for c in found) / 1024:.1f} MiB its own (most "
            f"{max(c.own for c in found) / 1024:.1f}), {1e6 * sum(c.seconds for c in found) / records:.0f} us a record")

  # --- afterwards ---

  def recorded(self, host):
    """Keys by their place in the host's ledger; which writers are the recorder itself."""
    keys = {}
    for number, text, at in rows(host.ledger, "SELECT id, bytes, content_at FROM records"):
      record = json.loads(text)  # what is stored apart leaves an empty text
      self.assertEqual(record["host"], host.machine_id)
      keys[number] = f"{record['host']}-{record['writer']}-{record['seq']}"
    self.assertEqual(len(set(keys.values())), len(keys))
    return keys

  def arrived(self):
    """Keys that each host's certificate has brought, in the order of arrival."""
    out = collections.defaultdict(list)
    for file in sorted(self.fleet.collected.glob("*.pb")):
      request = file.read_bytes()
      out[file.name.split(".")[1]] += [request[found.end():found.end() + found[1][0]].decode()
                                       for found in UID.finditer(request)]
    return out

  def nothing_is_lost(self, written):
    arrived, total, again = self.arrived(), 0, 0
    self.assertEqual(set(arrived), {host.name for host in self.hosts})
    self.kept = {}
    for host in self.hosts:
      keys = self.recorded(host)
      self.kept[host.name] = keys
      must = {key for number, key in keys.items() if number <= self.targets[host.name]}
      self.assertEqual(must - set(arrived[host.name]), set(), f"{host.name}: lost")
      self.assertEqual(set(arrived[host.name]) - set(keys.values()), set(), f"{host.name}: a record that it does not have")
      total += len(must)
      again += len(arrived[host.name]) - len(set(arrived[host.name]))
      if isinstance(host, Host):
        own = rows(host.ledger, "SELECT count(*) FROM records JOIN writers ON writers.id = writer WHERE NOT own")[0][0]
        self.assertEqual(own, written[host.machine_id], "what a writer was told to be on disk")
    self.assertGreater(total, HOSTS * RATE * 10 * 20)
    self.assertGreater(again, 0, "nobody had to send anything again: its death came at no bad moment")
    print(f"{total} records of {HOSTS} hosts: 0 lost; {again} came again under the key that they had")

  def the_witness_has_each_once(self):
    answer = self.fleet.postgres.ask(QUESTIONS, only=[10])[10]
    self.assertEqual([row for row in answer if (row["missing"], row["doubled"]) != ("0", "0")], [])
    held = {row["host"]: 0 for row in answer}
    for row in answer:
      held[row["host"]] += int(row["records"])
    for host in self.hosts:
      self.assertGreaterEqual(held[host.machine_id], self.targets[host.name])
      self.assertLessEqual(held[host.machine_id], len(self.kept[host.name]))
    self.assertEqual(set(held), {host.machine_id for host in self.hosts})
    origins = [row[0] for row in self.fleet.postgres.sql("SELECT origin FROM veilwire.logs")]
    self.assertEqual(len(origins), HOSTS)
    reports = at_once(lambda origin: json.loads(self.fleet.witness("verify", origin, "--json")), origins)
    self.assertEqual([report for report in reports if not report["holds"]], [])
    print(f"the witness holds {sum(held.values())} records of {len(held)} hosts: 0 missing, 0 twice, each log verified")

  def test_who_shows_no_certificate_is_not_heard(self):
    words = "; ".join(["import socket, ssl", f"c = ssl.create_default_context(cafile='{self.fleet.authority}/ca.pem')",
                       f"s = c.wrap_socket(socket.create_connection(('{CENTRE}', {OTLP_PORT})), server_hostname='{COLLECTOR}')",
                       "s.sendall(b'POST /v1/logs HTTP/1.1\\r\\ncontent-length: 0\\r\\n\\r\\n')", "s.recv(1)"])
    process = self.fleet.centre.popen([sandbox.PYTHON, "-c", words], stderr=subprocess.PIPE)
    self.assertIn(b"ssl.", process.communicate(timeout=30)[1])


if __name__ == "__main__":
  if reason := sandbox.why_impossible():
    print(f"SKIPPED: {reason}")
    sys.exit(77)
  unittest.main(verbosity=2)
