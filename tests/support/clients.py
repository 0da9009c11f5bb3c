"""The real clients, unmodified and by their normal URLs, run in a view of the sandbox with a home and dummy keys."""

import json
import os
import pathlib
import select
import shutil
import subprocess
import time

import sandbox as sandboxes

HERE = pathlib.Path(__file__).resolve().parent
DUMMY_KEY = "sk-ant-dummy"
NODE = "/usr/bin/node"
# What an installed host sets for every Node program: older ones do not read the system's CAs by themselves.
NODE_ENVIRONMENT = {"NODE_EXTRA_CA_CERTS": "/etc/ssl/certs/ca-certificates.crt"}
# Claude Code in print mode, in the folder of clients: a stream of JSON lines.
CLAUDE = "node_modules/@anthropic-ai/claude-code-linux-x64/claude"
CLAUDE_OPTIONS = ("--output-format", "stream-json", "--verbose", "--include-partial-messages")
CLAUDE_ENVIRONMENT = {"ANTHROPIC_API_KEY": DUMMY_KEY, "IS_SANDBOX": "1", "DISABLE_AUTOUPDATER": "1"}
CLAUDE_SETTINGS = json.dumps({"hasCompletedOnboarding": True})


def installed():
  """The folder of pinned clients; raises with what to do where they are not installed."""
  run = subprocess.run([HERE / "install-clients", "--print"], capture_output=True, text=True)
  if run.returncode:
    raise sandboxes.SandboxError(run.stderr.strip())
  return pathlib.Path(run.stdout.strip())


class Clients:
  def __init__(self, sandbox):
    self.sandbox = sandbox
    self.folder = installed()
    self.claude_executable = self.folder / CLAUDE
    # Modules are looked for beside the script, so the scripts stand beside a link to them.
    self.scripts = sandbox.folder / "clients"
    if not self.scripts.exists():
      self.scripts.mkdir(mode=0o755)
      os.symlink(self.folder / "node_modules", self.scripts / "node_modules")
      for script in (HERE / "clients").glob("*.mjs"):
        shutil.copy(script, self.scripts)

  def claude(self, prompt, *arguments, where="client", uid=0, timeout=60, env=None):
    """Claude Code in print mode; the result's stdout is its stream of JSON lines."""
    home = self.sandbox.home(uid)
    return self.sandbox.run([self.claude_executable, "-p", prompt, *CLAUDE_OPTIONS, *arguments], where=where, uid=uid,
                            env={"HOME": home, **CLAUDE_ENVIRONMENT, **(env or {})}, cwd=home, timeout=timeout)

  def curl(self, url, *arguments, where="client", uid=0, timeout=60, env=None):
    return self.sandbox.run(["curl", "-sS", "--no-buffer", *arguments, url], where=where, uid=uid, timeout=timeout,
                            env={"HOME": self.sandbox.home(uid), **(env or {})})

  def curl_message(self, prompt, *arguments, stream=True, host=sandboxes.API, **options):
    """POST /v1/messages as the API's documentation shows it."""
    body = json.dumps({"model": "claude-demo-1", "max_tokens": 64, "stream": stream,
                       "messages": [{"role": "user", "content": prompt}]})
    return self.curl(f"https://{host}/v1/messages", "-H", f"x-api-key: {DUMMY_KEY}", "-H",
                     "anthropic-version: 2023-06-01", "-H", "content-type: application/json", "-d", body,
                     *arguments, **options)

  def node(self, script, *arguments, where="client", uid=0, timeout=60, env=None):
    """One of tests/support/clients/*.mjs; each prints what its user would see."""
    home = self.sandbox.home(uid)
    environment = {"HOME": home, "ANTHROPIC_API_KEY": DUMMY_KEY, **NODE_ENVIRONMENT, **(env or {})}
    return self.sandbox.run([NODE, self.scripts / script, *arguments], where=where, uid=uid, env=environment,
                            cwd=home, timeout=timeout)


  def open_gate(self, name):
    """Lets an answer go on that waits for it ([[demo two gate=NAME]]); asked around the agent."""
    self.curl(f"https://{sandboxes.API}/gate/{name}", where="direct")

  def raw(self, requests, *, where="client", uid=0, timeout=120):
    """raw_client.py: bytes there and back, for comparisons bit by bit."""
    run = self.sandbox.run([sandboxes.PYTHON, "-B", HERE / "raw_client.py"], where=where, uid=uid, timeout=timeout,
                           input=json.dumps(requests).encode())
    if run.returncode:
      raise sandboxes.SandboxError(run.stderr.decode())
    return json.loads(run.stdout)

  def load(self, users, streams, *arguments, where="client", timeout=240, meanwhile=lambda: None):
    """load_client.py once for each user at the same time, and something beside them; a report a user."""
    command = [sandboxes.PYTHON, "-B", HERE / "load_client.py", "--streams", str(streams), *arguments]
    running = [self.sandbox.popen([*command, "--mark", f"u{uid}"], where=where, uid=uid, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE) for uid in users]
    meanwhile()
    reports = []
    for process in running:
      out, err = process.communicate(timeout=timeout)
      if process.returncode:
        raise sandboxes.SandboxError(err.decode())
      reports.append(json.loads(out))
    return reports


class Watched:
  """A curl that streams into a pipe, so that a test can act in the middle of an answer."""

  def __init__(self, clients, prompt, **options):
    body = json.dumps({"model": "claude-demo-1", "max_tokens": 64, "stream": True,
                       "messages": [{"role": "user", "content": prompt}]})
    self.seen = b""
    self._process = clients.sandbox.popen(
        ["curl", "-sS", "--no-buffer", "-H", "content-type: application/json", "-d", body,
         f"https://{sandboxes.API}/v1/messages"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

  @property
  def pid(self):
    return self._process.pid  # every command on the way there only execs

  def until(self, text, seconds=10):
    """Reads on until the text has come; fails when the answer ends first."""
    deadline = time.monotonic() + seconds
    while text.encode() not in self.seen:
      left = max(0, deadline - time.monotonic())
      if not select.select([self._process.stdout], [], [], left)[0]:
        raise sandboxes.SandboxError(f"{text!r} did not come in {seconds} s, but {self.seen!r}")
      piece = os.read(self._process.stdout.fileno(), 65536)
      if not piece:
        said = self._process.communicate(timeout=10)[1].decode(errors="replace")
        raise sandboxes.SandboxError(f"the answer ended before {text!r}: {self.seen!r}; curl: {said}")
      self.seen += piece

  def end(self, seconds=20):
    """Reads to the end; the exit code of curl (18: cut short, 56: reset)."""
    out, _ = self._process.communicate(timeout=seconds)
    self.seen += out
    return self._process.returncode


def get(host, target, *fields, method="GET"):
  """A request for raw()."""
  head = "".join(f"{line}\r\n" for line in (f"{method} {target} HTTP/1.1", f"host: {host}", *fields, "connection: close"))
  return {"host": host, "bytes": head + "\r\n"}


def wait_until(condition, seconds=10, what="the condition"):
  """Waits for something that another process does; for what can be awaited, await it instead."""
  deadline = time.monotonic() + seconds
  while True:
    value = condition()
    if value:
      return value
    if time.monotonic() > deadline:
      raise sandboxes.SandboxError(f"{what} did not come true in {seconds} s")
    time.sleep(0.02)
