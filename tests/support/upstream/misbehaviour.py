"""A broken or hostile upstream, one kind at a time, and the corpus of odd but valid bodies that must pass untouched.

Every kind shows a secret before or behind its fault, because a fault is a way to get bytes past an inspection.
"""

import asyncio

from . import codings, corpus
from .scenario import SECRETS

TEXT = f"the token is {SECRETS['github']}, behind it comes the fault".encode()
SSE = [("content-type", "text/event-stream; charset=utf-8")]
CHUNKED = ("transfer-encoding", "chunked")
START = (b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_bad","type":"message",'
         b'"role":"assistant","model":"claude-demo-1","content":[],"stop_reason":null,"stop_sequence":null,'
         b'"usage":{"input_tokens":1,"output_tokens":1}}}\n\n'
         b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
         b'"content_block":{"type":"text","text":""}}\n\n')
REST = (b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
        b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn",'
        b'"stop_sequence":null},"usage":{"output_tokens":1}}\n\n'
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
JSON = (b'{"id":"msg_bad","type":"message","role":"assistant","model":"claude-demo-1","content":[{"type":"text",'
        b'"text":"' + TEXT + b'"}],"stop_reason":"end_turn","stop_sequence":null,'
        b'"usage":{"input_tokens":1,"output_tokens":1}}')


def delta(text):
  data = text if isinstance(text, bytes) else text.encode()
  return (b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
          b'"delta":{"type":"text_delta","text":"' + data + b'"}}\n\n')


BODY = START + delta(TEXT) + REST


async def _begin(exchange, *fields):
  await exchange.head(200, [*SSE, CHUNKED, *fields])
  await exchange.chunk(START + delta(TEXT))


async def stop(exchange, scenario):
  """A clean TLS end inside a chunked body."""
  await _begin(exchange)
  exchange.keep = False


async def half_event(exchange, scenario):
  """The body ends properly, in the middle of an event."""
  await _begin(exchange)
  await exchange.chunk(b'event: content_block_delta\ndata: {"type":"content_bl')
  await exchange.end_chunks()


async def reset(exchange, scenario):
  await _begin(exchange)
  await asyncio.sleep(0.05)
  exchange.abort()


async def hang(exchange, scenario):
  """Headers and a delta, then silence."""
  await _begin(exchange)
  await asyncio.sleep(scenario.number("seconds", 30))
  exchange.abort()


async def silent(exchange, scenario):
  """Not a byte of an answer."""
  await asyncio.sleep(scenario.number("seconds", 30))
  exchange.abort()


async def refuse(exchange, scenario):
  """The connection closes instead of an answer."""
  exchange.keep = False


async def chunk(exchange, scenario):
  await _begin(exchange)
  await exchange.raw(b"zz\r\n" + delta(TEXT))
  exchange.keep = False


async def chunk_short(exchange, scenario):
  """A chunk that is longer than its size says."""
  await _begin(exchange)
  await exchange.raw(b"5\r\n" + TEXT + b"\r\n0\r\n\r\n")
  exchange.keep = False


async def chunk_overflow(exchange, scenario):
  await _begin(exchange)
  await exchange.raw(b"fffffffffffffffff0\r\nx\r\n")
  exchange.keep = False


async def sse(exchange, scenario):
  """An event whose data is no JSON."""
  await _begin(exchange)
  await exchange.chunk(b"event: content_block_delta\ndata: {not json " + TEXT + b"\n\n" + REST)
  await exchange.end_chunks()


async def sse_binary(exchange, scenario):
  await _begin(exchange)
  await exchange.chunk(bytes(range(256)) * 4)
  await exchange.end_chunks()


async def sse_endless_line(exchange, scenario):
  """One line without an end (memory)."""
  await _begin(exchange)
  for _ in range(scenario.count("megabytes", 64) * 16):
    await exchange.chunk(b"d" * 65536)
  await exchange.end_chunks()


async def json(exchange, scenario):
  await _whole(exchange, JSON[:-20])


async def json_duplicate(exchange, scenario):
  """Two members of one name: readers differ in which one they take."""
  await _whole(exchange, JSON[:-1] + b',"content":[{"type":"text","text":"' + TEXT + b'"}]}')


async def _whole(exchange, body, *fields):
  await exchange.head(200, [("content-type", "application/json"), ("content-length", len(body)), *fields])
  await exchange.raw(body)


async def coding(exchange, scenario):
  await _whole(exchange, JSON, ("content-encoding", "x-rot13"))


async def coding_lie(exchange, scenario):
  """Says gzip and sends text."""
  await _whole(exchange, JSON, ("content-encoding", "gzip"))


async def coding_twice(exchange, scenario):
  body = codings.encode("gzip", codings.encode("gzip", JSON))
  await _whole(exchange, body, ("content-encoding", "gzip, gzip"))


async def coding_tail(exchange, scenario):
  """Bytes after the end of the coded stream: decoders differ in whether they show them."""
  await _whole(exchange, codings.encode("gzip", JSON) + TEXT, ("content-encoding", "gzip"))


async def coding_cut(exchange, scenario):
  await _whole(exchange, codings.encode("gzip", JSON)[:-12], ("content-encoding", "gzip"))


async def bomb(exchange, scenario):
  """A small body that decodes to a very large one."""
  encoder = codings.ENCODERS["gzip"]()
  await exchange.head(200, [("content-type", "application/json"), CHUNKED, ("content-encoding", "gzip")])
  zeros = b" " * (1 << 20)
  for _ in range(scenario.count("megabytes", 160)):
    await exchange.chunk(encoder.write(zeros, flush=False))
    await asyncio.sleep(0)  # other answers go on meanwhile
  await exchange.chunk(encoder.finish())
  await exchange.end_chunks()


async def length_and_chunked(exchange, scenario):
  await exchange.head(200, [*SSE, CHUNKED, ("content-length", 10)])
  await exchange.chunk(BODY)
  await exchange.end_chunks()
  exchange.keep = False


async def two_lengths(exchange, scenario):
  await exchange.head(200, [("content-type", "application/json"), ("content-length", len(JSON)),
                            ("content-length", len(JSON) - 5)])
  await exchange.raw(JSON)
  exchange.keep = False


async def signed_length(exchange, scenario):
  await exchange.head(200, [("content-type", "application/json"), ("content-length", f"+{len(JSON)}")])
  await exchange.raw(JSON)
  exchange.keep = False


async def transfer_gzip(exchange, scenario):
  await exchange.head(200, [("content-type", "application/json"), ("transfer-encoding", "gzip, chunked")])
  await exchange.chunk(codings.encode("gzip", JSON))
  await exchange.end_chunks()
  exchange.keep = False


async def short_body(exchange, scenario):
  """Fewer bytes than promised, then the end."""
  await exchange.head(200, [("content-type", "application/json"), ("content-length", len(JSON) + 50)])
  await exchange.raw(JSON)
  exchange.keep = False


async def tail(exchange, scenario):
  """A second answer that nobody asked for, right behind the first (response splitting)."""
  await _whole(exchange, JSON)
  await exchange.raw(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(TEXT), TEXT))
  exchange.keep = False


async def huge_field(exchange, scenario):
  await _whole(exchange, JSON, ("x-filler", "f" * (scenario.count("kilobytes", 1024) * 1024)))
  exchange.keep = False


async def many_fields(exchange, scenario):
  await _whole(exchange, JSON, *[(f"x-filler-{n}", n) for n in range(scenario.count("count", 5000))])
  exchange.keep = False


async def folded_field(exchange, scenario):
  await exchange.raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-folded: a\r\n b\r\n"
                     b"content-length: %d\r\n\r\n%s" % (len(JSON), JSON))


async def field_space(exchange, scenario):
  """A blank before the colon: some parsers then see another field."""
  await exchange.raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length : %d\r\n\r\n%s"
                     % (len(JSON), JSON))
  exchange.keep = False


async def bare_newlines(exchange, scenario):
  await exchange.raw(b"HTTP/1.1 200 OK\ncontent-type: application/json\ncontent-length: %d\n\n%s" % (len(JSON), JSON))


async def garbage(exchange, scenario):
  await exchange.raw(b"\x16\x03\x01 this is no HTTP\r\n\r\n" + TEXT)
  exchange.keep = False


async def old_version(exchange, scenario):
  await exchange.raw(b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n" + JSON)
  exchange.keep = False


async def utf8(exchange, scenario):
  """Text that is no UTF-8, in the middle of an otherwise good stream."""
  await exchange.head(200, [*SSE, CHUNKED])
  await exchange.chunk(START + delta(b"caf\xe9 \xf0\x9f\x98 \xc0\xaf") + REST)
  await exchange.end_chunks()


async def interim(exchange, scenario):
  """Two 103 before the answer: allowed, and clients must not see them as the answer."""
  for _ in range(scenario.count("count", 2)):
    await exchange.raw(b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n")
  await _whole(exchange, JSON)


async def switch(exchange, scenario):
  """101 that nobody asked for: everything behind it would be uninspected."""
  await exchange.raw(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
                     + TEXT)
  exchange.keep = False


async def trailers(exchange, scenario):
  await exchange.head(200, [*SSE, CHUNKED, ("trailer", "x-checksum")])
  await exchange.chunk(BODY)
  await exchange.end_chunks([(b"x-checksum", b"abc"), (b"x-token", SECRETS["github"].encode())])


async def until_close(exchange, scenario):
  """No length at all: the body lasts until the connection ends."""
  await exchange.head(200, SSE)
  await exchange.raw(BODY)
  exchange.keep = False


async def nothing(exchange, scenario):
  await exchange.head(204, [("x-demo", "nothing")])


async def not_modified(exchange, scenario):
  await exchange.head(304, [("etag", '"demo"'), ("content-length", "5")])


async def slow(exchange, scenario):
  """A byte at a time, a chunk each."""
  await exchange.head(200, [*SSE, CHUNKED])
  for byte in BODY:
    await exchange.chunk(bytes([byte]))
    await asyncio.sleep(scenario.number("delay", 0.001))
  await exchange.end_chunks()


async def overloaded(exchange, scenario):
  await exchange.json(scenario.count("status", 529), {
      "type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
      [("retry-after", "1"), ("x-should-retry", "false")])


async def error_event(exchange, scenario):
  """The API's own way of failing in a stream."""
  await _begin(exchange)
  await exchange.chunk(b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error",'
                       b'"message":"Overloaded"}}\n\n')
  await exchange.end_chunks()


NOT_KINDS = {"answer", "corpus_item"}
KINDS = {name.replace("_", "-"): kind for name, kind in list(globals().items())
         if asyncio.iscoroutinefunction(kind) and not name.startswith("_") and name not in NOT_KINDS}


async def answer(exchange, scenario, streamed):
  kind = KINDS.get(scenario.text("kind", "stop"))
  if kind is None:
    await exchange.json(404, {"type": "error", "error": {"type": "not_found_error", "message": "no such kind"}})
  else:
    await kind(exchange, scenario)


async def corpus_item(exchange):
  """/bytes/N?coding=gzip&chunk=7: an item of the corpus, whole with a length, or in chunks of a size."""
  request = exchange.request
  content_type, body = corpus.ITEMS[int(request.path.rsplit("/", 1)[1])]
  coding = request.query.get("coding", "identity")
  coded = codings.encode(coding, body)
  exchange.said(body)
  fields = [("Content-Type", content_type), ("X-Mixed-CASE", "  kept  "), ("x-twice", "1"), ("x-twice", "2")]
  if coding != "identity":
    fields.append(("Content-Encoding", coding))
  size = int(request.query.get("chunk", "0"))
  if not size:
    await exchange.head(200, [*fields, ("Content-Length", len(coded))])
    if request.method != "HEAD":
      await exchange.raw(coded)
    return
  await exchange.head(200, [*fields, CHUNKED])
  for begin in range(0, len(coded), size):
    await exchange.chunk(coded[begin:begin + size])
  await exchange.end_chunks()
