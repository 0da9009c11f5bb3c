"""The runbooks in docs/: each has its parts, says by which test it is run or that it is not, and names only commands,
options, units and files that there are. The README names only commands, units and links that there are."""

import functools
import pathlib
import re
import shlex
import subprocess
import sys

from source_files import ROOT

PAGES = ("reload", "log-levels", "upgrade", "rollback", "ca-rotation", "backup", "uninstall")
PARTS = ("When", "Before", "Steps", "It worked", "Back", "What it does not do")
PROGRAM = re.compile(r"veilwire(-[a-z]+)?$")
OURS = re.compile(r"/(?:etc|run|var/lib|sys/fs/bpf)/veilwire[\w./-]*[\w]")
SEPARATORS = {"&&", "||", "|", ";"}


@functools.cache
def help_of(command):
  run = subprocess.run([*command, "--help"], capture_output=True, text=True, timeout=60)
  return run.stdout if run.returncode == 0 else ""


def subcommands(text):
  return re.findall(r"(?m)^  ([a-z][\w-]*)(?: |$)", text.partition("Subcommands:")[2])


def commands_of(page):
  """What stands indented, a line that ends in a backslash with the next, and what is quoted; without shells around."""
  text = re.sub(r"\\\n\s*", "", page)
  lines = re.findall(r"(?m)^ {4,}(\S.*)$", text) + re.findall(r"`([^`\n]+)`", text)
  for line in lines:
    try:
      words = shlex.split(line)
    except ValueError:
      continue  # prose
    words = [inner for word in words for inner in (shlex.split(word) if "veilwire" in word and " " in word else [word])]
    command = []
    for word in [*words, ";"]:
      if word in SEPARATORS or word.startswith(">"):
        if command:
          yield command
        command = []
      else:
        command.append(word)


def complaints_about_command(words, programs):
  if not PROGRAM.match(words[0]):
    return
  command, said = [str(programs / words[0])], " ".join(words)
  if not pathlib.Path(command[0]).exists():
    if len(words) > 1 or not (ROOT / f"packaging/systemd/{words[0]}.service").exists():
      yield f"`{said}`: there is no program {words[0]}"
    return
  known, value = help_of(tuple(command)), False
  for word in words[1:]:
    if word.startswith("--"):
      option = word.partition("=")[0]
      if not re.search(rf"{option}\b", known):
        yield f"`{said}`: {' '.join(command[1:]) or words[0]} has no option {option}"
      value = True
    elif word in subcommands(help_of(tuple(command))):
      command.append(word)
      known, value = known + help_of(tuple(command)), False
    elif subcommands(help_of(tuple(command))) and not value:
      yield f"`{said}`: there is no command {word}"
      return
    else:
      value = False


def complaints_about_units(words):
  if words[0] != "systemctl":
    return
  for word in words[1:]:
    name = word if "." in word else f"{word}.service"
    if word.startswith("veilwire") and not (ROOT / "packaging/systemd" / name).exists():
      yield f"there is no unit {word}"
    elif word.startswith("veilwire") and words[1] == "reload" and "ExecReload=" not in (
        ROOT / "packaging/systemd" / name).read_text():
      yield f"{word} cannot be reloaded"


@functools.cache
def known_places():
  folders = (ROOT / "packaging", ROOT / "agent", ROOT / "bpf")
  return "".join(path.read_text(errors="replace") for folder in folders for path in folder.rglob("*")
                 if path.is_file())


def complaints_about_names(page, folder, programs):
  for words in commands_of(page):
    yield from complaints_about_command(words, programs)
    yield from complaints_about_units(words)
  for link in re.findall(r"\]\(([^)#]+)\)", page):
    if not (folder / link).exists():
      yield f"there is no {link}"
  for manual, section in re.findall(r"\b(veilwire(?:-[a-z]+)?)\((\d)\)", page):
    if not (ROOT / f"packaging/man/{manual}.{section}").exists():
      yield f"there is no manual page {manual}({section})"


def complaints_about(page, programs):
  parts = re.findall(r"(?m)^\*\*(.*?)\.\*\*", page)
  yield from (f"has no part \"{part}\"" for part in PARTS if part not in parts)
  yield from complaints_about_names(page, ROOT / "docs", programs)
  for place in set(OURS.findall(page)):
    folder, _, file = place.rpartition("/")
    # By its whole name or, where a program puts it beside another, by both parts; one that a step makes has an ending
    # of its own.
    known = known_places()
    if not any(one in known for one in (place, place.rpartition(".")[0] or place)) and not (
        folder + "/" in known and "." in file and file in known):
      yield f"nobody else knows of {place}"
  end = page.rstrip().split("\n\n")[-1]
  tests = re.findall(r"tests/[\w./-]+\.(?:py|cpp)", end)
  if end.startswith("Run by: "):
    if not tests:
      yield "names no test"
    for test in tests:
      folder = ROOT / pathlib.Path(test).parent
      listed = (folder / "CMakeLists.txt").read_text() if (ROOT / test).exists() else ""
      if pathlib.Path(test).stem.removesuffix("_test") not in listed:
        yield f"{test} is run by nobody"
  elif not end.startswith("Not run: "):
    yield "does not say by which test it is run, nor why by none"


def main():
  programs = pathlib.Path(sys.argv[1])
  index = (ROOT / "docs/README.md").read_text()
  complaints = [f"docs/README.md does not name {name}.md" for name in PAGES if f"({name}.md)" not in index]
  for name in PAGES:
    page = (ROOT / f"docs/{name}.md").read_text()
    complaints += [f"docs/{name}.md: {complaint}" for complaint in complaints_about(page, programs)]
  readme = (ROOT / "README.md").read_text().partition("\n## ")[2]  # without the picture, whose words are no commands
  complaints += [f"README.md: {complaint}" for complaint in complaints_about_names(readme, ROOT, programs)]
  print("\n".join(complaints) or f"{len(PAGES)} runbooks name what there is")
  return 1 if complaints else 0


def self_test():
  """What the pages have right, made wrong, is noticed."""
  programs = pathlib.Path(sys.argv[1])
  page = (ROOT / "docs/ca-rotation.md").read_text()
  for before, after, complaint in (
      ("veilwire-signer add-ca", "veilwire-signer ad-ca", "there is no command ad-ca"),
      ("show-ca --other >", "show-ca --others >", "has no option --others"),
      ("systemctl reload veilwire-signer\n", "systemctl reload veilwire-singer\n", "there is no unit veilwire-singer"),
      ("/etc/veilwire/ca.pem", "/etc/veilwire/cacert", "nobody else knows of /etc/veilwire/cacert"),
      ("tests/e2e/ca_rotation_test.py", "tests/e2e/gone_test.py", "tests/e2e/gone_test.py is run by nobody"),
      ("**Back.**", "Back.", 'has no part "Back"')):
    assert before in page, before
    found = list(complaints_about(page.replace(before, after), programs))
    assert any(complaint in one for one in found), (complaint, found)
  print("what is wrong is noticed")
  return 0


if __name__ == "__main__":
  sys.exit(self_test() if "--self-test" in sys.argv else main())
