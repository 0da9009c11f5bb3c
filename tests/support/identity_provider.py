"""The identity provider of tests/support/idp as a child process, for tests in Python."""

import json
import pathlib
import subprocess
import sys
import time
import urllib.parse
import urllib.request

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER / "idp"))

from person import Person  # noqa: E402

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(address):
  with _NO_PROXY.open(address, timeout=20) as answer:
    return answer.read().decode()


class IdentityProvider:
  def __init__(self, *arguments):
    packages = subprocess.run([FOLDER / "install-clients", "--print", "idp"], capture_output=True, text=True,
                              check=True).stdout.strip()
    self._command = ["node", "--no-warnings", FOLDER / "idp/oidc_provider.mjs", packages, *arguments]
    self.start()

  def start(self):
    self._process = self._popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True)
    said = self._process.stdout.readline().split()
    if len(said) != 2:
      raise RuntimeError("the identity provider has not started")
    self.issuer, self._tests = said

  @property
  def closed(self):
    return self._process.stdout.closed

  def close(self):
    self._process.stdin.close()
    self._process.wait(20)
    self._process.stdout.close()

  def kill(self):
    """At once; start() goes on where it was given a file for that."""
    self._process.kill()
    self.close()

  def tell(self, what, **said):
    return self._post(f"{self._tests}/{what}", json.dumps(said).encode())

  def id_token(self, name):
    """What a build system would give to its job: an ID token about NAME, for the audience "workstation"."""
    asked = {"client_id": "workstation", "scope": "openid profile"}
    start = json.loads(self._post(self.issuer + "/device/auth", asked))
    self.visit(name, start["verification_uri_complete"])
    for _ in range(20):
      try:
        return json.loads(self._post(self.issuer + "/token", {"client_id": "workstation", "grant_type": DEVICE_GRANT,
                                                "device_code": start["device_code"]}))["id_token"]
      except urllib.error.HTTPError:
        time.sleep(1)
    raise RuntimeError("no token")

  def visit(self, name, address):
    """Somebody signs in with a browser; where it ends."""
    return Person(name).visit(address)

  def _popen(self, command, **options):
    return subprocess.Popen(command, **options)

  def _post(self, address, body):
    data = body if isinstance(body, bytes) else urllib.parse.urlencode(body).encode()
    with _NO_PROXY.open(address, data, timeout=20) as answer:
      return answer.read().decode()
