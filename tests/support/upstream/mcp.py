"""A remote MCP server of both eras on one path, and the older HTTP+SSE transport.

  /mcp           Streamable HTTP, JSON answers; 2026-07-28 (stateless, server/discover) and 2025-11-25 (sessions)
  /stream/mcp    the same with answers as SSE
  /2025/mcp      knows no server/discover, as a server of the older era; SSE answers
  /sse           HTTP+SSE: the endpoint event, messages posted to /messages
"""

import asyncio
import itertools
import json

from . import scenario as scenarios
from .http import Stream

OLD, NEW = "2025-11-25", "2026-07-28"
INFO = {"name": "demo", "version": "1.0.0"}
PREFIX = "io.modelcontextprotocol/"
KEEP_ALIVE_SECONDS = 5
TOOLS = [
    {"name": "echo", "description": "Says the text again",
     "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}},
    {"name": "vault", "description": "Reads a secret from the vault",
     "inputSchema": {"type": "object", "properties": {"secret": {"type": "string", "default": "github"}}}},
    {"name": "slow", "description": "Reports progress, then a secret",
     "inputSchema": {"type": "object", "properties": {"steps": {"type": "integer"}}}},
    {"name": "fail", "description": "Fails with a secret in its message", "inputSchema": {"type": "object"}},
]


class RpcError(Exception):
  def __init__(self, code, message, data=None, status=200):
    super().__init__(message)
    self.body = {"code": code, "message": message, **({"data": data} if data else {})}
    self.status = status


def call_tool(params):
  name, arguments = params.get("name"), params.get("arguments") or {}
  asked = scenarios.Scenario("secret secret=" + arguments.get("secret", "github"))
  if name == "echo":
    return {"content": [{"type": "text", "text": arguments.get("text", "")}], "isError": False}
  if name == "vault":
    return {"content": [{"type": "text", "text": f"The token is {asked.secret}, keep it safe."}],
            "structuredContent": {"token": asked.secret, "owner": "demo"}, "isError": False}
  if name == "slow":
    return {"content": [{"type": "text", "text": f"At last: {asked.secret}."}], "isError": False}
  if name == "fail":
    return {"content": [{"type": "text", "text": f"Login with {asked.secret} was refused."}], "isError": True}
  raise RpcError(-32602, f"Unknown tool: {name}")


def result_of(message, new_era):
  method, params = message["method"], message.get("params") or {}
  if method == "server/discover" and new_era:
    result = {"supportedVersions": [NEW, OLD], "capabilities": {"tools": {}},
              "instructions": "A demonstration server.", "ttlMs": 1000, "cacheScope": "private"}
  elif method == "initialize" and not new_era:
    wanted = params.get("protocolVersion", OLD)
    return {"protocolVersion": min(wanted, OLD), "capabilities": {"tools": {}}, "serverInfo": INFO,
            "instructions": "A demonstration server."}
  elif method == "ping":
    result = {}
  elif method == "tools/list":
    result = {"tools": TOOLS, **({"ttlMs": 1000, "cacheScope": "private"} if new_era else {})}
  elif method == "tools/call":
    result = call_tool(params)
  else:
    raise RpcError(-32601, f"Method not found: {method}")
  if new_era:
    result = {"resultType": "complete", **result, "_meta": {PREFIX + "serverInfo": INFO}}
  return result


def answer_to(message, new_era):
  """(HTTP status, JSON-RPC answer)"""
  try:
    return 200, {"jsonrpc": "2.0", "id": message["id"], "result": result_of(message, new_era)}
  except RpcError as fault:
    return fault.status, {"jsonrpc": "2.0", "id": message["id"], "error": fault.body}


def progress_of(message):
  """The notifications that come before the answer to a slow tool."""
  params = message.get("params") or {}
  token = (params.get("_meta") or {}).get("progressToken")
  if message["method"] != "tools/call" or params.get("name") != "slow" or token is None:
    return []
  steps = int((params.get("arguments") or {}).get("steps", 3))
  return [{"jsonrpc": "2.0", "method": "notifications/progress",
           "params": {"progressToken": token, "progress": step, "total": steps, "message": f"step {step}"}}
          for step in range(1, steps + 1)]


def check_headers(request, message):
  """2026-07-28: the headers must repeat the body, so that what looks at headers is not led astray."""
  params = message.get("params") or {}
  wanted = {"mcp-method": message["method"]}
  if message["method"] == "tools/call":
    wanted["mcp-name"] = params.get("name")
  for name, value in wanted.items():
    if request.field(name) != value:
      raise RpcError(-32020, f"Header mismatch: {name} is '{request.field(name)}', the body says '{value}'", status=400)
  version = (params.get("_meta") or {}).get(PREFIX + "protocolVersion")
  if version != request.field("mcp-protocol-version"):
    raise RpcError(-32020, "Header mismatch: MCP-Protocol-Version", status=400)
  if version != NEW:
    raise RpcError(-32022, "Unsupported protocol version", {"supported": [NEW, OLD], "requested": version}, 400)


class Mcp:
  def __init__(self):
    self._numbers = itertools.count(1)
    self._streams = {}

  async def answer(self, exchange):
    path, method = exchange.request.path, exchange.request.method
    if path == "/sse" and method == "GET":
      await self._old_stream(exchange)
    elif path == "/messages" and method == "POST":
      await self._old_message(exchange)
    elif path in ("/mcp", "/stream/mcp", "/2025/mcp"):
      await self._streamable(exchange)
    else:
      await exchange.json(404, {"error": "not found"})

  async def _streamable(self, exchange):
    request = exchange.request
    if request.method == "GET":
      await self._listen(exchange)
    elif request.method == "DELETE":
      await exchange.json(200, {})
    elif request.method != "POST":
      await exchange.head(405, [("content-length", 0), ("allow", "GET, POST, DELETE")])
    else:
      await self._post(exchange, request.json())

  async def _post(self, exchange, message):
    request = exchange.request
    new_era = request.path != "/2025/mcp" and request.field("mcp-protocol-version") >= NEW
    if "id" not in message or "method" not in message:
      await exchange.head(202, [("content-length", 0)])
      return
    if new_era:
      try:
        check_headers(request, message)
      except RpcError as fault:
        await exchange.json(fault.status, {"jsonrpc": "2.0", "id": message["id"], "error": fault.body})
        return
      if message["method"] == "subscriptions/listen":
        await self._subscribe(exchange, message)
        return
    fields = []
    if message["method"] == "initialize":
      fields.append(("mcp-session-id", f"session-{next(self._numbers)}"))
    status, reply = answer_to(message, new_era)
    notices = progress_of(message)
    coding = (request.query.get("coding") or "identity")
    if status != 200 or (request.path == "/mcp" and not notices):
      await exchange.json(status, reply, fields, coding)
      return
    stream = await self._sse(exchange, fields, coding)
    for number, part in enumerate([*notices, reply]):
      await stream.write(f"event: message\nid: {number}\ndata: {json.dumps(part)}\n\n")
      await asyncio.sleep(0.01 if notices else 0)
    await stream.end()

  async def _sse(self, exchange, fields=(), coding="identity"):
    coded = [] if coding == "identity" else [("content-encoding", coding)]
    await exchange.head(200, [("content-type", "text/event-stream"), ("cache-control", "no-cache"),
                              ("transfer-encoding", "chunked"), *coded, *fields])
    return Stream(exchange, coding)

  async def _listen(self, exchange):
    """The 2025 era's stream of the server's own messages: a priming event, then silence with keep-alives."""
    if not exchange.request.field("mcp-session-id"):
      await exchange.head(405, [("content-length", 0), ("allow", "POST")])
      return
    stream = await self._sse(exchange)
    await stream.write("id: prime\nretry: 1000\ndata: \n\n")
    await self._idle(stream)

  async def _subscribe(self, exchange, message):
    stream = await self._sse(exchange)
    note = {"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
            "params": {"_meta": {PREFIX + "subscriptionId": message["id"]},
                       "notifications": (message.get("params") or {}).get("notifications", {})}}
    await stream.write(f"event: message\ndata: {json.dumps(note)}\n\n")
    await self._idle(stream)

  async def _idle(self, stream):
    while True:
      await asyncio.sleep(KEEP_ALIVE_SECONDS)
      await stream.write(": keep-alive\n\n")

  async def _old_stream(self, exchange):
    session = str(next(self._numbers))
    queue = self._streams[session] = asyncio.Queue()
    try:
      stream = await self._sse(exchange)
      await stream.write(f"event: endpoint\ndata: /messages?session={session}\n\n")
      while True:
        try:
          message = await asyncio.wait_for(queue.get(), KEEP_ALIVE_SECONDS)
          await stream.write(f"event: message\ndata: {json.dumps(message)}\n\n")
        except asyncio.TimeoutError:
          await stream.write(": keep-alive\n\n")
    finally:
      del self._streams[session]

  async def _old_message(self, exchange):
    queue = self._streams.get(exchange.request.query.get("session"))
    if queue is None:
      await exchange.json(404, {"error": "no such session"})
      return
    message = exchange.request.json()
    await exchange.whole(202, "text/plain", "Accepted")
    if "id" in message and "method" in message:
      for part in [*progress_of(message), answer_to(message, False)[1]]:
        await queue.put(part)
