"""Each header of userspace/ and agent/ compiles alone: whoever includes it needs no other include before it.

Headers hold no third-party code, so a syntax check of each takes well under a second and needs no build folder.
Fails on a planted header that leans on its includer, so that a check that has gone blind does not pass.
"""

import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

from source_files import ROOT, source_files

FLAGS = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-x", "c++", "-"]
COMPILER = os.environ.get("CXX", "g++")


def complaint(name, root):
  text = f'#include "{name}"\n#include "{name}"\n'  # twice: it is guarded too
  run = subprocess.run([COMPILER, f"-I{root}", *FLAGS], input=text, capture_output=True, text=True)
  return run.stderr if run.returncode else None


def planted_fault_is_found():
  with tempfile.TemporaryDirectory() as folder:
    (pathlib.Path(folder) / "leaning.h").write_text("#pragma once\ninline std::string name();\n")
    return complaint("leaning.h", folder) is not None


def main():
  headers = [p.relative_to(ROOT).as_posix() for p in source_files({".h"}, top=("userspace", "agent"))]
  if not headers or not planted_fault_is_found():
    print("the check itself is broken")
    return 1
  with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    results = dict(zip(headers, pool.map(lambda name: complaint(name, ROOT), headers)))
  bad = {name: text for name, text in results.items() if text}
  for name, text in bad.items():
    print(f"{name} does not compile alone:\n{text}")
  print(f"{len(headers) - len(bad)} of {len(headers)} headers compile alone")
  return 1 if bad else 0


if __name__ == "__main__":
  sys.exit(main())
