"""The unit files as data: systemd understands every line, each program keeps to its bound of exposure, and what the
architecture promises about capabilities and networks stands in them."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib

SOURCE = pathlib.Path(__file__).resolve().parent.parent / "packaging/systemd"
# In tenths, as `systemd-analyze security` counts: below these.
EXPOSURE = {"signer": 15, "identity": 15, "recorder": 15, "proxy": 15, "saml": 15, "credentials": 15, "forwarder": 15, "metrics": 15, "redirector": 30,
            "witness": 15}
ELSEWHERE = {"witness"}  # not on the hosts whose programs agent.toml is for
REDIRECTOR = ["CAP_BPF", "CAP_DAC_READ_SEARCH", "CAP_NET_ADMIN", "CAP_PERFMON", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE"]
# Without these a program cannot confine itself (agent/host/confinement.cpp), and a filter ends it.
CONFINES_WITH = {"capget", "capset", "prctl", "prlimit64", "seccomp", "setresuid"}
SAYS_BOOT = {"recorder", "proxy", "forwarder"}
STATELESS = {"redirector", "metrics"}
# Without these clients do not work, or work unseen.
BETWEEN = {"redirector", "proxy", "signer", "identity", "recorder", "credentials"}
WITHOUT_NETWORK = {"signer", "identity", "recorder", "saml"}
UNIX_ONLY = WITHOUT_NETWORK | {"redirector"}  # which has a network and makes no socket in it


def values(text, key):
  return [line.split("=", 1)[1] for line in text.splitlines() if line.startswith(key + "=")]


def filter_sets():
  """The named sets of systemd's system call filters: what each holds, sets in sets included."""
  run = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager"], capture_output=True, text=True, check=True)
  sets, current = {}, None
  for line in run.stdout.splitlines():
    if line.startswith("@"):
      current = sets.setdefault(line.strip(), [])
    elif line.startswith("    ") and not line.strip().startswith("#") and current is not None:
      current.append(line.strip())
    elif not line.strip():
      current = None
  return sets


def allowed_calls(text, sets):
  """What a unit's lines come to, in their order: a set or a name adds, after "~" it takes away."""

  def expand(word):
    return {word} if word not in sets else set().union(*(expand(member) for member in sets[word]))

  calls = set()
  for line in values(text, "SystemCallFilter"):
    named = set().union(*(expand(word) for word in line.lstrip("~").split()))
    calls = calls - named if line.startswith("~") else calls | named
  return calls


def promises(name, text, sets):
  """What a reader of the design relies on."""
  capabilities = " ".join(values(text, "CapabilityBoundingSet"))
  if name == "redirector":
    if sorted(capabilities.split()) != sorted(REDIRECTOR):
      yield f"capabilities are {capabilities}"
  elif capabilities or values(text, "User") in ([], ["root"]):
    yield "has capabilities or runs as root"
  if (name in UNIX_ONLY) != (values(text, "RestrictAddressFamilies") == ["AF_UNIX"]):
    yield "its address families are not what the design says"
  if values(text, "NoNewPrivileges") != ["yes"] or values(text, "LimitCORE") != ["0"]:
    yield "new privileges or core dumps"
  # setxattr: their sockets are for named users (agent/host/local_access.cpp).
  missing = CONFINES_WITH | ({"setxattr"} if name in WITHOUT_NETWORK | {"credentials"} else set())
  missing |= {"mlockall"} if name == "credentials" else set()
  missing -= {"setresuid"} if name == "redirector" else set()  # it stays root
  missing -= allowed_calls(text, sets)
  if missing:
    yield f"its system call filter does not let it confine itself: {sorted(missing)}"
  if name == "redirector" and values(text, "ProtectKernelTunables") not in ([], ["no"]):
    yield "ProtectKernelTunables= makes /sys/fs/bpf read-only, whatever ReadWritePaths= says"
  # Their records name the boot; the kernel's own word for it lies outside of what they see of /proc.
  if name in SAYS_BOOT and values(text, "ProcSubset") and "VEILWIRE_BOOT_ID=%b" not in values(text, "Environment"):
    yield "cannot know the boot id"
  if (values(text, "OOMScoreAdjust") == ["-900"]) != (name in BETWEEN):
    yield "the kernel ends it for want of memory before others, or it holds others' place"
  if values(text, "StartLimitIntervalSec") != ["0"]:
    yield "is given up after some failures, and nothing starts it again"
  if name not in STATELESS and values(text, "StateDirectoryMode") != ["0700"]:
    yield "others can read its state"


def drop_ins():
  """What veilwire-identity is given more for an identity provider, and that it is no more than the proxy has; for SAML,
  the program that reads it, and no network."""
  text, proxy = (SOURCE / "veilwire-identity-oidc.conf").read_text(), (SOURCE / "veilwire-proxy.service").read_text()
  families = set(" ".join(values(text, "RestrictAddressFamilies")).split())
  saml = (SOURCE / "veilwire-identity-saml.conf").read_text()
  if families != {"AF_INET", "AF_INET6", "AF_NETLINK"} or families - set(
      values(proxy, "RestrictAddressFamilies")[0].split()):
    yield "veilwire-identity-oidc.conf: its address families are not what the design says"
  for name, conf in (("oidc", text), ("saml", saml)):
    if values(conf, "ProtectProc") != ["default"]:
      yield f"veilwire-identity-{name}.conf: who signs in cannot be read"
    if "VEILWIRE_BOOT_ID=%b" not in values(conf, "Environment"):
      yield f"veilwire-identity-{name}.conf: the boot id cannot be known"
  if any(values(saml, key) for key in ("RestrictAddressFamilies", "PrivateNetwork", "IPAddressDeny")):
    yield "veilwire-identity-saml.conf: a browser carries what SAML says, and no network is needed"
  if any(values(saml, key) != ["veilwire-saml.service"] for key in ("Wants", "After")):
    yield "veilwire-identity-saml.conf: sign-ins begin before veilwire-saml answers"


def places(units):
  """The configuration that is installed: each program's files lie in folders of its own, and sockets are found."""
  config = tomllib.loads((SOURCE.parent / "agent.toml").read_text())
  for name, text in units.items():
    folders = ([f"/run/{folder}/" for folder in values(text, "RuntimeDirectory")] +
               [f"/var/lib/{folder}/" for folder in values(text, "StateDirectory")])
    for key in ("socket", "status_socket", "live_socket", "metrics_socket", "key", "site_key", "database"):
      place = config[name].get(key)
      if place and not place.startswith(tuple(folders)):
        yield f"agent.toml: [{name}] {key} = {place} lies outside {folders}"
    if name != "metrics" and values(text, "RuntimeDirectoryMode") != ["0755"]:
      yield f"{name}: others cannot reach its socket"
  default = re.search(r'kDefaultConfig = "(.*)"', (SOURCE.parents[1] / "agent/host/config.h").read_text())[1]
  for name, text in units.items():
    if f"--config {default}" not in text:
      yield f"{name}: reads another configuration than {default}, where it is installed"
  if config["saml"]["socket"] != re.search(r'text\("saml_socket", "(.*?)"', (SOURCE.parents[1] /
                                           "agent/identity/oidc_settings.cpp").read_text())[1]:
    yield "agent.toml: veilwire-identity looks for veilwire-saml where it is not"
  if config["recorder"]["delivery_socket"] != config["forwarder"]["recorder_socket"]:
    yield "agent.toml: the forwarder looks for the recorder where it is not"
  for name in set(units) - {"proxy", "saml", "forwarder", "metrics"}:  # which the proxy does not ask
    if config["proxy"][f"{name}_socket"] != config[name]["socket"]:
      yield f"agent.toml: the proxy looks for {name} where it is not"


def witness():
  """The one that is not on hosts reads a file of its own, and its keys lie in a folder of its own."""
  text = (SOURCE / "veilwire-witness.service").read_text()
  header = (SOURCE.parents[1] / "agent/witness/settings.h").read_text()
  default = re.search(r'kDefaultWitnessConfig = "(.*)"', header)[1]
  if f"--config {default}" not in text:
    yield "veilwire-witness: reads another configuration than its default"
  config = tomllib.loads((SOURCE.parent / "witness.toml").read_text())["witness"]
  folder = "/var/lib/" + values(text, "StateDirectory")[0]
  for key in ("key", "certificate_key"):
    if not config[key].startswith(folder):
      yield f"witness.toml: {key} lies outside of {folder}"


def set_up(folder, built):
  """What sets a fleet's host up runs once, only where somebody wants that, and before a person can be there."""
  text = (built / "veilwire-setup.service").read_text()
  preseed = re.search(r'kPreseed = "(.*)"', (SOURCE.parents[1] / "agent/ctl/setup_command.cpp").read_text())[1]
  journal = re.search(r'kJournalFolder = "(.*)"', (SOURCE.parents[1] / "agent/setup/journal.h").read_text())[1]
  if values(text, "ConditionPathExists") != [preseed, f"!{journal}/done"]:
    yield "veilwire-setup: runs where nobody wants it, or more than once"
  if "systemd-user-sessions.service" not in values(text, "Before")[0].split():
    yield "veilwire-setup: people can log in before it has run"
  # It starts them and waits for them: an order between them would wait for ever.
  if any("veilwire" in word for key in ("Before", "Wants", "Requires") for word in " ".join(values(text, key)).split()):
    yield "veilwire-setup: waits for what it starts"
  if not values(text, "ExecStart")[0].endswith(f"/veilwire setup --from {preseed} --yes"):
    yield "veilwire-setup: follows other answers than it waits for"
  (folder / "veilwire-setup.service").write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", text))


def main():
  if not shutil.which("systemd-analyze"):
    print("SKIPPED: systemd-analyze is missing")
    return 77
  built = pathlib.Path(sys.argv[1])
  complaints = list(drop_ins())
  sets = filter_sets()
  with tempfile.TemporaryDirectory() as folder:
    units = [shutil.copy(SOURCE / "veilwire.target", folder)]
    complaints += places({name: (SOURCE / f"veilwire-{name}.service").read_text() for name in
                          EXPOSURE.keys() - ELSEWHERE})
    complaints += witness()
    for name in EXPOSURE:
      text = (built / f"veilwire-{name}.service").read_text()
      complaints += [f"{name}: {complaint}" for complaint in promises(name, text, sets)]
      if "@" in re.sub(r"(?m)^(#.*|SystemCallFilter=.*)$", "", text):
        complaints.append(f"{name}: a placeholder was not replaced")
      # The programs are not installed here, and verify wants every command to exist.
      unit = pathlib.Path(folder) / f"veilwire-{name}.service"
      unit.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", text))
      units.append(unit)
      run = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", unit],
                           capture_output=True, text=True)
      found = re.search(r"exposure level for \S+: (\d+)\.(\d)", run.stdout)
      if not found or int(found[1]) * 10 + int(found[2]) >= EXPOSURE[name]:
        complaints.append(f"{name}: {run.stdout[-200:].strip() or run.stderr}, the bound is {EXPOSURE[name] / 10}")
      else:
        print(f"{name}: exposure {found[1]}.{found[2]}, below {EXPOSURE[name] / 10}")
    complaints += set_up(pathlib.Path(folder), built)
    units.append(pathlib.Path(folder) / "veilwire-setup.service")
    # Only now: the bound is that of the unit as it is installed.
    (pathlib.Path(folder) / "veilwire-identity.service.d").mkdir()
    for conf in SOURCE.glob("veilwire-identity-*.conf"):
      shutil.copy(conf, pathlib.Path(folder) / "veilwire-identity.service.d")
    run = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True)
    ours = [line for line in (run.stdout + run.stderr).splitlines() if "veilwire" in line]
    complaints += ours
    if not ours and run.returncode:
      complaints.append(run.stderr)
    (pathlib.Path(folder) / "etc").mkdir()
    sysusers = subprocess.run(["systemd-sysusers", f"--root={folder}", *sorted(SOURCE.glob("sysusers/*.conf"))],
                              capture_output=True, text=True)
    passwd = pathlib.Path(folder) / "etc/passwd"
    made = set(re.findall(r"(?m)^(veilwire[a-z-]*):", passwd.read_text())) if passwd.exists() else set()
    wanted = {user for name in EXPOSURE for user in values((SOURCE / f"veilwire-{name}.service").read_text(), "User")}
    if made != wanted:
      complaints.append(f"sysusers makes {sorted(made)}, the units want {sorted(wanted)} {sysusers.stderr}")
  print("\n".join(map(str, complaints)) or "all units verify")
  return 1 if complaints else 0


if __name__ == "__main__":
  sys.exit(main())
