#!/usr/bin/python3
"""An OTLP/HTTP receiver of logs on loopback that writes what it takes to a file, and fails as it is told.

Prints its port once it listens. Each request it takes becomes the file FOLDER/NNNNNN.pb, which is complete once it has
that name. FOLDER/answer, where it is there, says how the next requests are answered: "503", "429 2" (Retry-After),
"400", "partial N", "garbage" (200 with bytes that are no protocol buffers), "cut" (takes it and closes without an
answer); a request that is refused is not kept.
"""

import gzip
import http.server
import pathlib
import sys


def varint(value):
  out = b""
  while value > 127:
    out += bytes([value & 127 | 128])
    value >>= 7
  return out + bytes([value])


class Handler(http.server.BaseHTTPRequestHandler):
  protocol_version = "HTTP/1.1"
  taken = 0

  def do_POST(self):
    folder = pathlib.Path(sys.argv[1])
    body = self.rfile.read(int(self.headers["content-length"]))
    if self.headers.get("content-encoding") == "gzip":
      body = gzip.decompress(body)
    told = folder / "answer"
    what = told.read_text().split() if told.exists() else ["200"]
    if what[0] == "cut":
      self.keep(folder, body)
      self.close_connection = True
      self.connection.shutdown(2)
      return None
    if what[0] == "garbage":
      self.keep(folder, body)
      return self.say(200, b"\xff\xff<html>")
    if what[0] == "partial":
      # partial_success { rejected_log_records: N, error_message: "no" }
      inner = b"\x08" + varint(int(what[1])) + b"\x12\x02no"
      return self.say(200, b"\x0a" + varint(len(inner)) + inner)
    if what[0] != "200":
      return self.say(int(what[0]), b"", {"retry-after": what[1]} if len(what) > 1 else {})
    self.keep(folder, body)
    return self.say(200, b"")

  def keep(self, folder, body):
    if not body:
      return
    Handler.taken += 1
    fresh = folder / "fresh"
    fresh.write_bytes(body)
    fresh.rename(folder / f"{Handler.taken:06}.pb")

  def say(self, status, body, more={}):
    self.send_response(status)
    self.send_header("content-type", "application/x-protobuf")
    self.send_header("content-length", str(len(body)))
    for name, value in more.items():
      self.send_header(name, value)
    self.end_headers()
    self.wfile.write(body)

  def log_message(self, *_):
    pass


def main():
  server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
  Handler.taken = len(list(pathlib.Path(sys.argv[1]).glob("*.pb")))
  print(server.server_address[1], flush=True)
  server.serve_forever()


if __name__ == "__main__":
  main()
