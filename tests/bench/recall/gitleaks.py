"""The true positives of the rule generators of gitleaks and of Betterleaks, which took over its form
(cmd/generate/config/rules/*.go). Most are made by their helpers from an identifier and a random text that fits an
expression; the same is done here, with random texts that stay the same from run to run.
"""

import dataclasses
import tomllib

import go_text
import patterns
from example import Example, by_group, found_alone

NAME = "gitleaks"
UTILS = "utils."


@dataclasses.dataclass
class Assigned:
  """What gitleaks' GenerateSampleSecrets puts into its texts."""
  name: str
  secret: str


def helpers(seed):
  made = iter(range(1_000_000))

  def repeated(characters):
    return lambda size: f"[{characters}]{{{size}}}"
  return {
      "secrets.NewSecret": lambda expression: patterns.sample(expression, f"{seed} {next(made)}"),
      "secrets.NewSecretWithEntropy": lambda expression, _: patterns.sample(expression, f"{seed} {next(made)}"),
      UTILS + "GenerateSampleSecret": lambda name, secret: Assigned(name, secret),
      UTILS + "GenerateSampleSecrets": lambda name, secret: [Assigned(name, secret)],
      UTILS + "Numeric": repeated("0-9"),
      UTILS + "Hex": repeated("a-f0-9"),
      UTILS + "AlphaNumeric": repeated("a-z0-9"),
      UTILS + "AlphaNumericExtendedShort": repeated("a-z0-9_-"),
      UTILS + "AlphaNumericExtended": repeated(r"a-z0-9=_\-"),
      UTILS + "AlphaNumericExtendedLong": repeated(r"a-z0-9\/=_\+\-"),
      UTILS + "Hex8_4_4_4_12": lambda: "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
  }


def true_positives(source, seed, unread):
  """(rule, value) of each true positive of one file."""
  reader = go_text.Reader(source, helpers(seed))
  rule, tokens, found, place = None, reader.tokens, [], 0
  while place + 2 < len(tokens):
    name, mark = tokens[place][1], tokens[place + 1][1]
    place += 1
    if name == "func":
      rule = None
    elif name == "RuleID" and mark == ":" and rule is None:
      rule = go_text.unquoted(tokens[place + 1][1])
    elif tokens[place - 1][0] == "name" and mark in (":=", "="):
      try:
        value, place = reader.value_at(place + 1)
      except (go_text.Unreadable, ValueError, TypeError) as e:
        if name == "tps":
          unread.append(f"{rule}: {e}")
        continue
      if name == "tps":
        known = reader.names.get("tps", []) if mark == "=" else []
        found += [(rule, one) for one in value if one not in known]
      reader.names[name] = value
  return found


def expressions(checkout, name=NAME):
  """(rule, expression) of every rule that has one; rules about names of files have none."""
  with open(checkout / f"config/{name}.toml", "rb") as f:
    for rule in tomllib.load(f)["rules"]:
      if "regex" in rule:
        yield rule["id"], patterns.compiled(rule["regex"])


def extract(checkout, unread, name=NAME):
  rules = dict(expressions(checkout, name))
  for path in sorted((checkout / "cmd/generate/config/rules").glob("*.go")):
    for rule, value in true_positives(path.read_text(), path.stem, unread):
      pattern = rules.get(rule)
      if pattern is None:
        if rule in rules:
          unread.append(f"{rule}: its expression")
        continue
      if isinstance(value, Assigned):
        assigned = value.name + "_api_token"
        # Made from an expression that takes the quote behind it along.
        secret = value.secret.rstrip("'\"`")
        yield Example(name, rule, f'{assigned} = "{secret}"', secret, assigned, found_alone(pattern, secret))
      else:
        secret = by_group(pattern, value)
        yield Example(name, rule, value, secret, None, secret and found_alone(pattern, secret))


def extract_betterleaks(checkout, unread):
  return extract(checkout, unread, "betterleaks")
