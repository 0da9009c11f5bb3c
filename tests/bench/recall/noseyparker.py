"""The `examples` beside each rule of Nosey Parker, and of Kingfisher, which took over its form of rules."""

import re

import yaml

import patterns
from example import Example, by_group, found_alone


NAME = "noseyparker"


# What the title of a rule says: half of a pair, of which the other half is secret.
TITLE_OF_IDENTIFIERS = re.compile(r"(?i)\b(?:client|app|application|organization|product) id$|\buser ?name$|\baccount name$")


def kind_of(rule):
  categories = rule.get("categories") or []
  if "hashed" in categories:
    return "hash"
  if "identifier" in categories and "secret" not in categories or TITLE_OF_IDENTIFIERS.search(rule["name"]):
    return "identifier"
  return "secret"


def rules_of(files):
  for path in files:
    yield from yaml.load(path.read_text(), yaml.CSafeLoader)["rules"]


def files_of(checkout):
  return sorted((checkout / "crates/noseyparker/data/default/builtin/rules").glob("*.yml"))


def expressions(checkout):
  """(rule, expression) of every rule whose expression Python can compile."""
  for rule in rules_of(files_of(checkout)):
    pattern = patterns.compiled(rule["pattern"])
    if pattern is not None:
      yield rule["id"], pattern


def examples(source, files, unread):
  for rule in rules_of(files):
    pattern = patterns.compiled(rule["pattern"])
    if pattern is None:
      unread.append(f"{rule['id']}: its expression")
      continue
    for text in rule.get("examples") or []:
      secret = by_group(pattern, text)
      yield Example(source, rule["id"], text, secret, None, secret and found_alone(pattern, secret),
                    kind_of(rule))


def extract(checkout, unread):
  return examples(NAME, files_of(checkout), unread)


def extract_kingfisher(checkout, unread):
  return examples("kingfisher", sorted((checkout / "data/rules").glob("*.yml")), unread)
