"""One published example of a credential."""

import dataclasses
import hashlib
import json
import re

# What some test tables call a secret and is none.
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+|(https?://)?[a-z0-9-]+(\.[a-z0-9-]+)*\.(com|net|org|io|dev|app|co|ai)/?"
                     r"|https?://[\w.-]+(:\d+)?/?|jdbc:(?!.*(?i:password|pwd)=)(?!.*[:/][^@/:]+@)\S*"
                     r"|(https://)?([\w-]+\.)+(windows|azure|azurewebsites)\.net(/.*)?|[/¥]Users[/¥]\w+"
                     r"|(age1|phc_|(pub|sub)-c-)[\w-]+"
                     # The number of an account and the client id of an application of Google.
                     r"|\"?AWS_ACCOUNT_ID\"?\s*=>?\s*[\d-]+|\d{10,}-[a-z0-9]{32}(\.apps.*)?", re.I)
# What is told to be the name of an account or an application: it is public, or half of a pair of which the
# other half is secret. A secret_id and a key_id stay what their publisher says.
NAMES_IDENTIFIER = re.compile(r"(?i)(?:^|[_.-]|client|app|account|access|user|org|(?-i:(?<=[a-z])(?=[A-Z])))"
                              r"(?<!secret[_.-])(?<!key[_.-])(?:id|account_?sid|user|user_?name|service|e?mail|org|(?:sub)?domain|account"
                              r"|(?:token|pat|cloud|storage)_?name|type|homedir)\d?$")
RULE_OF_IDENTIFIERS = re.compile(r"(?:-(?:client|access|app|account)-id|-(?:pub|public|publishable)-(?:api-)?key"
                                 r"|-name(?:\.\d)?|no-homedir|azure\.devops\.2|azurestorage\.name\.\d)$")
# Documentation writes one character over and over, or one of these words, for what is to be filled in.
PLACEHOLDER = re.compile(r"(.)\1{15,}|(?i:x{8,}|^(?!.*://).*example|^your|placeholder|://[^:/]*:pass(?:word)?@)|"
                         r"(?i:fake|deadbeef|cafebabe|open.?sesame|my.?password)|"
                         # What calls itself a password.
                         r"^(?i:(?!.*[=:/]).*passw(?:or)?d)|"
                         r"^(?i:password|my-password|secret (?:content|[A-Z0-9])|aws_(?:access|secret)\w+|AQAAABAAA)$"
                         # The tokens of the RFCs of OAuth.
                         r"|^(?:mF_9\.B5f-4\.1JqM|2YotnFZFEjr1zCsicMWpAA|tGzv3JOkF0XG5Qx2TlKWIA)$"
                         # Words that stand for a password, names of keys, a phrase of code.
                         r"|^(?:smtp_password|foo-bar-baz|truffletest|application:|azureKey)$"
                         # The examples of Wikipedia's article on UUIDs and of jwt.io.
                         r"|^123e4567-?e89b-?12d3-?a456-?426614174|\.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9l")
# Whether something shorter is masked for its own sake cannot be told from chance.
SHORTEST = 8
# The name to which a value is assigned or compared, right before it; in a sentence only what is a password; of a setting
# in XML its key.
ASSIGNED = re.compile(r"""(?<![/\w])(\w[\w.-]{1,60})["'`]?\s{0,12}(?:=>|[!=]==?|[:?]{0,3}=|:|>)\s{0,12}(?:["'`]|\{(?:\w+\s){0,2})?$"""
                      r"""|(?i:\b(password|passphrase) is ["'`]$)|\b(?:key|name)=["']([\w.-]{1,60})["']\s+value=["']$""")
# By themselves these can be the digest, number or name of anything.
COMMON = re.compile(r"(?i)[0-9a-f-]{16,}|[a-z@]{3,8}0?[a-z]{0,4}[0-9]{1,4}")


@dataclasses.dataclass
class Example:
  source: str         # the project that publishes it
  rule: str           # its rule there
  text: str           # the whole example
  secret: str = None  # the part of it that is the secret, where that is known
  name: str = None    # the name to which it is assigned
  alone: bool = None  # whether the publisher's own rule finds the secret without anything around it
  kind: str = "secret"  # or "identifier", "hash": what the publisher says it is, or its name; "placeholder"

  def __post_init__(self):
    if self.secret is not None:
      self.secret = re.sub(r"^(?:\\[rn])+", "", self.secret.strip()).rstrip('"')
    if self.secret is not None and len(self.secret) < SHORTEST:
      self.secret = self.name = self.alone = None
    if self.secret is not None and self.name is None:
      before = self.text.partition(self.secret)[0][-80:]
      found = ASSIGNED.search(before)
      self.name = found[found.lastindex] if found else None
    if self.secret is not None and self.kind == "secret":
      self.kind = self.judged()

  def judged(self):
    if ADDRESS.fullmatch(self.secret) or NAMES_IDENTIFIER.search(self.name or ""):
      return "identifier"
    if RULE_OF_IDENTIFIERS.search(self.rule):
      return "identifier"
    return "placeholder" if PLACEHOLDER.search(self.secret) or counts(self.secret) else "secret"

  def id(self):
    of = "\0".join((self.rule, self.text, self.secret or ""))
    return f"{self.source}/{self.rule}/{hashlib.sha256(of.encode()).hexdigest()[:10]}"

  def line(self):
    return json.dumps({"id": self.id()} | {k: v for k, v in dataclasses.asdict(self).items() if v is not None},
                      ensure_ascii=False)


def counts(text):
  """Whether it is the same few characters again and again, or more than half of its letters and digits stand in runs of
  three or more: abc, 321, 000."""
  plain = re.sub("[^a-z0-9]", "", text.lower())
  if re.fullmatch(r"(.{1,8}?)\1{2,}.{0,7}", plain) or any(plain.count(c) > 0.7 * len(plain) for c in set(plain)):
    return True
  steps = [ord(after) - ord(before) for before, after in zip(plain, plain[1:])]
  in_runs = set()
  for on in ((0,), (1, -9, -25), (-1, 9, 25)):
    for place, pair in enumerate(zip(steps, steps[1:])):
      if pair[0] in on and pair[1] in on:
        in_runs.update(range(place, place + 3))
  return len(in_runs) > 0.5 * len(plain)


def by_group(pattern, text):
  """What an expression calls the secret in a text: the group that is named so, else its only group, else all that it
  matches. None when it matches nothing, or has groups of which none says that it is the secret."""
  secret = group_of(pattern.search(text))
  # Loose expressions take the mark of the assignment, a quote, or the word that says what it is, along.
  secret = secret and re.sub(r"""^[=:'"`\s]+|['"`\s]+$""", "", secret)
  return secret and value_of(re.sub(r"^[-.](?:(?i:secret|access|private|key|token)[-_.])*", "", secret))


def value_of(text):
  """Of a whole assignment, or a whole document of Google's, as a rule without groups reports it, the value."""
  if text.startswith("{"):
    found = re.search(r'"(?:private_key|refresh_token)":\s?"([^"]+)"', text)
    return found and found[1]
  found = re.fullmatch(r"""[\w.-]{1,60}\s{0,3}(?:=\s|:\s|=>)[\s|>'"]{0,12}([^\s'"]+)""", text)
  return found[1] if found else text


def group_of(found):
  if not found:
    return None
  named = {name.lower(): value for name, value in found.groupdict().items() if value}
  for name in ("token", "secret", "password", "key"):
    if name in named:
      return named[name]
  groups = [group for group in found.groups() if group]
  if len(groups) > 1:
    return None
  return groups[0] if groups else found[0]


def found_alone(pattern, secret):
  """Whether the expression finds the secret when it stands on a line of its own."""
  found = pattern.search(secret)
  return bool(found) and len(found[0]) >= 0.9 * len(secret)
