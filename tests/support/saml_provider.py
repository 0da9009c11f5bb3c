"""The SAML identity provider of tests/support/saml-idp in a sandbox, and what a browser does between it and the
callback: everything here goes by curl in the view where a person's browser is."""

import html
import json
import pathlib
import re
import subprocess
import urllib.parse

import sandbox as sandboxes

FOLDER = pathlib.Path(__file__).resolve().parent


class SamlProvider:
  def __init__(self, box):
    self.box = box
    packages = subprocess.run([FOLDER / "install-clients", "--print", "saml-idp"], capture_output=True, text=True,
                              check=True).stdout.strip()
    self._process = box.popen(["node", "--no-warnings", FOLDER / "saml-idp/samlp.mjs", packages], where="direct",
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    said = self._process.stdout.readline().split()
    if len(said) != 2:
      raise sandboxes.SandboxError("the SAML identity provider has not started")
    self.issuer, self._tests = said

  def close(self):
    self._process.stdin.close()
    self._process.wait(20)
    self._process.stdout.close()

  def curl(self, address, *arguments, body=None):
    data = [] if body is None else ["--data-binary", "@-"]
    run = self.box.run(["curl", "-sS", *data, *arguments, address], where="direct", input=body)
    if run.returncode:
      raise sandboxes.SandboxError(run.stderr.decode())
    return run.stdout.decode()

  def metadata(self):
    return self.curl(self.issuer + "/metadata")

  def tell(self, what, **said):
    self.curl(f"{self._tests}/{what}", "--fail", body=json.dumps(said).encode())

  def answer(self, address):
    """Who is signed in there goes to this address: the form that the page then posts, and where to."""
    page = self.curl(address)
    fields = {name: html.unescape(value) for name, value in
              re.findall(r'name="(SAMLResponse|RelayState)"\s+value="([^"]*)"', page)}
    return html.unescape(re.search(r'action="([^"]*)"', page)[1]), fields

  def post(self, callback, fields):
    """The page that comes back, and its status."""
    body = urllib.parse.urlencode(fields).encode()
    said = self.curl(callback, "-w", "\n%{http_code}", body=body)
    page, _, status = said.rpartition("\n")
    return page, int(status)
