"""What the shells complete is what the programs take: bash and zsh are asked, and every option and command that a
program's sources add is offered somewhere."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = pathlib.Path(os.environ["VEILWIRE_BINARY_DIR"]) / "packaging/completions"
# Positional arguments have no spelling of their own.
OPTION = re.compile(r'add_(?:option|flag)\(\s*"(-[^"]*)"')
COMMAND = re.compile(r'add_(?:sub)?command\(\s*(?:[*\w]+,\s*)?"([a-z-]+)"')
BASH = r"""
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
function="_${1//-/_}"
"$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""
# A terminal of zsh's own: two tabs list what there is, and a key of the test's own says that the list is complete.
ZSH = r"""
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PROMPT= RPROMPT= ; unsetopt zle_bracketed_paste; fpath=('"$1"' $fpath); autoload -U compinit; compinit -u -D'
zpty -w shell 'zstyle ":completion:*" list-separator "--"; LISTMAX=1000; setopt list_packed; print be""gin'
zpty -r shell output '*begin*'
zpty -n -w shell "$2"$'\t\t'
sleep $3
zpty -n -w shell $'\C-u print e""nd\n'
output=
while zpty -r shell line; do output+=$line; [[ $line == *end* ]] && break; done
print -r -- $output
"""


def bash(*words):
  run = subprocess.run(["bash", "-c", BASH, "bash", FOLDER / "bash" / words[0], *words], capture_output=True, text=True,
                       check=True)
  return run.stdout.split()


class Completion(unittest.TestCase):
  def test_bash_completes_commands_below_commands(self):
    self.assertIn("audit", bash("veilwire", "au"))
    self.assertEqual(bash("veilwire", "audit", "li"), ["list"])
    self.assertEqual(bash("veilwire", "--config", "status", "audit", "li"), ["list"])
    self.assertEqual(bash("veilwire", "audit", "--ledger", "list", "sho"), ["show"])
    self.assertEqual(bash("veilwire-redirector", "det"), ["detach"])

  def test_bash_completes_the_options_of_the_command_at_hand(self):
    self.assertEqual(bash("veilwire", "scan", "--rec"), ["--recursive"])
    self.assertEqual(bash("veilwire", "audit", "list", "--rec"), [])

  def test_bash_completes_values_and_files(self):
    self.assertEqual(bash("veilwire", "scan", "--format", ""), ["text", "json", "sarif"])
    self.assertEqual(bash("veilwire", "scan", "--format", "=", "s"), ["sarif"])
    with tempfile.TemporaryDirectory() as folder:
      (pathlib.Path(folder) / "policy.toml").touch()
      self.assertEqual(bash("veilwire", "scan", "--policy", f"{folder}/pol"), [f"{folder}/policy.toml"])
      self.assertEqual(bash("veilwire", "policy", "check", f"{folder}/pol"), [f"{folder}/policy.toml"])

  def test_zsh_completes_commands_options_and_values(self):
    if not shutil.which("zsh"):
      self.fail("zsh is missing")

    for line, wanted in {"veilwire ": "policy", "veilwire audit ": "(?s)list.*stats.*verify",
                         "veilwire scan --f": "--findings", "veilwire scan --format ": "(?s)json.*sarif|sarif.*json"}.items():
      for patience in (1, 5, 20):
        run = subprocess.run(["zsh", "-f", "-c", ZSH, "zsh", FOLDER / "zsh", line, str(patience)], capture_output=True,
                             text=True, timeout=120, stdin=subprocess.DEVNULL)
        if re.search(wanted, run.stdout):
          break
      self.assertRegex(run.stdout, wanted, line)

  def test_every_option_and_command_of_the_sources_is_offered(self):
    folders = {"veilwire": ("ctl", "setup", "doctor")}
    for script in sorted((FOLDER / "bash").iterdir()):
      named = folders.get(script.name, (script.name.removeprefix("veilwire-"),))
      text = "".join(path.read_text() for name in named for path in (ROOT / "agent" / name).glob("*.cpp"))
      if "add_daemon_options" in text:
        text += (ROOT / "agent/host/program.cpp").read_text()
      words = {word for added in OPTION.findall(text) + COMMAND.findall(text) for word in added.split(",")}
      self.assertTrue(words, script.name)
      for shell in (script, FOLDER / "zsh" / f"_{script.name}"):
        offered = set(re.findall(r"--?[a-z][a-z-]*|\b[a-z][a-z-]*\b", shell.read_text()))
        self.assertEqual(words - offered, set(), shell)
        check = subprocess.run([shell.parent.name, "-n", shell], capture_output=True, text=True)
        self.assertEqual((check.returncode, check.stderr), (0, ""), shell)


if __name__ == "__main__":
  sys.exit(unittest.main())
