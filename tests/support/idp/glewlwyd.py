"""Debian's glewlwyd on loopback, with the same people and clients as oidc_provider.mjs.

usage: glewlwyd.py

Prints its issuer and an address for tests, and serves until the standard input ends. Below that address:

  POST /person   {"name", "groups"?, "gone"?}   changes a person
  POST /keys     signs with a new key from here on, and publishes both
  POST /machine  {"gone"?, "seconds"?}   changes the client "import": whether it is there, how long access tokens last.
                 Gives the folder where its key is.

It runs as nobody, with a data base and a configuration of its own in a folder that goes with it. Only what its own
pages need is done by its REST API, which is what an administrator's browser would call.
"""

import base64
import http.cookiejar
import http.server
import json
import os
import pathlib
import pwd
import re
import secrets
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

PROGRAM = "/usr/bin/glewlwyd"
TABLES = pathlib.Path("/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3")
MODULES = "/usr/lib/glewlwyd"
PASSWORD = "any will do"  # of everybody; person.py knows it
FIRST_PASSWORD = "password"  # of the administrator that the tables come with
PATIENCE = 20  # seconds
PEOPLE = ("alice", "bob", "carol")
SCOPES = ("openid", "offline_access", "profile", "groups")


def new_pem():
  return subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"], check=True,
                        capture_output=True).stdout


def new_key(pem=None):
  """A private JWK for ES256."""
  text = pem or new_pem()
  text = subprocess.run(["openssl", "ec", "-noout", "-text"], input=text, check=True, capture_output=True).stdout.decode()
  def part(name):
    digits = re.search(name + r":\s*([0-9a-f:\s]+)", text).group(1)
    return bytes.fromhex(re.sub(r"[^0-9a-f]", "", digits))
  def encoded(part):
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
  point = part("pub")[-64:]
  return {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": secrets.token_hex(8),
          "x": encoded(point[:32]), "y": encoded(point[32:]), "d": encoded(part("priv")[-32:].rjust(32, b"\0"))}


class Program:
  """The program itself: stopped with this one, whatever ends it."""

  def __init__(self, folder):
    self._folder = pathlib.Path(folder)
    connection = sqlite3.connect(self._folder / "data")
    connection.executescript(TABLES.read_text())
    # A subject is made up at the first sign-in, unless there is one: tables of a test can hold these.
    connection.executemany("INSERT INTO gpo_subject_identifier (gposi_plugin_name, gposi_username, gposi_sub)"
                           " VALUES ('oidc', ?, ?)", [(name, "subject-of-" + name) for name in PEOPLE])
    connection.commit()
    connection.close()
    for _ in range(5):  # somebody else may take the port first
      with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
      self.address = f"http://127.0.0.1:{port}"
      self._start(port)
      if self._wait(port):
        return
    raise RuntimeError((self._folder / "log").read_text())

  def _start(self, port):
    settings = self._folder / "settings"
    settings.write_text(f"""
port={port}
bind_address="127.0.0.1"
external_url="{self.address}"
login_url="login.html"
api_prefix="api"
log_mode="console"
log_level="WARNING"
cookie_secure=0
hash_algorithm="SHA512"
user_module_path="{MODULES}/user"
client_module_path="{MODULES}/client"
user_auth_scheme_module_path="{MODULES}/scheme"
plugin_module_path="{MODULES}/plugin"
database = {{ type = "sqlite3"; path = "{self._folder / 'data'}"; }};
""")
    command = ["setpriv", "--pdeathsig", "KILL"]
    if os.getuid() == 0:
      nobody = pwd.getpwnam("nobody")
      for path in (self._folder, self._folder / "data", settings):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
      command += [f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups", "--no-new-privs"]
    with open(self._folder / "log", "wb") as log:
      self._process = subprocess.Popen([*command, PROGRAM, f"--config-file={settings}"], cwd=self._folder,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env={"PATH": "/usr/bin:/bin"})

  def _wait(self, port):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and self._process.poll() is None:
      try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
      except OSError:
        time.sleep(0.02)
    self.stop()
    return False

  def stop(self):
    self._process.kill()
    self._process.wait()


class Administrator:
  def __init__(self, address):
    self._address = address + "/api/"
    self._browser = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                                urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    self._keys = [new_key()]
    self._people = set()
    self._machine = False  # whether it is there
    self._seconds = 300
    self.issuer = address + "/api/oidc"
    self._call("POST", "auth/", {"username": "admin", "password": FIRST_PASSWORD})
    self._prepare_people()
    self._prepare_clients()
    self._call("POST", "mod/plugin/", self._plugin())
    for name, groups in (("alice", ["developers", "release"]), ("bob", ["developers"])):
      self.change_person(name, groups)

  def _call(self, method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(self._address + path, data, {"Content-Type": "application/json"}, method=method)
    try:
      with self._browser.open(request, timeout=PATIENCE) as answer:
        return answer.read()
    except urllib.error.HTTPError as answer:
      raise RuntimeError(f"{method} {path}: {answer.code} {answer.read().decode()}") from None

  def _prepare_people(self):
    module = json.loads(self._call("GET", "mod/user/database"))
    module["parameters"]["data-format"]["groups"] = {"multiple": True, "read": True, "write": True}
    self._call("PUT", "mod/user/database", module)
    self._call("PUT", "mod/user/database/reset/")
    for name in SCOPES[1:]:
      self._call("POST", "scope/", {"name": name, "display_name": name, "description": name,
                                    "password_required": False, "scheme": {}})

  def _prepare_clients(self):
    person = {"enabled": True, "authorization_type": ["code", "refresh_token", "delete_token", "device_authorization"],
              "redirect_uri": ["http://127.0.0.1:9/signed-in"]}
    with_secret = {"enabled": True, "confidential": True, "client_secret": "made-up-secret-of-a-test",
                   "token_endpoint_auth_method": ["client_secret_basic"]}
    self._call("POST", "client/", {**person, "client_id": "workstation", "name": "workstation",
                                   "confidential": False, "token_endpoint_auth_method": ["none"]})
    self._call("POST", "client/", {**person, **with_secret, "client_id": "terminal-server", "name": "terminal-server"})
    self._call("POST", "client/", {**with_secret, "client_id": "build-server", "name": "build-server",
                                   "authorization_type": ["client_credentials"], "scope": ["profile"],
                                   "redirect_uri": []})

  def _plugin(self):
    return {
        "module": "oidc", "name": "oidc", "display_name": "oidc", "enabled": True,
        "parameters": {
            "iss": self.issuer, "jwks-private": json.dumps({"keys": self._keys}), "jwks-show": True,
            "jwt-type": "ecdsa", "jwt-key-size": "256", "key": "", "cert": "",
            "code-duration": 120, "access-token-duration": self._seconds, "refresh-token-duration": 3600,
            "refresh-token-rolling": True, "refresh-token-one-use": "always",
            "allow-non-oidc": True, "auth-type-code-enabled": True, "auth-type-code-revoke-replayed": True,
            "auth-type-token-enabled": False, "auth-type-implicit-enabled": False,
            "auth-type-password-enabled": False, "auth-type-client-enabled": True,
            "auth-type-refresh-enabled": True, "auth-type-device-enabled": True,
            "device-authorization-expiration": 120, "device-authorization-interval": 1,
            "pkce-allowed": True, "pkce-required": True, "pkce-method-plain-allowed": False,
            "introspection-revocation-allowed": True, "introspection-revocation-allow-target-client": True,
            "request-parameter-allow": True, "request-maximum-exp": 300, "client-jwks-parameter": "jwks",
            "oauth-dpop-allowed": True, "oauth-dpop-iat-duration": 60, "oauth-dpop-nonce-counter": 10,
            "oauth-dpop-nonce-mandatory": True, "oauth-dpop-iat-gap-duration": 10,
            "oauth-as-iss-id": True, "subject-type": "public", "allowed-scope": list(SCOPES),
            "claims": [
                {"name": "preferred_username", "user-property": "username", "mandatory": True},
                {"name": "groups", "user-property": "groups", "mandatory": True},
            ],
        },
    }

  def change_person(self, name, groups=None, gone=False):
    if gone:
      self._call("DELETE", "user/" + name)
      self._people.discard(name)
      return
    person = {"username": name, "name": name, "password": PASSWORD, "enabled": True, "scope": list(SCOPES),
              "groups": groups or []}
    if name in self._people:
      self._call("PUT", "user/" + name, person)
    else:
      self._call("POST", "user/", person)
      self._people.add(name)

  def change_keys(self):
    self._keys.insert(0, new_key())
    self._reset()

  def _reset(self):
    self._call("PUT", "mod/plugin/oidc", self._plugin())
    self._call("PUT", "mod/plugin/oidc/reset/")

  def change_machine(self, folder, gone=None, seconds=None, **_):
    """It comes when it is first asked for."""
    file = pathlib.Path(folder) / "assertion.key"
    if not file.exists():
      file.write_bytes(new_pem())
      file.chmod(0o400)
    if gone and self._machine:
      self._call("DELETE", "client/import")
      self._machine = False
    elif gone is False and not self._machine:
      public = {name: value for name, value in new_key(file.read_bytes()).items() if name != "d"}
      self._call("POST", "client/", {
          "client_id": "import", "name": "import", "enabled": True, "confidential": True, "scope": ["profile"],
          "authorization_type": ["client_credentials"], "redirect_uri": [],
          "token_endpoint_auth_method": ["private_key_jwt"], "jwks": {"keys": [{**public, "kid": "one"}]}})
      self._machine = True
    if seconds is not None and seconds != self._seconds:
      self._seconds = seconds
      self._reset()


def test_server(administrator, folder):
  class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
      said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
      status, answer = 204, b""
      if self.path == "/person":
        administrator.change_person(**said)
      elif self.path == "/keys":
        administrator.change_keys()
      elif self.path == "/machine":
        administrator.change_machine(folder, **said)
        status, answer = 200, folder.encode()
      else:
        status = 404
      self.send_response(status)
      self.send_header("Content-Length", str(len(answer)))
      self.end_headers()
      self.wfile.write(answer)

    def log_message(self, *_):
      pass

  return http.server.HTTPServer(("127.0.0.1", 0), Handler)


def main():
  with (tempfile.TemporaryDirectory(prefix="veilwire-glewlwyd.") as folder,
        tempfile.TemporaryDirectory(prefix="veilwire-glewlwyd.") as own):
    program = Program(folder)
    try:
      administrator = Administrator(program.address)
      server = test_server(administrator, own)
      threading.Thread(target=server.serve_forever, daemon=True).start()
      print(administrator.issuer, f"http://127.0.0.1:{server.server_port}", flush=True)
      sys.stdin.read()
    finally:
      program.stop()


if __name__ == "__main__":
  if len(sys.argv) != 1:
    sys.exit(__doc__)
  main()
