"""An auditor's ten questions to whatever store: each answer is compared with what the ledger itself says.

A test of stores has: folder; audit(*arguments), which runs veilwire audit; ask(store, **variables), the rows of each
question by its number; answers, what ask() gave of each store for Ada Lovelace; cosigned, under how many records each has
a witness's signature; and with_findings_in_requests(), which names a store whose masks of answers stand in requests.
"""

import collections
import datetime
import json


def when(record):
  return datetime.datetime.fromtimestamp(int(record["t_wall_ns"]) // 10**9, datetime.timezone.utc)


COLUMNS = {
    1: "person issuer subject category rule action findings exchanges first last",
    2: "host last_checkpoint last_record last_received",
    3: "at host person server reason detail action would bytes",
    4: "at host person server model tool direction category rule answer",
    5: "at host session exchange server method path model mcp_method tool findings gaps",
    6: "team server mcp_method tool exchanges people last",
    7: "server model category rule action findings people",
    8: "at host person issuer subject what reason answer standing age_ms",
    9: "at host what file digest outcome mode",
    10: "host writer records last_number missing doubled signed_records cosigned_records"}


class Ledger:
  """What it says: needs folder, and audit()."""

  @classmethod
  def read_ledger(cls):
    """Records by their keys. What came after the last checkpoint is not among them."""
    bundle = cls.folder / "all.jsonl"
    cls.audit("export", "--all", "--out", str(bundle))
    cls.records, cls.unreadable = {}, 0
    for line in bundle.read_text().splitlines()[1:]:
      record = json.loads(line).get("record")
      if record is None:
        cls.unreadable += 1
        continue
      cls.records[f"{record['host']}-{record['writer']}-{record['seq']}"] = record

  def of(self, *kinds):
    return [record for record in self.records.values() if record["kind"] in kinds]

  def person_of(self, record):
    heads = [head for head in self.of("request.head")
             if (head["session"], head["exchange"]) == (record["session"], record["exchange"])]
    return heads[0]["person"]["name"] if heads else ""


class AuditorsQuestions(Ledger):
  def each(self, number):
    return [answers[number] for answers in self.answers.values()]

  @classmethod
  def of_requests(cls):
    if not hasattr(cls, "answers_of_requests"):
      cls.answers_of_requests = cls.ask(cls.with_findings_in_requests())
    return cls.answers_of_requests

  def test_answers_have_the_same_columns_in_every_store(self):
    for answers in [*self.answers.values(), self.of_requests()]:
      self.assertEqual(set(answers), set(COLUMNS))
      for number, rows in answers.items():
        for row in rows:
          self.assertEqual(" ".join(row), COLUMNS[number])

  def test_who_was_sent_what_kind_of_secret(self):
    wanted = collections.Counter()
    for record in self.of("response.fragment"):
      for mask in record["masks"]:
        wanted[self.person_of(record), mask["category"], mask["rule"], mask["action"]] += 1
    for record in self.of("block"):
      wanted[self.person_of(record), record["category"], record["rule"], "block"] += 1
    self.assertGreaterEqual(len(wanted), 2)
    for rows in self.each(1):
      self.assertEqual({(row["person"], row["category"], row["rule"], row["action"]): int(row["findings"])
                        for row in rows}, dict(wanted))
    by = json.loads(self.audit("stats", "--json"))["by"]["rule"]
    of_rule = collections.Counter()
    for (_, _, rule, _), count in wanted.items():
      of_rule[rule] += count
    self.assertEqual({rule["value"]: rule["findings"] for rule in by}, dict(of_rule))

  def test_which_hosts_are_silent(self):
    last = {}
    for record in self.of("checkpoint"):
      last[record["host"]] = max(when(record), last.get(record["host"], when(record)))
    for store, answers in self.answers.items():
      rows = {row["host"]: row for row in answers[2]}
      self.assertLessEqual(set(last), set(rows))
      for host, at in last.items():
        self.assertGreaterEqual(rows[host]["last_checkpoint"][:19], at.strftime("%Y-%m-%d %H:%M:%S"))
      self.assertEqual(self.ask(store, minutes="1000000000")[2], [])

  def test_what_was_not_inspected(self):
    wanted = collections.Counter((gap["reason"], gap["detail"], gap["action"], gap.get("would", ""), str(gap["bytes"]),
                                  self.person_of(gap)) for gap in self.of("gap"))
    self.assertGreater(len(wanted), 1)
    for rows in self.each(3):
      self.assertEqual(collections.Counter((row["reason"], row["detail"], row["action"], row["would"], row["bytes"],
                                            row["person"]) for row in rows), wanted)

  def test_what_was_blocked(self):
    wanted = collections.Counter((b["direction"], b["category"], b["rule"], b["answer"], self.person_of(b))
                                 for b in self.of("block"))
    for rows in self.each(4):
      self.assertEqual(collections.Counter((row["direction"], row["category"], row["rule"], row["answer"],
                                            row["person"]) for row in rows), wanted)
      self.assertEqual({row["server"] for row in rows}, {"api.anthropic.com"})

  def test_everything_of_one_person(self):
    listed = json.loads(self.audit("list", "--json"))
    wanted = {(row["session"], str(row["exchange"]), row["model"], row["tool"], str(sum(row["findings"].values())))
              for row in listed if row["person"]["name"] == "Ada Lovelace"}
    self.assertEqual(len(wanted), 1)
    for rows in self.each(5):
      self.assertEqual({(row["session"], row["exchange"], row["model"], row["tool"], row["findings"]) for row in rows},
                       wanted)
    for store in self.answers:
      for variables in ({"person": "nobody"}, {"person": "1000", "until": "2001-01-01"}):
        self.assertEqual(self.ask(store, **variables)[5], [])
      self.assertEqual(len(self.ask(store, person="1000", **{"from": "2001-01-01"})[5]), 1)

  def test_which_team_uses_what(self):
    for rows in self.each(6):
      self.assertEqual({(row["team"], row["server"], row["mcp_method"], row["tool"], row["people"]) for row in rows},
                       {(team, "api.anthropic.com", "tools/call", "search", "1")
                        for team in ("engineering", "on call")})

  def test_what_left_for_models(self):
    # No request of this ledger has a finding: those of answers are put into requests of a copy.
    self.assertFalse(any(record["masks"] for record in self.of("request.body")))
    for rows in self.each(7):
      self.assertEqual(rows, [])
    rows = self.of_requests()[7]
    self.assertEqual([(row["server"], row["model"], row["rule"], row["action"], row["people"]) for row in rows],
                     [("api.anthropic.com", "claude-x", "aws-access-key-id", action, "1")
                      for action in ("mask", "observed")])
    self.assertEqual(sum(int(row["findings"]) for row in rows), len(self.of("response.fragment")))

  def test_whose_identity_was_lost(self):
    wanted = collections.Counter((c["person"]["name"], c["person"]["issuer"], c["what"], c["reason"], c["answer"],
                                  c["person"]["standing"]) for c in self.of("identity.change"))
    self.assertIn("lost", {what for _, _, what, _, _, _ in wanted})
    for rows in self.each(8):
      self.assertEqual(collections.Counter((row["person"], row["issuer"], row["what"], row["reason"], row["answer"],
                                            row["standing"]) for row in rows), wanted)

  def test_what_was_configured_where(self):
    wanted = collections.Counter((c["host"], c["what"], c["file"], c["digest"], c["outcome"], c.get("mode", ""))
                                 for c in self.of("config.change"))
    for rows in self.each(9):
      self.assertEqual(collections.Counter((row["host"], row["what"], row["file"], row["digest"], row["outcome"],
                                            row["mode"]) for row in rows), wanted)

  def test_is_every_log_complete(self):
    size = json.loads(self.audit("verify", "--json"))["signed_records"]
    numbers = collections.defaultdict(set)
    for record in self.records.values():
      numbers[record["host"], record["writer"]].add(record["seq"])
    holes = {writer: max(seqs) - len(seqs) for writer, seqs in numbers.items()}
    self.assertGreater(sum(holes.values()), 0)
    for rows in self.each(10):
      found = {(row["host"], row["writer"]): row for row in rows}
      self.assertEqual({writer: int(row["missing"]) for writer, row in found.items()}, holes)
      self.assertEqual({row["doubled"] for row in rows}, {"0"})
      self.assertLessEqual(max(int(row["signed_records"] or 0) for row in rows), size)
    cosigned = {store: {row["cosigned_records"] for row in answers[10]} - {""} for store, answers in self.answers.items()}
    self.assertEqual(cosigned, self.cosigned)
