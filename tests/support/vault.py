#!/usr/bin/python3
"""A key-value store of version 2 as Vault speaks it: prints its port once it listens on loopback.

SECRETS is a JSON file, {"PATH": {"FIELD": VALUE}}, which is read at every request; without it the vault is sealed. TOKEN
is a file with the one token that may read.
"""

import http.server
import json
import pathlib
import sys


class Handler(http.server.BaseHTTPRequestHandler):
  def do_GET(self):
    secrets, token = (pathlib.Path(name) for name in sys.argv[1:])
    said = self.headers.get("authorization", "")
    if not secrets.exists():
      return self.say(503, {"errors": ["Vault is sealed"]})
    if said != f"Bearer {token.read_text().strip()}":
      return self.say(403, {"errors": ["permission denied"]})
    data = json.loads(secrets.read_text()).get(self.path.removeprefix("/v1/secret/data/"))
    if data is None:
      return self.say(404, {"errors": []})
    return self.say(200, {"lease_duration": 0, "data": {"data": data, "metadata": {"version": 1}}})

  def say(self, status, value):
    body = json.dumps(value).encode()
    self.send_response(status)
    self.send_header("content-type", "application/json")
    self.send_header("content-length", str(len(body)))
    self.end_headers()
    self.wfile.write(body)

  def log_message(self, *_):
    pass


def main():
  server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
  print(server.server_address[1], flush=True)
  server.serve_forever()


if __name__ == "__main__":
  main()
