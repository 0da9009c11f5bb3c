"""The part of a service manager that the agent's programs rely on, for a sandbox without one: readiness (sd_notify),
the descriptor store, and its descriptors passed on at the next start (sd_listen_fds)."""

import array
import os
import select
import socket
import subprocess
import time

import sandbox as sandboxes

MAX_DESCRIPTORS = 64


class Service:
  def __init__(self, box, name, command, *, where="agent", uid=0, env=None):
    self.name = name
    self.process = None
    self._box = box
    self._command = command
    self._where = where
    self._uid = uid
    self._environment = env or {}
    self._stored = []  # (name, descriptor)
    self.log = box.folder / "logs" / f"{name}.log"
    self._path = box.folder / "run" / f"notify-{name}"
    self._socket = None

  def start(self, seconds=20):
    """Starts the program and returns once it says that it is ready."""
    self._listen()
    inherited = [descriptor for _, descriptor in self._stored]
    environment = {**self._environment, "NOTIFY_SOCKET": self._path}
    if inherited:
      environment |= {"LISTEN_FDS": len(inherited), "LISTEN_FDNAMES": ":".join(name for name, _ in self._stored)}
    # The entry commands only ever exec, so the shell's process id is the program's.
    command = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *self._command]
    with open(self.log, "ab") as log:
      self.process = self._box.popen(command, where=self._where, uid=self._uid, env=environment, stdout=log,
                                     stderr=subprocess.STDOUT, capabilities=self._uid == 0, **self._passing(inherited))
    deadline = time.monotonic() + seconds
    while not self.take_messages(0.02):
      if self.process.poll() is not None:
        raise sandboxes.SandboxError(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")
      if time.monotonic() > deadline:
        raise sandboxes.SandboxError(f"{self.name} was not ready in {seconds} s:\n{self.tail()}")

  def _passing(self, inherited):
    if not inherited:
      return {}

    def place():
      # From 3 on, in order; first out of the way, since the ranges may overlap.
      high = [os.dup2(descriptor, 200 + index) for index, descriptor in enumerate(inherited)]
      for index, descriptor in enumerate(high):
        os.dup2(descriptor, 3 + index, inheritable=True)
        os.close(descriptor)

    return {"preexec_fn": place, "pass_fds": tuple(range(3, 3 + len(inherited)))}

  def _listen(self):
    if self._socket:
      return
    self._path.unlink(missing_ok=True)
    self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    self._socket.bind(str(self._path))
    os.chmod(self._path, 0o666)

  def take_messages(self, seconds=0):
    """Takes what the program has sent; true when READY=1 was among it."""
    ready = False
    while select.select([self._socket], [], [], seconds)[0]:
      seconds = 0
      text, control, _, _ = self._socket.recvmsg(4096, socket.CMSG_SPACE(4 * MAX_DESCRIPTORS))
      descriptors = array.array("i")
      for level, kind, data in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
          descriptors.frombytes(data[:len(data) - len(data) % descriptors.itemsize])
      lines = dict(line.split("=", 1) for line in text.decode().splitlines() if "=" in line)
      ready = ready or lines.get("READY") == "1"
      if lines.get("FDSTORE") == "1":
        self._stored += [(lines.get("FDNAME", "stored"), descriptor) for descriptor in descriptors]
      else:
        for descriptor in descriptors:
          os.close(descriptor)
    return ready

  def signal(self, number):
    self.process.send_signal(number)

  def wait(self, seconds=20):
    return self.process.wait(seconds)

  def running(self):
    return self.process is not None and self.process.poll() is None

  def tail(self, lines=30):
    return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:]) if self.log.exists() else ""

  def close(self):
    for _, descriptor in self._stored:
      os.close(descriptor)
    self._stored = []
    if self._socket:
      self._socket.close()
      self._socket = None
