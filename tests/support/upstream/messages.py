"""The Messages API of api.anthropic.com, as far as real clients need it, streamed and whole."""

import asyncio
import collections
import hashlib
import json

from . import misbehaviour, scenario as scenarios, signed
from .http import Stream

MODEL = "claude-demo-1"
USAGE = {"input_tokens": 12, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 7,
         "service_tier": "standard"}
FIELDS = [("anthropic-ratelimit-requests-remaining", "999"), ("anthropic-organization-id", "org-demo"),
          ("cache-control", "no-cache")]
GATE = object()  # among the pieces of a text: wait here until a test opens the gate
GATES = collections.defaultdict(asyncio.Event)
SIGNATURE = "EqQBCkgIBRABGAIiQKdemoSignatureThatNobodyMayTouchAAAAAAAAAAAAAAAA=="


def event(name, value, separator=("\n", "\n\n")):
  line, end = separator
  return f"event: {name}{line}data: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}{end}"


def prompt_of(body):
  """All that people and tools said in a request, in order, as one text."""
  found = []
  for message in body.get("messages", []):
    content = message.get("content", "")
    if isinstance(content, str):
      found.append(content)
    else:
      found += [block.get("text", "") for block in content if isinstance(block, dict)]
  return "\n".join(found)


def answers_tool(body):
  content = (body.get("messages") or [{}])[-1].get("content", "")
  return isinstance(content, list) and any(b.get("type") == "tool_result" for b in content if isinstance(b, dict))


class Message:
  """One answer: its blocks as (type, pieces), from which both the stream and the whole object are made."""

  def __init__(self, scenario, body):
    self.scenario = scenario
    self.id = "msg_demo_" + scenario.text("echo", "0")
    self.number = signed.turns_in(body) + 1
    self.stop_reason = "end_turn"
    self.signature = SIGNATURE
    if scenario.name == "signed":
      self.id += f"_{self.number}"  # clients put answers of one id together
      self.blocks, self.signature, self.stop_reason = signed.blocks(scenario, body)
    elif answers_tool(body):
      self.blocks = [("text", ["The tool has answered."])]
    else:
      self.blocks = self._blocks()

  def _blocks(self):
    s = self.scenario
    if s.name in ("hello", "refused"):
      return [("text", ["Hello", ", ", "this is the demonstration upstream."])]
    if s.name == "echo":
      filler = [f" {n}" for n in range(s.count("count", 3))]
      return [("text", [f"Mark {s.text('echo')}:", *filler])]
    if s.name == "two":
      secret = s.secret
      return [("text", [f"First {secret}, keep it safe. ", GATE, f"Second {secret}, keep it safe. ", "The end."])]
    if s.name == "call":
      self.stop_reason = "tool_use"
      return [("tool_use", ["{", "}"])]
    if s.name == "secret":
      mark = s.text("echo")
      before = f"Mark {mark}. The deployment token is " if mark else "The deployment token is "
      cut = s.text("cut", "none")
      if s.text("in", "text") == "tool":
        self.stop_reason = "tool_use"
        whole = json.dumps({"command": f"echo {s.secret} > /dev/null", "description": "Writes the token"})
        at = whole.index(json.dumps(s.secret)[1:-1])
        secret = json.dumps(s.secret)[1:-1]
        return [("text", ["I will use a tool."]),
                ("tool_use", scenarios.pieces(whole[:at], secret, whole[at + len(secret):], cut))]
      parts = scenarios.pieces(before, s.secret, ", keep it safe.", cut)
      if s.text("gate"):
        parts.insert(1, GATE)
      if s.text("in") == "thinking":
        return [("thinking", parts), ("text", ["I have thought about it."])]
      return [("text", parts)]
    raise ValueError(f"no scenario {s.name}")

  def _skeleton(self, kind):
    if kind == "text":
      return {"type": "text", "text": ""}
    if kind == "thinking":
      return {"type": "thinking", "thinking": "", "signature": ""}
    return {"type": "tool_use", "id": f"toolu_demo_{self.number}", "name": self.scenario.text("tool", "Bash"), "input": {}}

  def head(self):
    return {"id": self.id, "type": "message", "role": "assistant", "model": MODEL, "content": [],
            "stop_reason": None, "stop_sequence": None, "usage": {**USAGE, "output_tokens": 1}}

  def events(self):
    yield "message_start", {"type": "message_start", "message": self.head()}
    yield "ping", {"type": "ping"}
    for index, (kind, parts) in enumerate(self.blocks):
      yield "content_block_start", {"type": "content_block_start", "index": index,
                                    "content_block": self._skeleton(kind)}
      member = {"text": ("text_delta", "text"), "thinking": ("thinking_delta", "thinking"),
                "tool_use": ("input_json_delta", "partial_json")}[kind]
      for part in parts:
        if part is GATE:
          yield GATE, None
          continue
        yield "content_block_delta", {"type": "content_block_delta", "index": index,
                                      "delta": {"type": member[0], member[1]: part}}
      if kind == "thinking":
        yield "content_block_delta", {"type": "content_block_delta", "index": index,
                                      "delta": {"type": "signature_delta", "signature": self.signature}}
      yield "content_block_stop", {"type": "content_block_stop", "index": index}
    yield "message_delta", {"type": "message_delta", "delta": {"stop_reason": self.stop_reason,
                                                               "stop_sequence": None},
                            "usage": {"output_tokens": USAGE["output_tokens"]}}
    yield "message_stop", {"type": "message_stop"}

  def whole(self):
    content = []
    for kind, parts in self.blocks:
      block = self._skeleton(kind)
      parts = [part for part in parts if part is not GATE]
      if kind == "text":
        block["text"] = "".join(parts)
      elif kind == "thinking":
        block.update(thinking="".join(parts), signature=self.signature)
      else:
        block["input"] = json.loads("".join(parts))
      content.append(block)
    return {**self.head(), "content": content, "stop_reason": self.stop_reason, "usage": USAGE}


def fingerprint(credential):
  return hashlib.sha256(credential.encode("latin-1")).hexdigest()[:16]


async def refuse(exchange, scenario):
  """As servers do that are too helpful: they say which credential it is that they do not take."""
  given = scenario.given
  await exchange.json(scenario.count("status", 401),
                      {"type": "error", "error": {"type": "authentication_error", "message": f"invalid x-api-key: {given}"},
                       "request_id": f"req_{given}"},
                      [("x-debug-key", given), ("set-cookie", f"last={given}"), ("request-id", f"req_{given}")],
                      scenario.text("coding", "identity"))


async def answer_message(exchange):
  body = exchange.request.json()
  asked = exchange.request.query.get("demo")
  scenario = scenarios.Scenario(asked) if asked else scenarios.in_text(prompt_of(body)) or scenarios.Scenario()
  scenario.given = exchange.request.credential()
  if scenario.name == "refused" and scenario.text("unless") != fingerprint(scenario.given):
    await refuse(exchange, scenario)
    return
  if scenario.name == "bad":
    await misbehaviour.answer(exchange, scenario, body.get("stream", False))
    return
  fault = signed.fault(body)
  if fault and scenario.name == "signed":
    await exchange.json(400, {"type": "error", "error": {"type": "invalid_request_error", "message": fault}})
    return
  message = Message(scenario, body)
  request_id = ("request-id", "req_demo_" + scenario.text("echo", "0"))
  coding = scenario.text("coding", "identity")
  if not body.get("stream"):
    await exchange.json(200, message.whole(), [request_id, *FIELDS], coding)
    return
  fields = [("content-type", "text/event-stream; charset=utf-8"), ("transfer-encoding", "chunked"),
            request_id, *FIELDS]
  if coding != "identity":
    fields.append(("content-encoding", coding))
  await exchange.head(200, fields)
  stream = Stream(exchange, coding, scenario.count("chunk"))
  separator = {"": ("\n", "\n\n"), "crlf": ("\r\n", "\r\n\r\n"), "cr": ("\r", "\r\r")}[scenario.text("ends")]
  for name, value in message.events():
    if name is GATE:
      await GATES[scenario.text("gate")].wait()
      continue
    await stream.write(event(name, value, separator))
    if scenario.number("delay"):
      await asyncio.sleep(scenario.number("delay"))
  await stream.end()


async def answer(exchange):
  request = exchange.request
  if request.path == "/v1/messages" and request.method == "POST":
    await answer_message(exchange)
  elif request.path == "/v1/messages/count_tokens":
    await exchange.json(200, {"input_tokens": 12})
  elif request.path == "/v1/models":
    await exchange.json(200, {"data": [{"type": "model", "id": MODEL, "display_name": "Demo",
                                        "created_at": "2026-01-01T00:00:00Z"}],
                              "has_more": False, "first_id": MODEL, "last_id": MODEL})
  elif request.path.startswith("/gate/"):
    GATES[request.path[6:]].set()
    await exchange.json(200, {})
  elif request.path.startswith("/bytes/"):
    await misbehaviour.corpus_item(exchange)
  elif request.path.startswith("/bad/"):
    await misbehaviour.answer(exchange, scenarios.Scenario("bad kind=" + request.path[5:]),
                              request.query.get("stream") == "1")
  elif request.path.startswith("/api/claude_code/"):
    # An organisation without managed settings or limits; an empty 200 makes Claude Code ask again for seconds.
    await exchange.json(404, {"type": "error", "error": {"type": "not_found_error", "message": "Not found"}})
  elif request.path.startswith("/api/"):
    await exchange.json(200, {})
  else:
    await exchange.json(404, {"type": "error", "error": {"type": "not_found_error", "message": "Not found"}})
