"""AppArmor profiles as data: each unit asks for the one of its program, all compile, none merely complains, and what they
say about capabilities and networks is what the unit says. No kernel enforces them here; what programs really do is held
against them by tests/e2e/confined_test.py.

usage: profiles_test.py FOLDER_OF_UNITS | --self-test
"""

import pathlib
import re
import shutil
import sys

import units_test

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "support"))
import apparmor_profile  # noqa: E402

FOLDER = HERE.parent / "packaging/apparmor"
# Granted by what ships with AppArmor for services of names; the units take it away.
OF_ABSTRACTIONS = {"net_bind_service"}


def complaints(name, unit):
  profile = apparmor_profile.load(FOLDER / f"veilwire-{name}", FOLDER)
  apparmor_profile.parser("-Q", "-K", "-I", FOLDER, "-I", apparmor_profile.SYSTEM, FOLDER / f"veilwire-{name}")
  if profile.name != f"veilwire-{name}" or profile.complains:
    yield "its profile has another name, or only complains"
  # Ignored where it is not loaded: profiles are for who wants them.
  if units_test.values(unit, "AppArmorProfile") != [f"-veilwire-{name}"]:
    yield "its unit does not ask for its profile"
  bound = {word.removeprefix("CAP_").lower() for word in
           " ".join(units_test.values(unit, "CapabilityBoundingSet")).split()}
  if profile.capabilities - OF_ABSTRACTIONS != bound:
    yield f"capabilities of the profile are {sorted(profile.capabilities)}, of the unit {sorted(bound)}"
  # veilwire-identity has one where an IdP is configured.
  if name in units_test.WITHOUT_NETWORK - {"identity"} and profile.networks:
    yield "the profile has a network, and the unit has none"
  # Of what ships with AppArmor, caches of nscd and homes that a person has encrypted may be run; units show neither.
  if re.search(r"(?m)^  [/@\w]\S* \w*x\w*,$", (FOLDER / f"veilwire-{name}").read_text()):
    yield "the profile lets it start programs"


def self_test():
  """The matcher, by what apparmor.d(5) says of globs, and each rule that it must read."""
  cases = [("/a/*", ["/a/b", "/a/.b"], ["/a/", "/a/b/", "/a/b/c", "/b"]), ("/a/**", ["/a/b", "/a/b/c/"], ["/a/", "/ab"]),
           ("/a/{,**}", ["/a/", "/a/b/c"], ["/a"]), ("/a/**/", ["/a/b/", "/a/b/c/"], ["/a/b", "/a/"]),
           ("/a{b,c{d,e}}", ["/ab", "/acd", "/ace"], ["/a", "/ac"]), ("/a?", ["/ab"], ["/a", "/a/", "/abc"]),
           ("/a[0-9]", ["/a0"], ["/ax"]), ("/a.b", ["/a.b"], ["/axb"]), ("/*.so*", ["/x.so", "/x.so.1"], ["/x/y.so"])]
  for glob, matching, others in cases:
    profile = apparmor_profile.Profile(f"profile test {{\n  {glob} r,\n}}\n")
    for path in matching + others:
      assert profile.allows("r", path) == (path in matching), (glob, path)
      assert not profile.allows("w", path), (glob, path)
  profile = apparmor_profile.Profile("""
@{run}=/run/ /var/run/
profile test flags=(complain) {
  # a comment, with a comma
  @{run}/x rw,   # and one more
  owner /y k,
  capability bpf net_admin,
  network inet stream,
  network netlink,
  ptrace (read),
  ptrace (read) peer=test,
  unix (create),
}""")
  assert profile.allows("w", "/run/x") and profile.allows("r", "/var/run/x") and profile.allows("k", "/y")
  assert profile.complains and profile.sees_others and profile.capabilities == {"bpf", "net_admin"}
  assert profile.allows_network("AF_INET", "SOCK_STREAM") and profile.allows_network("AF_NETLINK", "SOCK_RAW")
  assert not profile.allows_network("AF_INET", "SOCK_DGRAM") and not profile.allows_network("AF_PACKET", "SOCK_RAW")
  assert not apparmor_profile.Profile("profile test {\n  ptrace (read) peer=test,\n}").sees_others
  return 0


def main():
  if sys.argv[1:] == ["--self-test"]:
    return self_test()
  if not shutil.which("apparmor_parser"):
    print("SKIPPED: apparmor_parser is missing: packaging/install-dependencies")
    return 77
  found = []
  for name in units_test.EXPOSURE:
    unit = (pathlib.Path(sys.argv[1]) / f"veilwire-{name}.service").read_text()
    try:
      found += [f"{name}: {complaint}" for complaint in complaints(name, unit)]
    except (apparmor_profile.ProfileError, OSError) as fault:
      found.append(f"{name}: {fault}")
  names = {path.name for path in FOLDER.iterdir() if path.is_file() and re.match("veilwire-", path.name)}
  if names != {f"veilwire-{name}" for name in units_test.EXPOSURE}:
    found.append(f"profiles are {sorted(names)}")
  print("\n".join(found) or f"{len(names)} profiles compile; this kernel does not enforce them")
  return 1 if found else 0


if __name__ == "__main__":
  sys.exit(main())
