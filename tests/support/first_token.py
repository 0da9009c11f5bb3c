#!/usr/bin/python3
"""How long a person waits for the first word: from the request to the first text delta, in milliseconds.

Prints {"new": [...], "kept": [...]}: over a new connection each time (connect and TLS included), and over one
connection that is kept, as clients do.
"""

import argparse
import json
import socket
import ssl
import time

BODY = json.dumps({"model": "claude-demo-1", "max_tokens": 64, "stream": True,
                   "messages": [{"role": "user", "content": "[[demo hello]]"}]}).encode()


def connect(context, host):
  plain = socket.create_connection((host, 443), timeout=10)
  plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
  return context.wrap_socket(plain, server_hostname=host)


def ask(connection, host):
  """Sends one request, returns when the first delta came, reads the rest."""
  connection.sendall((f"POST /v1/messages HTTP/1.1\r\nhost: {host}\r\nx-api-key: sk-ant-dummy\r\n"
                      f"content-type: application/json\r\ncontent-length: {len(BODY)}\r\n\r\n").encode() + BODY)
  received, first = b"", None
  while not received.endswith(b"0\r\n\r\n"):
    piece = connection.recv(65536)
    if not piece:
      raise ConnectionError("the answer ended early")
    received += piece
    if first is None and b"text_delta" in received:
      first = time.perf_counter()
  return first


def main():
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--host", default="api.anthropic.com")
  parser.add_argument("--count", type=int, default=20)
  arguments = parser.parse_args()
  context = ssl.create_default_context()
  new, kept = [], []
  for _ in range(arguments.count):
    begin = time.perf_counter()
    with connect(context, arguments.host) as connection:
      new.append(1000 * (ask(connection, arguments.host) - begin))
  with connect(context, arguments.host) as connection:
    ask(connection, arguments.host)
    for _ in range(arguments.count):
      begin = time.perf_counter()
      kept.append(1000 * (ask(connection, arguments.host) - begin))
  print(json.dumps({"new": new, "kept": kept}))


if __name__ == "__main__":
  main()
