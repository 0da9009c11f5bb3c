"""Somebody with a browser: follows an address of an identity provider, signs in and agrees to everything.

usage: person.py NAME ADDRESS

Prints where the browser is sent in the end, which is an address that nobody serves, or what the last page says.
"""

import html.parser
import http.cookiejar
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

STEPS = 20


class Page(html.parser.HTMLParser):
  """The first form of a page, and its text."""

  def __init__(self, text):
    super().__init__()
    self.action = None
    self.method = "get"
    self.fields = {}
    self.text = []
    self._in_form = self._done = False
    self._silent = 0
    self.feed(text)

  def handle_starttag(self, tag, attributes):
    values = dict(attributes)
    if tag in ("style", "script"):
      self._silent += 1
    if tag == "form" and not self._done:
      self._in_form = True
      self.action, self.method = values.get("action", ""), values.get("method", "get").lower()
    if self._in_form and tag == "input" and values.get("name"):
      self.fields[values["name"]] = values.get("value") or ""

  def handle_endtag(self, tag):
    if tag in ("style", "script"):
      self._silent -= 1
    if tag == "form" and self._in_form:
      self._in_form, self._done = False, True

  def handle_data(self, data):
    if not self._silent and data.strip():
      self.text.append(data.strip())


# Of everybody whom an identity provider asks for one.
PASSWORD = "any will do"


class StopAtRedirect(urllib.request.HTTPRedirectHandler):
  def redirect_request(self, *_):
    return None


class Person:
  def __init__(self, name):
    self._name = name
    self._browser = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()), StopAtRedirect)

  def visit(self, address):
    """Where the browser ends up, or the text of the last page."""
    home = urllib.parse.urlsplit(address).netloc
    data = None
    for _ in range(STEPS):
      if urllib.parse.urlsplit(address).netloc != home:
        return address
      if urllib.parse.urlsplit(address).path == "/login.html":
        address = self._run_login_page(address)
        if "://" not in address:
          return address
      try:
        with self._browser.open(urllib.request.Request(address, data)) as answer:
          page = Page(answer.read().decode())
      except urllib.error.HTTPError as answer:
        if answer.code not in (301, 302, 303, 307):
          raise RuntimeError(f"{answer.code} at {address}: {' '.join(Page(answer.read().decode()).text)}") from None
        address, data = urllib.parse.urljoin(address, answer.headers["Location"]), None
        continue
      if page.action is None:
        return " ".join(page.text)
      for field in page.fields:
        if field in ("login", "username"):
          page.fields[field] = self._name
        if field == "password":
          page.fields[field] = PASSWORD
      address = urllib.parse.urljoin(address, page.action)
      data = urllib.parse.urlencode(page.fields).encode()
      if page.method == "get":
        address, data = address + "?" + data.decode(), None
    raise RuntimeError(f"no end after {STEPS} steps, at {address}")

  def _run_login_page(self, address):
    """What the script in glewlwyd's login page does: where it goes next, or what it says."""
    asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
    if "client_id" not in asked:
      return asked["prompt"]  # deviceComplete
    self._call(address, "POST", "api/auth/", {"username": self._name, "password": PASSWORD})
    self._call(address, "PUT", "api/auth/grant/" + asked["client_id"], {"scope": asked["scope"]})
    return asked["callback_url"] + "&g_continue"

  def _call(self, address, method, path, body):
    request = urllib.request.Request(urllib.parse.urljoin(address, "/" + path), json.dumps(body).encode(),
                                     {"Content-Type": "application/json"}, method=method)
    self._browser.open(request).close()


if __name__ == "__main__":
  if len(sys.argv) != 3:
    sys.exit(__doc__)
  print(Person(sys.argv[1]).visit(sys.argv[2]))
