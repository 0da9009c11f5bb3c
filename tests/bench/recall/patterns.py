"""Other scanners' expressions in Python's terms, and random texts that fit one."""

import random
import re
import warnings
from re import _constants as op
from re import _parser as parser

# RE2 and Rust have them, Python has not.
CLASSES = {"alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "digit": "0-9", "lower": "a-z", "upper": "A-Z", "word": r"\w",
           "xdigit": "0-9a-fA-F", "space": r"\s", "punct": r"!-/:-@\[-`{-~"}
# A repetition without a bound is this much longer than its least.
LONGER = 8


def compiled(expression):
  """The expression for Python's re, or None when it says something that Python cannot."""
  text = expression.replace(r"\z", r"\Z").replace(r"\h", r"[0-9a-fA-F]").replace("(?<", "(?P<")
  text = text.replace("(?P<=", "(?<=").replace("(?P<!", "(?<!").replace("(?PP<", "(?P<")
  text = re.sub(r"\[:(\w+):\]", lambda found: CLASSES.get(found[1], found[0]), text)
  text = re.sub(r"\\x\{([0-9a-fA-F]{1,2})\}", lambda found: f"\\x{int(found[1], 16):02x}", text)
  flags = 0
  # Flags for the whole expression stand first in Python, whatever white space is before them.
  while found := re.match(r"\s*\(\?([imsxU]+)\)", text):
    for letter in found[1]:
      flags |= {"i": re.I, "m": re.M, "s": re.S, "x": re.X, "U": 0}[letter]
    text = text[found.end():]
  # Flags in the middle hold to the end of their group.
  while found := re.search(r"(?<!\\)\(\?([imsx]+)\)", text):
    end = end_of_group(text, found.end())
    text = f"{text[:found.start()]}(?{found[1]}:{text[found.end():end]}){text[end:]}"
  try:
    with warnings.catch_warnings():
      warnings.simplefilter("ignore")
      return re.compile(text, flags)
  except (re.error, OverflowError):
    return None


def end_of_group(text, place):
  depth, in_class, at = 0, False, place
  while at < len(text):
    c = text[at]
    if c == "\\":
      at += 1
    elif in_class:
      in_class = c != "]"
    elif c == "[":
      in_class = True
    elif c == "(":
      depth += 1
    elif c == ")":
      if depth == 0:
        return at
      depth -= 1
    at += 1
  return at


def sample(expression, seed):
  """A text that the expression matches, the same for the same seed."""
  with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    tree = parser.parse(expression)
  return "".join(text_of(tree, random.Random(seed)))


def text_of(tree, dice):
  for kind, value in tree:
    if kind is op.LITERAL:
      yield chr(value)
    elif kind is op.IN:
      yield dice.choice(characters(value))
    elif kind is op.ANY:
      yield chr(dice.randint(0x21, 0x7e))
    elif kind in (op.MAX_REPEAT, op.MIN_REPEAT):
      least, most, inner = value
      for _ in range(dice.randint(least, min(most, least + LONGER))):
        yield from text_of(inner, dice)
    elif kind is op.SUBPATTERN:
      yield from text_of(value[3], dice)
    elif kind is op.BRANCH:
      yield from text_of(dice.choice(value[1]), dice)
    elif kind is not op.AT:
      raise ValueError(f"no text for {kind}")


def characters(members):
  """The visible ASCII characters that a class stands for."""
  chosen = set()
  for kind, value in members:
    if kind is op.LITERAL:
      chosen.add(chr(value))
    elif kind is op.RANGE:
      chosen.update(map(chr, range(value[0], value[1] + 1)))
    elif kind is op.CATEGORY:
      word = {op.CATEGORY_WORD: r"\w", op.CATEGORY_DIGIT: r"\d", op.CATEGORY_SPACE: r"\s"}[value]
      chosen.update(c for c in map(chr, range(0x20, 0x7f)) if re.match(word, c))
    else:
      raise ValueError(f"no characters for {kind}")
  return sorted(chosen)
