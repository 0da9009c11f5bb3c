"""Commands whose output a test looks at."""

import subprocess


def output(*command, **options):
  """What it prints. One that fails is a failure of the test, and says what it printed."""
  run = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
  if run.returncode:
    raise AssertionError(f"{command}: {run.stdout}{run.stderr}")
  return run.stdout
