"""A provider that signs its thinking and binds it to all that was sent before, as current models do: [[demo signed
turns=N]]. Every turn that comes back is checked: thinking, texts and tool inputs of the answers, system, tools and the
messages between them must be what was sent then.

Nothing is kept between requests: a signature covers what it was made for.
"""

import base64
import hashlib
import hmac
import json
import string

from . import scenario as scenarios

KEY = b"the provider's own"
BILLING = "x-anthropic-billing-header"  # Claude Code's: it changes with every request


def token(turn):
  """A made-up credential, another one each turn."""
  digest = hashlib.sha256(b"turn %d" % turn).digest() + hashlib.sha256(b"more %d" % turn).digest()
  letters = string.ascii_letters + string.digits
  return "ghp_" + "".join(letters[byte % len(letters)] for byte in digest[:36])


def without_cache_marks(value):
  """Where the cache may cut is not part of what was said, nor whether a text stands in a block."""
  if isinstance(value, dict):
    value = {key: without_cache_marks(inner) for key, inner in value.items() if key != "cache_control"}
    if isinstance(value.get("content"), str):
      value["content"] = [{"type": "text", "text": value["content"]}]
    return value
  if isinstance(value, list):
    return [without_cache_marks(inner) for inner in value]
  return value


def head_of(body):
  system = body.get("system", [])
  if isinstance(system, str):
    system = [{"type": "text", "text": system}]
  system = [block for block in system if not block.get("text", "").startswith(BILLING)]
  return without_cache_marks([system, body.get("tools", [])])


def signature(body, messages, blocks, thinking):
  said = json.dumps([head_of(body), without_cache_marks(messages), without_cache_marks(blocks), thinking], sort_keys=True)
  return base64.b64encode(hmac.digest(KEY, said.encode("utf-8", "surrogatepass"), "sha256")).decode()


def fault(body):
  """What is wrong with the turns that came back, in the words of the API; None where nothing is."""
  messages = body.get("messages", [])
  for at, message in enumerate(messages):
    if message.get("role") != "assistant" or isinstance(message.get("content"), str):
      continue
    for number, block in enumerate(message["content"]):
      if block.get("type") == "thinking" and block.get("signature") != signature(
          body, messages[:at], message["content"][:number], block.get("thinking")):
        return f"messages.{at}.content.{number}: Invalid `signature` in `thinking` block"
  return None


def turns_in(body):
  return sum(message.get("role") == "assistant" for message in body.get("messages", []))


def blocks(scenario, body):
  """(blocks as (type, pieces), signature of the first, stop reason) of the next answer."""
  turn = turns_in(body)
  secret = token(turn)
  last = turn + 1 >= scenario.count("turns", 20)
  thinking = f"Turn {turn}: the file says {secret}, which I should \"not\" repeat."
  text = f"The token of turn {turn} is {secret}."
  if turn % 5 == 1:
    text += "\n" + scenarios.SECRETS["key"] + "\n and once more\n" + scenarios.SECRETS["key"]
  found = [("thinking", list(thinking)), ("text", [text[:7], *text[7:60], text[60:]])]
  if not last:
    command = json.dumps({"command": f"echo \"{secret}\" turn {turn} > /dev/null", "description": "Writes the token"})
    found.append(("tool_use", list(command)))
  return found, signature(body, body.get("messages", []), [], thinking), "end_turn" if last else "tool_use"
