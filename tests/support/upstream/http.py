"""HTTP/1.1 by hand: reads requests strictly, writes exactly the bytes it is told, and logs every one of them."""

import asyncio
import hashlib
import json
import socket
import ssl
import struct
import time
import urllib.parse

from . import codings

HEAD_LIMIT = 256 * 1024
REASONS = {200: "OK", 202: "Accepted", 204: "No Content", 304: "Not Modified", 400: "Bad Request",
           401: "Unauthorized", 404: "Not Found", 405: "Method Not Allowed", 429: "Too Many Requests",
           500: "Internal Server Error", 529: "Overloaded"}


class Log:
  """One JSON object a line. Bytes are stored as latin-1 text, so that a plain search finds what was sent."""

  def __init__(self, path):
    self._file = open(path, "a", buffering=1) if path else None

  def write(self, kind, connection, **fields):
    if self._file:
      entry = {"t": time.time_ns(), "kind": kind, "connection": connection, **fields}
      self._file.write(json.dumps(entry) + "\n")


class Request:
  def __init__(self, method, target, fields, raw_body):
    self.method = method
    self.target = target
    self.fields = fields
    self.raw_body = raw_body
    split = urllib.parse.urlsplit(target)
    self.path = split.path
    self.query = dict(urllib.parse.parse_qsl(split.query, keep_blank_values=True))
    self.body = codings.decode(self.field("content-encoding").lower(), raw_body)

  def field(self, name):
    return next((value for key, value in self.fields if key.lower() == name), "")

  def json(self):
    return json.loads(self.body)

  def credential(self):
    """What says who asks."""
    return self.field("x-api-key") or self.field("authorization").rpartition(" ")[2]


async def read_request(reader):
  """The next request, or None at a clean end of the connection."""
  try:
    head = await reader.readuntil(b"\r\n\r\n")
  except asyncio.IncompleteReadError as end:
    if end.partial:
      raise ValueError("the connection ended inside a head") from None
    return None
  lines = head[:-4].decode("latin-1").split("\r\n")
  method, target, version = lines[0].split(" ")
  if version != "HTTP/1.1":
    raise ValueError(f"version {version}")
  fields = []
  for line in lines[1:]:
    name, value = line.split(":", 1)
    fields.append((name, value.strip()))
  lower = {name.lower(): value for name, value in fields}
  if len([1 for name, _ in fields if name.lower() == "content-length"]) > 1:
    raise ValueError("two lengths")
  body = b""
  if "transfer-encoding" in lower:
    if lower["transfer-encoding"].lower() != "chunked" or "content-length" in lower:
      raise ValueError("ambiguous framing")
    while True:
      size = int((await reader.readline()).split(b";")[0], 16)
      body += await reader.readexactly(size)
      if await reader.readexactly(2) != b"\r\n":
        raise ValueError("chunk without its end")
      if size == 0:
        break
  elif "content-length" in lower:
    body = await reader.readexactly(int(lower["content-length"]))
  return Request(method, target, fields, body)


class Exchange:
  """One request and what is sent for it."""

  def __init__(self, writer, request, log, number):
    self.request = request
    self.keep = True
    self._writer = writer
    self._log = log
    self._number = number

  async def raw(self, data):
    self._log.write("sent", self._number, bytes=data.decode("latin-1"))
    self._writer.write(data)
    await self._writer.drain()

  def said(self, text):
    """What the bytes mean, before coding and chunking: what a test looks for in clients."""
    self._log.write("said", self._number, text=text if isinstance(text, str) else text.decode("latin-1"))

  async def head(self, status, fields, reason=None):
    lines = [f"HTTP/1.1 {status} {reason or REASONS.get(status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in fields]
    await self.raw(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

  async def chunk(self, data):
    if data:
      await self.raw(b"%x\r\n%s\r\n" % (len(data), data))

  async def end_chunks(self, trailers=()):
    await self.raw(b"0\r\n" + b"".join(b"%s: %s\r\n" % pair for pair in trailers) + b"\r\n")

  async def whole(self, status, content_type, body, fields=(), coding="identity"):
    body = body.encode() if isinstance(body, str) else body
    self.said(body)
    coded = codings.encode(coding, body)
    extra = [] if coding == "identity" else [("content-encoding", coding)]
    await self.head(status, [("content-type", content_type), ("content-length", len(coded)), *extra, *fields])
    if self.request.method != "HEAD":
      await self.raw(coded)

  async def json(self, status, value, fields=(), coding="identity"):
    await self.whole(status, "application/json", json.dumps(value), fields, coding)

  def abort(self):
    """Ends the connection with RST, so that nobody can take it for an end."""
    self.keep = False
    self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    self._log.write("aborted", self._number)
    self._writer.transport.abort()


class Stream:
  """A chunked body in a content coding, each write flushed and, when asked, cut into chunks of a size."""

  def __init__(self, exchange, coding="identity", chunk_size=0):
    self._exchange = exchange
    self._encoder = codings.ENCODERS[coding]()
    self._chunk_size = chunk_size

  async def write(self, text, flush=True):
    data = text.encode() if isinstance(text, str) else text
    self._exchange.said(data)
    await self._send(self._encoder.write(data, flush))

  async def end(self, trailers=()):
    await self._send(self._encoder.finish())
    await self._exchange.end_chunks(trailers)

  async def _send(self, coded):
    size = self._chunk_size or len(coded) or 1
    for begin in range(0, len(coded), size):
      await self._exchange.chunk(coded[begin:begin + size])


class Server:
  """Accepts connections and hands each request to an async function of one Exchange."""

  def __init__(self, handler, log):
    self._handler = handler
    self._log = log
    self._connections = 0

  async def connection(self, reader, writer):
    self._connections += 1
    number = self._connections
    tls = writer.get_extra_info("ssl_object")
    self._log.write("open", number, peer=str(writer.get_extra_info("peername")),
                    server_name=getattr(tls, "veilwire_server_name", None) if tls else None)
    try:
      keep = True
      while keep:
        request = await read_request(reader)
        if request is None:
          break
        self._log.write("request", number, method=request.method, target=request.target, fields=request.fields,
                        body=request.body.decode("latin-1"), raw_digest=hashlib.sha256(request.raw_body).hexdigest())
        exchange = Exchange(writer, request, self._log, number)
        await self._handler(exchange)
        keep = exchange.keep and request.field("connection").lower() != "close"
    except (ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as fault:
      self._log.write("fault", number, text=repr(fault))
    except (ConnectionError, ssl.SSLError) as fault:
      self._log.write("lost", number, text=repr(fault))
    finally:
      self._log.write("close", number)
      writer.close()

  async def listen(self, address, port, context=None):
    return await asyncio.start_server(self.connection, address, port, ssl=context, limit=HEAD_LIMIT, backlog=4096)
