"""Every C and C++ file looks as .clang-format says. To mend: tests/format_test.py --fix"""

import os
import subprocess
import sys

from source_files import ROOT, source_files


def main():
  files = [str(path.relative_to(ROOT)) for path in source_files({".h", ".c", ".cpp"})]
  mode = ["-i"] if sys.argv[1:] == ["--fix"] else ["--dry-run", "-Werror"]
  tool = os.environ.get("CLANG_FORMAT", "clang-format")
  run = subprocess.run([tool, "--style=file", *mode, *files], cwd=ROOT, capture_output=True, text=True)
  print(run.stderr[-20000:], end="")
  print(f"{len(files)} files looked at")
  return 1 if run.returncode or not files else 0


if __name__ == "__main__":
  sys.exit(main())
