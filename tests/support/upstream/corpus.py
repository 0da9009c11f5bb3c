"""Bodies that are unusual and right, and hold no secret: what a client gets through the agent equals them bit by bit.

HELD are the exceptions: a delta that ends in what may become a secret, or inside a character, is completed from the
next one. The text stays the same, and so does everything else.
"""

import json

EVENT = 'event: {}\ndata: {}\n\n'


def _sse(*texts):
  return "".join(texts).encode()


_START = EVENT.format("message_start", '{"type":"message_start","message":{"id":"msg_1","type":"message",'
                      '"role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,'
                      '"usage":{"input_tokens":1,"output_tokens":1}}}')
_BLOCK = EVENT.format("content_block_start",
                      '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}')
_STOP = (EVENT.format("content_block_stop", '{"type":"content_block_stop","index":0}') +
         EVENT.format("message_delta", '{"type":"message_delta","delta":{"stop_reason":"end_turn",'
                      '"stop_sequence":null},"usage":{"output_tokens":2}}') +
         EVENT.format("message_stop", '{"type":"message_stop"}'))


def _delta(spelling):
  return EVENT.format("content_block_delta", '{"type":"content_block_delta","index":0,"delta":'
                      '{"type":"text_delta","text":"' + spelling + '"}}')


_MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m",
            "content": [{"type": "text", "text": "grüße 😀 \u2028 \u0000 \\ \" /"}], "stop_reason": "end_turn",
            "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}

SSE = "text/event-stream; charset=utf-8"
EXACT = [
    # Escapes spelled in every legal way; an empty delta.
    (SSE, _sse(_START, _BLOCK, _delta(r"gr\u00fc\u00DFe \/ \\ \" \b\f\n\r\t"), _delta(r"\ud83d\ude00!"),
               _delta(""), _delta("grüße 😀"), _STOP)),
    # Comments, ids, retry, fields without a colon, several data lines, other line ends, a byte order mark.
    (SSE, b"\xef\xbb\xbf: comment\r\nid: 7\r\nretry: 1000\r\nevent: ping\r\ndata: {\"type\":\r\ndata: \"ping\"}\r\n\r\n"
          + _sse(_START, _BLOCK, _delta("Yes."), ": keep-alive\n\n", _STOP).replace(b"\n", b"\r")),
    # Events that nobody knows yet, members that nobody knows, odd numbers and blanks.
    (SSE, _sse(_START, EVENT.format("content_block_sparkle", '{"type":"content_block_sparkle","x":[1e5,1E+5,0.10,-0]}'),
               _BLOCK, 'event:content_block_delta\ndata:{ "index" : 0 ,\t"type":"content_block_delta", "new": {"a":[ ]},'
               ' "delta":{"type":"text_delta" , "text" : "odd blanks."}}\n\n', _STOP)),
    # The whole object: compact, indented, ASCII only, with key order of its own.
    ("application/json", json.dumps(_MESSAGE, separators=(",", ":"), ensure_ascii=False).encode()),
    ("application/json", json.dumps(_MESSAGE, indent=4, ensure_ascii=True).encode() + b"\n\n"),
    ("application/json", json.dumps(dict(reversed(_MESSAGE.items())), indent="\t", ensure_ascii=False).encode()),
    ("application/json", b'{"a":1.0,"b":1e0,"c":-0.0,"d":12345678901234567890123,"e":[[],{},null,true]}'),
    # JSON-RPC as an MCP server sends it.
    ("application/json", b'{"result":{"content":[{"text":"plain","type":"text"}]},"id":"7","jsonrpc":"2.0"}'),
    (SSE, b'id: 1\ndata: \n\nevent: message\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n'),
    # What is no text at all.
    ("application/octet-stream", bytes(range(256)) * 16),
    ("text/html", b"<!doctype html><title>x</title>"),
    ("text/plain; charset=iso-8859-1", b"caf\xe9"),
    ("application/json", b""),
    ("image/png", b"\x89PNG\r\n\x1a\n" + bytes(1000)),
]
HELD = [
    (SSE, _sse(_START, _BLOCK, _delta(r"\ud83d"), _delta(r"\ude00 and "), _delta("x"), _delta("ylophones "), _STOP)),
    (SSE, _sse(_START, _BLOCK, _delta("words that end in s"), _STOP)),
    (SSE, _sse(_START, _BLOCK, *map(_delta, "The skill asked for AKIA and ghp_ in Slack: xoxb-."), _STOP)),
]
ITEMS = EXACT + HELD
