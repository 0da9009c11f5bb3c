"""A system call that is made from inside of a running program, as somebody would who has taken it over: a tracer sets the
registers of its main thread and lets it run one instruction. What the kernel answers is what that program gets,
its filter of system calls included.
"""

import contextlib
import ctypes
import errno
import os
import pathlib
import platform
import re
import signal
import unittest

# Of x86-64.
CALLS = {"execve": 59, "ptrace": 101, "keyctl": 250, "process_vm_readv": 310, "execveat": 322, "io_uring_setup": 425,
         "pidfd_getfd": 438}
SINGLESTEP, GETREGS, SETREGS, ATTACH, DETACH = 9, 12, 13, 16, 17
SYSCALL = b"\x0f\x05"


class Registers(ctypes.Structure):
  """struct user_regs_struct, sys/user.h."""
  _fields_ = [(name, ctypes.c_ulonglong) for name in
              "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base "
              "ds es fs gs".split()]


_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def _ptrace(request, pid, data=None):
  if _libc.ptrace(request, pid, None, data) < 0:
    raise OSError(ctypes.get_errno(), f"ptrace {request} of {pid}")


def _stopped(pid):
  _, status = os.waitpid(pid, 0x40000000)  # __WALL: it need not be our child
  if not os.WIFSTOPPED(status):
    raise RuntimeError(f"{pid} has ended: {status:#x}")
  return os.WSTOPSIG(status)


def _instruction(pid):
  """Where the C library makes a system call."""
  for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
    match = re.match(r"([0-9a-f]+)-([0-9a-f]+) r-xp .*/libc\.so\.6", line)
    if match:
      begin, end = (int(group, 16) for group in match.groups())
      with open(f"/proc/{pid}/mem", "rb") as memory:
        memory.seek(begin)
        at = memory.read(end - begin).find(SYSCALL)
      if at >= 0:
        return begin + at
  raise RuntimeError(f"{pid} has no C library")


@contextlib.contextmanager
def _attached(pid):
  _ptrace(ATTACH, pid)
  _stopped(pid)
  try:
    yield
  finally:
    with contextlib.suppress(OSError):
      _ptrace(DETACH, pid)


def call(pid, name, *arguments):
  """What it returns: below zero the number of the error. Bytes are put into the program's stack; a list of them is an
  array of pointers, with a null at its end."""
  if platform.machine() != "x86_64":
    raise unittest.SkipTest("SKIPPED: the registers are those of x86-64")
  with _attached(pid):
    before = Registers()
    _ptrace(GETREGS, pid, ctypes.byref(before))
    registers = Registers.from_buffer_copy(before)
    free = before.rsp - 65536

    def put(value):
      nonlocal free
      if isinstance(value, int):
        return value & (1 << 64) - 1
      if isinstance(value, list):
        value = b"".join((put(word)).to_bytes(8, "little") for word in [*value, 0])
      free -= (len(value) + 16) // 16 * 16
      with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        memory.seek(free)
        memory.write(value + b"\0")
      return free

    for register, value in zip(("rdi", "rsi", "rdx", "r10", "r8", "r9"), [*arguments, 0, 0, 0, 0, 0, 0][:6]):
      setattr(registers, register, put(value))
    registers.rip = _instruction(pid)
    registers.rax = CALLS[name]
    registers.orig_rax = (1 << 64) - 1  # the call that it was in is not made again before ours
    _ptrace(SETREGS, pid, ctypes.byref(registers))
    _ptrace(SINGLESTEP, pid)
    stop = _stopped(pid)
    if stop != signal.SIGTRAP:
      raise RuntimeError(f"{pid} was stopped by signal {stop}")
    after = Registers()
    _ptrace(GETREGS, pid, ctypes.byref(after))
    if after.rip == registers.rip + len(SYSCALL):  # else it is another program now
      _ptrace(SETREGS, pid, ctypes.byref(before))
    return ctypes.c_longlong(after.rax).value


# Arguments that only a refusal answers with EPERM: each is wrong in another way.
BAD = {"execveat": (-1, -1, 0, 0, 1 << 20), "ptrace": (-1, -1), "process_vm_readv": (-1, 0, 0, 0, 0, 1),
       "keyctl": (-1,), "io_uring_setup": (0, 0), "pidfd_getfd": (-1, -1, 1)}


def start_true(pid):
  """Whether the program can be made to start /bin/true in its place: 0, or below zero why not."""
  return call(pid, "execve", b"/bin/true", [b"true"], [])


def taken_over(pid):
  """What whoever has taken a program over gets: the answers, by the name of the call."""
  return {"execve": start_true(pid), **{name: call(pid, name, *arguments) for name, arguments in BAD.items()}}


# What it should be.
REFUSED = dict.fromkeys(("execve", *BAD), -errno.EPERM)


def states(pid):
  """What the kernel says of each of its threads: (Seccomp, NoNewPrivs)."""
  found = set()
  for thread in pathlib.Path(f"/proc/{pid}/task").iterdir():
    text = (thread / "status").read_text()
    found.add(tuple(re.search(rf"(?m)^{key}:\t(\d+)$", text)[1] for key in ("Seccomp", "NoNewPrivs")))
  return found
