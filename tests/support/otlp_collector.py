#!/usr/bin/python3
"""An OTLP/HTTP receiver of logs that writes what it takes to a file, and fails as it is told.

  otlp_collector.py FOLDER [--listen ADDRESS:PORT] [--certificate PEM --key KEY --client-ca PEM]

Listens on loopback unless told otherwise, without TLS unless given a certificate, and then takes nothing from who shows
none of the client CA's. Prints its port once it listens. Each request it takes becomes the file FOLDER/NNNNNN.pb, with TLS
FOLDER/NNNNNN.NAME.pb of the client's name; it is complete once it is there. FOLDER/answer, where it is there, says how the
next requests are answered: "503", "429 2" (Retry-After), "400", "partial N", "garbage" (200 with bytes that are no
protocol buffers), "cut" (takes it and closes without an answer), "slow N" (takes it, and answers N seconds later); a
request that is refused is not kept.
"""

import argparse
import gzip
import http.server
import pathlib
import ssl
import threading
import time


def varint(value):
  out = b""
  while value > 127:
    out += bytes([value & 127 | 128])
    value >>= 7
  return out + bytes([value])


class Handler(http.server.BaseHTTPRequestHandler):
  protocol_version = "HTTP/1.1"
  folder = None
  taken = 0
  one_at_a_time = threading.Lock()

  def do_POST(self):
    body = self.rfile.read(int(self.headers["content-length"]))
    if self.headers.get("content-encoding") == "gzip":
      body = gzip.decompress(body)
    told = self.folder / "answer"
    try:
      what = told.read_text().split()
    except FileNotFoundError:
      what = ["200"]
    if what[0] == "cut":
      self.keep(body)
      self.close_connection = True
      self.connection.shutdown(2)
      return None
    if what[0] == "garbage":
      self.keep(body)
      return self.say(200, b"\xff\xff<html>")
    if what[0] == "partial":
      # partial_success { rejected_log_records: N, error_message: "no" }
      inner = b"\x08" + varint(int(what[1])) + b"\x12\x02no"
      return self.say(200, b"\x0a" + varint(len(inner)) + inner)
    if what[0] not in ("200", "slow"):
      return self.say(int(what[0]), b"", {"retry-after": what[1]} if len(what) > 1 else {})
    self.keep(body)
    if what[0] == "slow":
      time.sleep(float(what[1]))
    return self.say(200, b"")

  def keep(self, body):
    if not body:
      return
    peer = ""
    if isinstance(self.connection, ssl.SSLSocket):
      names = dict(pair for part in self.connection.getpeercert()["subject"] for pair in part)
      peer = "." + names["commonName"]
    with self.one_at_a_time:
      Handler.taken += 1
      fresh = self.folder / "fresh"
      fresh.write_bytes(body)
      fresh.rename(self.folder / f"{Handler.taken:06}{peer}.pb")

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


class Server(http.server.ThreadingHTTPServer):
  request_queue_size = 128

  def handle_error(self, request, client_address):
    """Who goes away in the middle, or shows no certificate, is expected here."""


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument("folder", type=pathlib.Path)
  parser.add_argument("--listen", default="127.0.0.1:0")
  for name in ("--certificate", "--key", "--client-ca"):
    parser.add_argument(name)
  arguments = parser.parse_args()
  address, _, port = arguments.listen.rpartition(":")
  server = Server((address, int(port)), Handler)
  if arguments.certificate:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=arguments.client_ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(arguments.certificate, arguments.key)
    # The handshake belongs to the connection's own thread.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
  Handler.folder = arguments.folder
  Handler.taken = len(list(arguments.folder.glob("*.pb")))
  print(server.server_address[1], flush=True)
  server.serve_forever()


if __name__ == "__main__":
  main()
