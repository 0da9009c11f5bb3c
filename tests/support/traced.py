"""What a program did, read from what strace has written of it, in the terms that its unit and its AppArmor profile are
written in: paths with what was done to them, address families, names of system calls.

Only what the kernel asks a security module about is a use of a path: not stat, readlink, access or O_PATH.
"""

import dataclasses
import pathlib
import re

# -ff: a file a thread, so that no call is written in two parts. -y: descriptors with their paths. -D: the program keeps
# the process id that its service manager knows.
STRACE = ["strace", "-D", "-ff", "-qq", "-y", "-s", "400", "-o"]
CALL = re.compile(r"^([a-z0-9_]+)\((.*)\) += (-?\d+|\?|0x[0-9a-f]+)(?:<([^>]*)>)?(?: ([A-Z]+))?")
TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
SOCKET_PATH = re.compile(r'sa_family=AF_UNIX, sun_path="((?:[^"\\]|\\.)*)"')
# By path, the last argument of these that is one; a renamed file's both names.
WRITES = {"chmod", "chown", "fchmodat", "fchownat", "lchown", "link", "linkat", "mkdir", "mkdirat", "mknod", "mknodat",
          "rename", "renameat", "renameat2", "rmdir", "symlink", "symlinkat", "truncate", "unlink", "unlinkat"}
WRITES_DESCRIPTOR = {"fchmod", "fchown", "ftruncate"}
# They never came to be, or there was nothing: no right was asked for.
ABSENT = {"ENOENT", "ENOTDIR", "ENXIO", "EEXIST", "EAFNOSUPPORT"}


@dataclasses.dataclass
class Trace:
  uses: set = dataclasses.field(default_factory=set)  # (letter of AppArmor, path)
  families: set = dataclasses.field(default_factory=set)  # (family, type): AF_INET, SOCK_STREAM
  looks: set = dataclasses.field(default_factory=set)  # links of other processes in /proc
  calls: set = dataclasses.field(default_factory=set)


def lines_of(prefix, program):
  """Those of all its threads, from where it is the program itself."""
  files = sorted(prefix.parent.glob(prefix.name + ".*"))
  started = False
  for file in files:
    lines = file.read_text(errors="replace").splitlines()
    begins = [index for index, line in enumerate(lines) if line.startswith(f'execve("{program}"')]
    if begins:
      started = True
      lines = lines[begins[-1] + 1:]
    yield from lines
  if not started:
    raise ValueError(f"{program} was not started in {prefix}")


def folder(path, flags=""):
  """As security modules spell it, with a slash at its end."""
  return path.rstrip("/") + "/" if "O_DIRECTORY" in flags or pathlib.Path(path).is_dir() else path


def joined(arguments, text):
  """A path of a ...at call stands behind the descriptor of a folder."""
  at = re.match(r"(?:AT_FDCWD|\d+)<([^>]*)>", arguments)
  return str(pathlib.PurePath(at[1] if at else "/", text))


def letters(flags):
  if "O_PATH" in flags:
    return ""
  found = "rw" if "O_RDWR" in flags else "w" if "O_WRONLY" in flags else "r"
  return found + ("w" if re.search(r"O_CREAT|O_TRUNC", flags) and "w" not in found else "")


def read(prefix, program):
  trace = Trace()
  for line in lines_of(pathlib.Path(prefix), program):
    match = CALL.match(line)
    if not match:
      name = re.match(r"[a-z0-9_]+(?=\()", line)
      if name:
        trace.calls.add(name[0])
      continue
    name, arguments, _, result, error = match.groups()
    trace.calls.add(name)
    if error not in ABSENT:
      note(trace, name, arguments, result, error)
  return trace


def note(trace, name, arguments, result, error):
  texts = TEXT.findall(arguments)
  descriptor = re.match(r"\d+<(/[^>]*)>", arguments)
  if name in ("open", "openat", "openat2", "creat"):
    path = result if result and result.startswith("/") else joined(arguments, texts[0])
    flags = "O_WRONLY|O_CREAT" if name == "creat" else arguments
    trace.uses |= {(letter, folder(path, flags)) for letter in letters(flags)}
  elif name in ("execve", "execveat") and texts and error is None:
    trace.uses.add(("x", texts[0]))
  elif name in WRITES and texts and error is None:
    trace.uses |= {("w", folder(joined(arguments, text)) if name not in ("mkdir", "mkdirat")
                    else joined(arguments, text).rstrip("/") + "/") for text in texts}
  elif name in WRITES_DESCRIPTOR and descriptor:
    trace.uses.add(("w", folder(descriptor[1])))
  elif name in ("bind", "connect", "sendto", "sendmsg"):
    trace.uses |= {("w", path) for path in SOCKET_PATH.findall(arguments)}
  elif name == "socket":
    family, kind = arguments.split(", ")[:2]
    trace.families.add((family, kind.split("|")[0]))
  elif name == "mmap" and "PROT_EXEC" in arguments:
    mapped = re.search(r"\d+<(/[^>]*)>", arguments)
    trace.uses |= {("m", mapped[1])} if mapped else set()
  elif name == "flock" or name == "fcntl" and re.search(r"F_(OFD_)?SETLK", arguments):
    trace.uses |= {("k", descriptor[1])} if descriptor else set()
  elif name == "bpf" and arguments.startswith(("BPF_OBJ_PIN", "BPF_OBJ_GET,")):
    trace.uses |= {("w" if "BPF_OBJ_PIN" in arguments else "r", re.search(r'pathname="([^"]*)"', arguments)[1])}
  elif name in ("readlink", "readlinkat") and re.search(r"/proc/\d+/(exe|cwd|root)$", texts[0]):
    trace.looks.add(texts[0])
