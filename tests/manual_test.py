"""The manual pages name what the programs take: every key of a program's table, and every option, and no others; and
what `veilwire doctor` finds, by its id."""

import re
import sys

from source_files import ROOT

PROGRAMS = ("redirector", "signer", "identity", "recorder", "proxy", "saml", "credentials", "witness", "forwarder", "metrics")
KEY = re.compile(r'(?:\b(?:(?:section|parent)\.(?:text|integer|texts|integers|boolean|required_text|tables?)|mebibytes)\(|'
                 r'\b(?!read_)\w+(?:<\w+>)?\(\s*section,)\s*"(\w+)"')
OPTION = re.compile(r'add_(?:option|flag)\(\s*"--([a-z-]+)"')
# A finding's id is the first word of what makes one.
FINDING = re.compile(r'\b(?:good|note|warning|critical|unseen)\(\s*"([a-z0-9-]+)"')
# What agent/host/program.cpp adds.
COMMON = ("add_daemon_options", "read_daemon_settings", "read_program_settings")


def sources(program):
  text = "".join(path.read_text() for path in sorted((ROOT / "agent" / program).glob("*.cpp")))
  if "outbound::read_kafka_settings(" in text:
    text += (ROOT / "agent/outbound/kafka_settings.cpp").read_text()
  frame = (ROOT / "agent/host/program.cpp").read_text()
  # Of the frame the part of each function that the program calls, or that one of these does.
  parts = {name: body for name, body in re.findall(r"(?ms)^\w.*? (\w+)\([^;{]*\{(.*?)^\}", frame) if name in COMMON}
  for _ in COMMON:
    text += "".join(parts.pop(name) for name in list(parts) if name in text)
  return text


def complaints_about(program):
  code = sources(program)
  page = (ROOT / f"packaging/man/veilwire-{program}.8").read_text()
  head, _, configuration = page.partition(".Sh CONFIGURATION")
  keys = {key for line in re.findall(r"(?m)^\.It Va (.*)$", configuration) for key in re.findall(r"\b[a-z_]+\b",
          line.split(" No = ")[0])}
  options = set(re.findall(r"Fl Fl ([a-z-]+)", head)) - {"help", "version"}
  for what, written, taken in (("key", keys, set(KEY.findall(code))), ("option", options, set(OPTION.findall(code)))):
    yield from (f"veilwire-{program}(8) does not name the {what} {name}" for name in sorted(taken - written))
    yield from (f"veilwire-{program}(8) names the {what} {name}, which there is not" for name in sorted(written - taken))
    if not taken:
      yield f"{program}: no {what} was found in its sources: this test has lost sight of them"


def complaints_about_setup():
  """`veilwire setup`: its options and answers, and the keys of programs that it lets through."""
  command = (ROOT / "agent/ctl/setup_command.cpp").read_text()
  answers = (ROOT / "agent/setup/answers.cpp").read_text()
  taken = set(re.findall(r'\b(?:section|trust|policy|services|file)\.(?:text|texts|integer|boolean)\(\s*"(\w+)"', answers))
  head, _, configuration = (ROOT / "packaging/man/veilwire-setup.8").read_text().partition(".Sh CONFIGURATION")
  written = set(re.findall(r"(?m)^\.It Va (\w+)", configuration))
  options, named = set(OPTION.findall(command)), set(re.findall(r"Fl Fl ([a-z-]+)", head))
  for what, differing in (("keys", taken ^ written), ("options", options ^ named)):
    if differing or not taken or not options:
      yield f"veilwire-setup(8) and the sources differ in these {what}: {sorted(differing)}"
  lists = dict(re.findall(r'\{"(\w+)",\s*((?:"[^"]*"\s*)+)\}', (ROOT / "agent/setup/agent_keys.h").read_text()))
  for program in PROGRAMS:
    if program in ("witness",):  # which is on no host
      continue
    let_through = set("".join(re.findall(r'"([^"]*)"', lists.get(program, ""))).split())
    if differing := let_through ^ set(KEY.findall(sources(program))):
      yield f"agent/setup/agent_keys.h: [{program}] differs from the program in {sorted(differing)}"


def complaints_about_doctor():
  code = "".join(path.read_text() for path in sorted((ROOT / "agent/doctor").glob("*.cpp")))
  page = (ROOT / "packaging/man/veilwire-doctor.8").read_text()
  head, _, findings = page.partition(".Sh FINDINGS")
  written = re.findall(r"(?m)^\.It Ic ([a-z0-9-]+)$", findings.partition(".Sh EXIT STATUS")[0])
  found = set(FINDING.findall(code))
  yield from (f"veilwire-doctor(8) does not name the finding {name}" for name in sorted(found - set(written)))
  yield from (f"veilwire-doctor(8) names the finding {name}, which there is not" for name in sorted(set(written) - found))
  yield from (f"veilwire-doctor(8) names the finding {name} twice" for name in sorted(set(written))
              if written.count(name) > 1)
  options, taken = set(re.findall(r"Fl Fl ([a-z-]+)", head)) - {"config"}, set(re.findall(r'add_flag\("--([a-z-]+)"', code))
  yield from (f"veilwire-doctor(8) and the program differ about the option {name}" for name in sorted(options ^ taken))
  if len(found) < 50:
    yield "doctor: its findings are not in its sources: this test has lost sight of them"


def main():
  complaints = [complaint for program in PROGRAMS for complaint in complaints_about(program)]
  complaints += [*complaints_about_setup(), *complaints_about_doctor()]
  print("\n".join(complaints) or f"{len(PROGRAMS)} pages name all keys and options, and one all findings")
  return 1 if complaints else 0


if __name__ == "__main__":
  sys.exit(main())
