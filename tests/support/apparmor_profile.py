"""What an AppArmor profile allows, by the text that apparmor_parser has made of it with all that it includes: rules for
paths, networks, capabilities, and for looking at other processes. Rules of other kinds are passed over.

Tested by tests/profiles_test.py --self-test.
"""

import re
import subprocess

SYSTEM = "/etc/apparmor.d"


class ProfileError(RuntimeError):
  pass


def parser(*arguments):
  run = subprocess.run(["apparmor_parser", *map(str, arguments)], capture_output=True, text=True)
  # Where the kernel has no AppArmor it says that it caches nothing.
  said = "\n".join(line for line in run.stderr.splitlines() if not line.startswith("Cache read/write disabled"))
  if run.returncode or said:
    raise ProfileError(f"apparmor_parser {' '.join(map(str, arguments))}: {said or run.returncode}")
  return run.stdout


def alternatives(text):
  """What braces come to: "a{b,c}" is "ab" and "ac". Nested ones too."""
  close = text.find("}")
  if close < 0:
    return [text]
  begin = text.rfind("{", 0, close)
  return [whole for word in text[begin + 1:close].split(",")
          for whole in alternatives(text[:begin] + word + text[close + 1:])]


def expression(glob):
  """apparmor.d(5): "*" and "?" stay within a folder, "**" does not; behind a slash each star is at least one character."""
  out, at = "", 0
  while at < len(glob):
    least = "+" if out.endswith("/") else "*"
    if glob.startswith("**", at):
      out, at = out + "." + least, at + 2
    elif glob[at] == "*":
      out, at = out + "[^/]" + least, at + 1
    elif glob[at] == "?":
      out, at = out + "[^/]", at + 1
    elif glob[at] == "[":
      end = glob.index("]", at) + 1
      out, at = out + glob[at:end], end
    else:
      out, at = out + re.escape(glob[at]), at + 1
  return out


class Profile:
  def __init__(self, text):
    """text: a profile without includes."""
    self.name = re.search(r"^profile (\S+)", text, re.MULTILINE)[1]
    self.complains = "complain" in re.search(r"^profile .*$", text, re.MULTILINE)[0]
    self.capabilities, self.networks, self.sees_others = set(), set(), False
    self._paths = []  # (expression, letters)
    variables = {}
    for name, values in re.findall(r"(?m)^@\{(\w+)\} *= *(.*)$", text):
      variables[name] = values.replace('"', "").split()
    body = re.sub(r"(?m)(^|\s)#.*$", "", text[text.index("{", text.index("profile ")) + 1:text.rindex("}")])
    for rule in re.split(r",\s*\n", body):
      self._take(" ".join(rule.split()), variables)

  def _take(self, rule, variables):
    words = rule.split()
    if not words:
      return
    if words[0] in ("deny", "audit", "owner"):  # owner: who runs it has made it
      if words[0] == "deny":
        raise ProfileError(f"{self.name}: deny rules are not read here")
      return self._take(" ".join(words[1:]), variables)
    if words[0] == "capability":
      self.capabilities |= set(words[1:])
    elif words[0] == "network":
      self.networks.add(tuple(words[1:]))
    elif words[:2] == ["ptrace", "(read)"]:
      self.sees_others |= len(words) == 2
    elif rule.startswith(("/", "@")) and not re.match(r"@\{\w+\} *=", rule):
      path, letters = rule.rsplit(" ", 1)
      for whole in self._expanded(path.strip(), variables):
        self._paths.append((re.compile(expression(whole)), letters))

  def _expanded(self, path, variables):
    variable = re.search(r"@\{(\w+)\}", path)
    if not variable:
      return alternatives(path)
    return [whole for value in variables[variable[1]]
            for whole in self._expanded(re.sub("//+", "/", path.replace(variable[0], value)), variables)]

  def allows(self, letter, path):
    return any(letter in letters and expression.fullmatch(path) for expression, letters in self._paths)

  def allows_network(self, family, kind):
    wanted = (family.removeprefix("AF_").lower(), kind.removeprefix("SOCK_").lower())
    return any(rule in ((), wanted[:1], wanted) for rule in self.networks)


def load(file, folder):
  return Profile(parser("-p", "-I", folder, "-I", SYSTEM, file))
