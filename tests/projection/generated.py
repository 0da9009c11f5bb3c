"""What the generator writes, in a folder that goes when its user is done."""

import contextlib
import pathlib
import subprocess
import sys
import tempfile


@contextlib.contextmanager
def generated():
  with tempfile.TemporaryDirectory() as folder:
    subprocess.run([sys.argv[1], folder], check=True)
    yield pathlib.Path(folder)
