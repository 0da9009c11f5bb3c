"""Documents about security name nothing that does not exist: files, tests, links, and each fuzzer with its corpus."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENTS = ("docs/threat-model.md", "SECURITY.md")
FILE = re.compile(r"(?:agent|bpf|docs|packaging|policies|tests|userspace)/[\w./-]+")
# As tests are named: sentences in snake_case in Python and for the kernel, in CamelCase elsewhere.
TEST = re.compile(r"(?:test_)?[a-z]+(?:_[a-z0-9]+){4,}|[A-Z][a-z]+(?:[A-Z][a-z]*){3,}")
NAMES = re.compile(r"\b(?:TEST\w*\(\w+, (\w+)\)|def (test_\w+))")


def names_of_tests():
  files = subprocess.run(["git", "-C", ROOT, "ls-files", "tests"], capture_output=True, text=True).stdout.splitlines()
  found = set()
  for file in files or [str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("*")]:
    if file.endswith((".cpp", ".py")):
      for pair in NAMES.findall((ROOT / file).read_text(errors="replace")):
        found |= set(pair)
  return found


def faults(name, text, tests):
  for word in re.findall(r"`([^`\n]+)`", text):
    if FILE.fullmatch(word) and "NAME" not in word and not (ROOT / word).exists():
      yield f"{name}: there is no {word}"
    if TEST.fullmatch(word) and word not in tests:
      yield f"{name}: no test is called {word}"
  for link in re.findall(r"\]\(([^)#:]+)\)", text):
    if not (ROOT / name).parent.joinpath(link).exists():
      yield f"{name}: its link to {link} leads nowhere"


def fuzzers(text):
  targets = set(re.findall(r"(?m)^veilwire_fuzz\((\w+)", (ROOT / "tests/fuzz/CMakeLists.txt").read_text()))
  listed = re.findall(r"(?m)^\| `(\w+)` \|[^|]+\|[^|]+\|$", text)
  if sorted(listed) != sorted(targets):
    yield f"SECURITY.md: fuzzers that differ from tests/fuzz: {sorted(targets ^ set(listed)) or 'one stands twice'}"
  for target in sorted(targets):
    if not any((ROOT / "tests/fuzz/corpus" / target).glob("*")):
      yield f"the fuzzer {target} has no corpus"


def self_test():
  tests = {"KnownTestOfThis"}
  wrong = "`tests/nowhere.py` `NoTestIsCalledThis` `test_that_no_file_of_ours_has` [x](nowhere.md)"
  assert len(list(faults("SECURITY.md", wrong, tests))) == 4, list(faults("SECURITY.md", wrong, tests))
  assert list(faults("SECURITY.md", "`tests/run` `KnownTestOfThis` [x](README.md)", tests)) == []
  assert len(list(fuzzers("| `jwt` | a | b |\n"))) == 1
  return 0


def main():
  if sys.argv[1:] == ["--self-test"]:
    return self_test()
  tests = names_of_tests()
  found = [fault for name in DOCUMENTS for fault in faults(name, (ROOT / name).read_text(), tests)]
  found += fuzzers((ROOT / "SECURITY.md").read_text())
  print("\n".join(found) or f"{len(DOCUMENTS)} documents name what there is")
  return 1 if found else 0


if __name__ == "__main__":
  sys.exit(main())
