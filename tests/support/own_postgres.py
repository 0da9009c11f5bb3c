"""A PostgreSQL server of a test's own: in a folder of its own, on a socket in it and no port, by a user who is not root.
The machine's is never touched. It can be killed as a power cut would, and started again."""

import csv
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

NOBODY = 65534
# It runs questions in parallel, as with many rows.
EAGER = [word for name in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_table_scan_size",
                           "min_parallel_index_scan_size") for word in ("-c", f"{name}=0")]


def programs():
  """The newest installed version's folder."""
  found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
  if not found:
    raise FileNotFoundError("PostgreSQL is not installed: packaging/install-dependencies")
  return found[-1].parent


class OwnPostgres:
  def __init__(self):
    self.folder = pathlib.Path(tempfile.mkdtemp(prefix="veilwire-pg-"))
    self.server = None
    self._as_user = []
    if os.geteuid() == 0:
      os.chown(self.folder, NOBODY, NOBODY)
      self._as_user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    self.conninfo = f"host={self.folder} user=postgres dbname=postgres"
    self._run("initdb", "-D", self.folder / "data", "-U", "postgres", "--auth=trust", "--encoding=UTF8",
              "--locale=C.UTF-8", "--no-sync")
    self.start()

  def _command(self, program, *arguments):
    return [*self._as_user, programs() / program, *arguments]

  def _run(self, program, *arguments):
    run = subprocess.run(self._command(program, *arguments), capture_output=True, text=True, cwd=self.folder)
    if run.returncode:
      raise RuntimeError(f"{program}: {run.stdout}{run.stderr}")

  def start(self):
    """Returns when it answers. What is left of one that was killed goes by itself, within seconds."""
    log = open(self.folder / "log", "ab")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
      if self.server is None or self.server.poll() is not None:
        self.server = subprocess.Popen(
            self._command("postgres", "-D", self.folder / "data", "-k", self.folder, "-c", "listen_addresses=",
                          "-c", "max_connections=50", *EAGER), stdout=log, stderr=log, cwd=self.folder)
      time.sleep(0.1)
      if subprocess.run(self._command("pg_isready", "-q", "-h", self.folder), cwd=self.folder).returncode == 0:
        log.close()
        return
    raise TimeoutError((self.folder / "log").read_text()[-2000:])

  def kill(self):
    """All of it at once, without a word."""
    main = self.server.pid
    children = pathlib.Path(f"/proc/{main}/task/{main}/children").read_text().split()
    for pid in [main, *map(int, children)]:
      try:
        os.kill(pid, signal.SIGKILL)
      except ProcessLookupError:
        pass
    self.server.wait()

  def stop(self):
    if self.server.poll() is None:
      self.server.send_signal(signal.SIGINT)
      self.server.wait(60)

  def remove(self):
    self.stop()
    shutil.rmtree(self.folder)

  def psql(self, *arguments, user="postgres", database="postgres", stdin=None):
    run = subprocess.run(self._command("psql", "-h", self.folder, "-U", user, "-d", database, "-X", "-v",
                                       "ON_ERROR_STOP=1", *arguments),
                         capture_output=True, text=True, cwd=self.folder, input=stdin)
    if run.returncode:
      raise RuntimeError(run.stderr)
    return run.stdout

  def sql(self, text, user="postgres", database="postgres"):
    """The answer's rows, of strings."""
    out = self.psql("-A", "-t", "-F", "\t", "-c", text, user=user, database=database)
    return [line.split("\t") for line in out.splitlines()]

  def ask(self, questions, database="postgres", only=None, **variables):
    """Rows of each question of packaging/collector/postgresql/questions.sql, by its number; or of some alone."""
    head, *each = re.split(r"(?m)^(?=\\echo '\d+\. )", pathlib.Path(questions).read_text())
    asked = [text for number, text in enumerate(each, 1) if only is None or number in only]
    out = self.psql("--csv", *[word for name, value in variables.items() for word in ("-v", f"{name}={value}")],
                    database=database, stdin=head + "".join(asked))
    parts = re.split(r"(?m)^(\d+)\. .*\n", out)
    return {int(number): list(csv.DictReader(text.splitlines()))
            for number, text in zip(parts[1::2], parts[2::2], strict=True)}
