"""Which files the tests over the tree look at: everything of ours, nothing that a build or an editor made.

Walks the folders instead of asking git, so that an unpacked archive is tested like a checkout.
"""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOP = ("bpf", "userspace", "agent", "tests")
NOT_OURS = {"build", "node_modules", "__pycache__", "corpus"}


def source_files(suffixes, root=ROOT, top=TOP):
  found = []
  for folder in top:
    for path in sorted((root / folder).rglob("*")):
      parts = path.relative_to(root).parts
      if path.suffix in suffixes and path.is_file() and not NOT_OURS.intersection(parts):
        found.append(path)
  return found
