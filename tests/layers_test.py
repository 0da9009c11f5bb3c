"""The layers of the tree, kept by a table and not by habit: every #include is compared with tests/layers.txt.

With --self-test it plants violations in a small tree and fails unless each of them is found, so that a checker
that has gone blind does not pass. Both run as ctest cases (layers_test, layers_self_test).
"""

import argparse
import pathlib
import re
import sys
import tempfile

SOURCES = {".h", ".hpp", ".c", ".cc", ".cpp"}
HEADERS = {".h", ".hpp"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
FOLDERS = ("bpf", "userspace", "agent", "tests/fuzz")

# C++20's headers and the C headers that the C++ standard keeps.
STANDARD = set("""
algorithm any array atomic barrier bit bitset charconv chrono codecvt compare complex concepts condition_variable
coroutine deque exception execution filesystem format forward_list fstream functional future initializer_list
iomanip ios iosfwd iostream istream iterator latch limits list locale map memory memory_resource mutex new numbers
numeric optional ostream queue random ranges ratio regex scoped_allocator semaphore set shared_mutex
source_location span sstream stack stdexcept stop_token streambuf string string_view strstream syncstream
system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant
vector version cassert cctype cerrno cfenv cfloat cinttypes climits clocale cmath csetjmp csignal cstdarg cstddef
cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype
assert.h ctype.h errno.h float.h inttypes.h limits.h math.h stdarg.h stddef.h stdint.h stdio.h stdlib.h string.h
""".split())
# What "posix" stands for in the table.
POSIX = re.compile(
    r"^(sys|linux|net|netinet|arpa|asm|bits)/|"
    r"^(dirent|dlfcn|endian|fcntl|fnmatch|getopt|glob|grp|ifaddrs|libgen|netdb|poll|pthread|pwd|sched|shadow|"
    r"signal|spawn|strings|syslog|termios|time|unistd|ucontext|utime|wordexp)\.h$")


class Rule:
  def __init__(self, module, ours, others):
    self.module = module
    self.ours = ours
    self.others = others

  def covers(self, path):
    return path == self.module or path.startswith(self.module + "/")

  def allows_ours(self, included):
    return any(included == o or included.startswith(o + "/") for o in (self.module, *self.ours))

  def allows_other(self, included, in_header):
    for allowed in self.others:
      if allowed.startswith("+"):
        allowed = allowed[1:]
      elif in_header:
        continue
      if allowed == "posix" and POSIX.match(included):
        return True
      if allowed != "posix" and included.startswith(allowed):
        return True
    return False


def read_table(path):
  rules = []
  for number, line in enumerate(path.read_text().splitlines(), 1):
    line = line.split("#", 1)[0].strip() if line.lstrip().startswith("#") else line.strip()
    if not line:
      continue
    columns = [column.strip() for column in line.split("|")]
    if len(columns) != 3 or not columns[0]:
      raise SystemExit(f"{path}:{number}: want MODULE | OURS | OTHERS")
    rules.append(Rule(columns[0], columns[1].split(), columns[2].split()))
  # The longest name wins: bpf/abi.h before bpf.
  return sorted(rules, key=lambda rule: -len(rule.module))


def check(root, rules):
  """Returns (files read, complaints)."""
  complaints = []
  count = 0
  for folder in FOLDERS:
    for path in sorted((root / folder).rglob("*")):
      if path.suffix not in SOURCES or not path.is_file():
        continue
      count += 1
      name = path.relative_to(root).as_posix()
      rule = next((rule for rule in rules if rule.covers(name)), None)
      if rule is None:
        complaints.append(f"{name}: no row of layers.txt covers it")
        continue
      text = path.read_text()
      for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start(2)) + 1
        complaint = judge(root, path, rule, match.group(1), match.group(2))
        if complaint:
          complaints.append(f"{name}:{line}: {complaint}")
  return count, complaints


def judge(root, path, rule, bracket, included):
  if bracket == '"':
    # A bare name in quotes lies beside its user (bpf/), in the tree, or is generated (a skeleton).
    beside = path.parent / included
    if "/" not in included and beside.is_file():
      included = beside.relative_to(root).as_posix()
    if (root / included).is_file() or included.split("/", 1)[0] in ("bpf", "userspace", "agent", "tests"):
      return None if rule.allows_ours(included) else f"{rule.module} may not include {included}"
  elif included in STANDARD:
    return None
  if rule.allows_other(included, path.suffix in HEADERS):
    return None
  if rule.allows_other(included, False):
    return f"{included} in a header: third-party headers stay in .cpp files"
  return f"{rule.module} may not include <{included}>"


def self_test():
  table = "\n".join([
      "userspace/base | |",
      "userspace/wire | userspace/base | zlib.h",
      "userspace/flow | userspace/wire/http.h | ",
      "agent/host | userspace/base | +posix spdlog/"])
  good = {
      "userspace/base/a.h": "#include <string>\n",
      "userspace/wire/http.h": '#include "userspace/base/a.h"\n',
      "userspace/wire/b.cpp": '#include "userspace/wire/http.h"\n#include <zlib.h>\n',
      "userspace/flow/c.cpp": '#include "userspace/wire/http.h"\n',
      "agent/host/d.h": "#include <sys/socket.h>\n#include <unistd.h>\n",
      "agent/host/d.cpp": "#include <spdlog/spdlog.h>\n"}
  bad = {
      "a lower layer includes a higher one": ("userspace/base/x.cpp", '#include "userspace/wire/http.h"\n'),
      "a row names one header and another is taken": ("userspace/flow/x.cpp", '#include "userspace/wire/b.h"\n'),
      "a third-party header stands in a header": ("userspace/wire/x.h", "#include <zlib.h>\n"),
      "a library of another module": ("userspace/base/x.cpp", "#include <zlib.h>\n"),
      "a descriptor below userspace": ("userspace/wire/x.cpp", "#include <sys/socket.h>\n"),
      "blanks before the name": ("userspace/base/x.cpp", '  #  include   "userspace/wire/http.h"\n'),
      "a module without a row": ("agent/proxy/x.cpp", "#include <string>\n"),
      "an include that names no known folder": ("userspace/base/x.cpp", '#include "../wire/http.h"\n')}
  failures = []
  for title, planted in [("nothing planted", None), *bad.items()]:
    with tempfile.TemporaryDirectory() as folder:
      root = pathlib.Path(folder)
      files = dict(good)
      if planted:
        files[planted[0]] = planted[1]
      for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
      (root / "layers.txt").write_text(table)
      _, complaints = check(root, read_table(root / "layers.txt"))
      if (len(complaints) == 1) != (planted is not None):
        failures.append(f"{title}: {complaints or 'not found'}")
  print("\n".join(failures) or f"{len(bad)} planted violations found")
  return 1 if failures else 0


def main():
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--self-test", action="store_true")
  parser.add_argument("root", nargs="?", default=pathlib.Path(__file__).resolve().parent.parent)
  arguments = parser.parse_args()
  if arguments.self_test:
    return self_test()
  root = pathlib.Path(arguments.root)
  count, complaints = check(root, read_table(root / "tests/layers.txt"))
  if count == 0:
    complaints.append("no source file was found: the wrong folder?")
  print("\n".join(complaints) or f"{count} files keep to their layers")
  return 1 if complaints else 0


if __name__ == "__main__":
  sys.exit(main())
