"""Reads the strings of Go source: literals, their sums, lists of them, and calls of functions that the caller explains.
It knows as much of the language as the test tables of secret scanners use, and says about the rest that it could not
be read. What a name stands for is taken in the order of the file.
"""

import re

TOKEN = re.compile(r"""
    (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<raw>`[^`]*`)
  | (?P<text>"(?:[^"\\\n]|\\.)*")
  | (?P<rune>'(?:[^'\\\n]|\\.)+')
  | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
  | (?P<number>\d[\w.]*)
  | (?P<mark>:=|\.\.\.|[^\s\w])
""", re.VERBOSE | re.DOTALL)

ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)")
SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class Unreadable(Exception):
  """An expression that this reader does not understand."""


def tokens(source):
  """(kind, text) of each token, comments left out."""
  return [(found.lastgroup, found.group()) for found in TOKEN.finditer(source) if found.lastgroup != "comment"]


def unquoted(literal):
  def character(found):
    code = found[1]
    if code[0] in "xuU" and len(code) > 1:
      return chr(int(code[1:], 16))
    if len(code) == 3:
      return chr(int(code, 8))
    return SIMPLE.get(code, code)
  return ESCAPE.sub(character, literal[1:-1])


def formatted(form, *values):
  """fmt.Sprintf, as far as strings and plain numbers need it."""
  rest = iter(values)

  def value(found):
    if found[1] == "%":
      return "%"
    given = next(rest, None)
    if not isinstance(given, str):
      raise Unreadable("a format with other values than strings")
    return '"' + given.replace("\\", "\\\\").replace('"', '\\"') + '"' if found[1] == "q" else given
  return re.sub(r"%(.)", value, form)


class Reader:
  """Expressions over the tokens of one file. `functions` gives a Python function for each Go function's full name."""

  def __init__(self, source, functions):
    self.tokens = tokens(source)
    self.functions = {"fmt.Sprintf": formatted, "append": appended, "string": lambda text: text, **functions}
    self.names = {}  # what is known so far
    self.at = 0

  def peek(self, ahead=0):
    place = self.at + ahead
    return self.tokens[place] if place < len(self.tokens) else ("end", "")

  def take(self, *marks):
    """Steps over the token when it is one of these."""
    if self.peek()[0] != "text" and self.peek()[1] in marks:
      self.at += 1
      return True
    return False

  def value_at(self, place):
    """The value of the expression that begins at `place`, and where it ends."""
    self.at = place
    return self.sum(), self.at

  def sum(self):
    value = self.operand()
    while self.take("+"):
      other = self.operand()
      if not isinstance(value, str) or not isinstance(other, str):
        raise Unreadable("a sum of other things than strings")
      value += other
    return value

  def operand(self):
    kind, text = self.peek()
    self.at += 1
    if kind == "raw":
      return text[1:-1].replace("\r", "")
    if kind == "text":
      return unquoted(text)
    if kind == "number":
      return text
    if kind == "mark" and text == "[":
      return self.list_of()
    if kind != "name":
      raise Unreadable(f"an expression that begins with {text!r}")
    if text == "map":
      return self.map_of()
    if text == "nil":
      return []
    if self.take("("):
      return self.call(text)
    if text in self.names:
      return self.names[text]
    raise Unreadable(f"the name {text}")

  def call(self, name):
    arguments = []
    while not self.take(")"):
      arguments.append(self.sum())
      if self.take("..."):
        arguments[-1] = Spread(arguments[-1])
      if not self.take(",") and self.peek()[1] != ")":
        raise Unreadable(f"an argument of {name}")
    if name not in self.functions:
      raise Unreadable(f"the function {name}")
    return self.functions[name](*arguments)

  def list_of(self):
    """[]string{...}; "[" has been read. []byte("...") is its text."""
    if not self.take("]"):
      raise Unreadable("an index or an array")
    kind, element = self.peek()
    if kind != "name" or element not in ("string", "byte"):
      raise Unreadable(f"a list of {element}")
    self.at += 1
    if element == "byte":
      if not self.take("("):
        raise Unreadable("a list of bytes")
      return self.call("string")
    if not self.take("{"):
      raise Unreadable("a type where a value should stand")
    return [value for _, value in self.entries()]

  def map_of(self):
    """map[string]string{...}; "map" has been read. A map is the list of its values here."""
    if [self.peek(i)[1] for i in range(5)] != ["[", "string", "]", "string", "{"]:
      raise Unreadable("a map of other things than strings")
    self.at += 5
    return [value for _, value in self.entries()]

  def entries(self):
    found = []
    while not self.take("}"):
      key, value = None, self.sum()
      if self.take(":"):
        key, value = value, self.sum()
      found.append((key, value))
      if not self.take(",") and self.peek()[1] != "}":
        raise Unreadable("an entry of a list")
    return found


class Spread(list):
  """The values of "list..."."""


def appended(values, *more):
  result = list(values)
  for value in more:
    if isinstance(value, Spread):
      result.extend(value)
    else:
      result.append(value)
  return result
