"""A ClickHouse of a test's own: its engine as a library, in a process of its own, with data in a folder of its own. It
can be killed as a power cut would, and started again.

As a program it is that process: each line of its input is a list, a statement and a format, in JSON, and so is each line
that it answers: what came out, and what went wrong.
"""

import ctypes
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def library():
  run = subprocess.run([HERE / "install-clients", "--print", "clickhouse"], capture_output=True, text=True)
  if run.returncode:
    raise FileNotFoundError(run.stderr.strip())
  return pathlib.Path(run.stdout.strip()) / "node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"


class OwnClickHouse:
  def __init__(self):
    self.folder = pathlib.Path(tempfile.mkdtemp(prefix="veilwire-ch-"))
    self.library = library()
    self.server = None
    self.start()

  def start(self):
    self.server = subprocess.Popen([sys.executable, "-B", __file__, self.library, self.folder / "data"], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=self.folder)

  def _end(self, how):
    self.server.send_signal(how)
    self.server.communicate()

  def kill(self):
    self._end(signal.SIGKILL)

  def remove(self):
    self._end(signal.SIGTERM)
    shutil.rmtree(self.folder)

  def sql(self, statement, form="TSV"):
    """The text of its answer."""
    self.server.stdin.write(json.dumps([statement, form]) + "\n")
    self.server.stdin.flush()
    answer = self.server.stdout.readline()
    if not answer:
      raise RuntimeError(f"it has ended: {self.server.wait()}")
    text, problem = json.loads(answer)
    if problem:
      raise RuntimeError(problem)
    return text

  def rows(self, statement):
    """The answer's rows, of strings."""
    return [line.split("\t") for line in self.sql(statement).splitlines()]


class Library:
  """chdb.h, as far as it is needed."""

  def __init__(self, path, folder):
    self._lib = ctypes.CDLL(path)
    for name, result, arguments in (
        ("chdb_connect", ctypes.POINTER(ctypes.c_void_p), [ctypes.c_int, ctypes.POINTER(ctypes.c_char_p)]),
        ("chdb_query_n", ctypes.c_void_p,
         [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]),
        ("chdb_result_buffer", ctypes.c_void_p, [ctypes.c_void_p]),
        ("chdb_result_length", ctypes.c_size_t, [ctypes.c_void_p]),
        ("chdb_result_error", ctypes.c_char_p, [ctypes.c_void_p]),
        ("chdb_destroy_query_result", None, [ctypes.c_void_p])):
      function = getattr(self._lib, name)
      function.restype, function.argtypes = result, arguments
    arguments = [b"clickhouse", f"--path={folder}".encode()]
    self._connection = self._lib.chdb_connect(len(arguments), (ctypes.c_char_p * len(arguments))(*arguments))
    if not self._connection:
      raise RuntimeError("ClickHouse does not start")

  def query(self, statement, form):
    statement, form = statement.encode(), form.encode()
    result = self._lib.chdb_query_n(self._connection[0], statement, len(statement), form, len(form))
    try:
      problem = self._lib.chdb_result_error(result)
      if problem:
        return "", problem.decode(errors="replace")
      size = self._lib.chdb_result_length(result)
      return ctypes.string_at(self._lib.chdb_result_buffer(result), size).decode() if size else "", None
    finally:
      self._lib.chdb_destroy_query_result(result)


def main():
  answers = os.fdopen(os.dup(1), "w")
  os.dup2(2, 1)  # whatever else it says
  server = Library(sys.argv[1], sys.argv[2])
  for line in sys.stdin:
    print(json.dumps(server.query(*json.loads(line))), file=answers, flush=True)
  os._exit(0)  # its threads have no end of their own


if __name__ == "__main__":
  main()
