"""What the upstream is asked to do, as a line of text that can stand in a prompt of an unmodified client.

  [[demo NAME key=value ...]]   in the last prompt that has one, or in a tool's argument
  ?demo=NAME+key=value           in the query, for clients that choose their URL

secret=given repeats the credential that came with the request.

Secrets are made up. They are written the way each vendor writes its tokens, so that real rules find them.
"""

import re

SECRETS = {
    "github": "ghp_x7Kq2mVb9TzR4nWc8JdL5hYf3GsP6uQa1EoX",
    "aws": "AKIAQ3XVT5LMN2HJWPKD",
    "anthropic": "sk-ant-api03-" + "f8Zq1Lx7Wm3Kc9Vt5Rb2Nd6Hj4Gp0Ys_uAeTiOwQ-kMzXvBnCrDsFgEh7J2l4P9o8I6u5Y3t1RqWeZxCvBnMa_LkJAA",
    "slack": "xoxb-730191371696-1413868247813-IG7Z6nYevC2hdviE3aJhb5kY",
    "key": ("-----BEGIN RSA PRIVATE KEY-----\n" + "\n".join(
        "MIIEpAIBAAKCAQEA7bq2Yl5Vw0kQm3xJ9tRc8sZfHn4dLpGv6uEoXy1iBaTWKjM%d" % i for i in range(10, 24)) +
            "\n-----END RSA PRIVATE KEY-----"),
}

_DIRECTIVE = re.compile(r"\[\[demo ([^\]]*)\]\]")


class Scenario:
  def __init__(self, text="hello"):
    words = text.split() or ["hello"]
    self.name = words[0]
    self.given = ""  # the credential of the request
    self._options = dict(word.split("=", 1) for word in words[1:] if "=" in word)

  def text(self, key, default=""):
    return self._options.get(key, default)

  def number(self, key, default=0):
    return float(self._options.get(key, default))

  def count(self, key, default=0):
    return int(self._options.get(key, default))

  @property
  def secret(self):
    name = self.text("secret", "github")
    return self.given if name == "given" else SECRETS[name]


def in_text(text):
  """The last directive in a text, or None."""
  found = _DIRECTIVE.findall(text)
  return Scenario(found[-1]) if found else None


def pieces(before, secret, after, cut):
  """A text with a secret, in pieces: cut "each" (a piece a character), "none", or a number: where in the secret."""
  if cut == "each":
    return list(before + secret + after)
  if cut == "none":
    return [before + secret + after]
  at = int(cut)
  return [piece for piece in (before + secret[:at], secret[at:] + after) if piece]
