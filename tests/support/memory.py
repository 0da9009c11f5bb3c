"""Looks for tokens in what programs have in memory and on disk, whole or in part: as root, who sees it all. Tested by
tests/e2e/provider_test.py, which plants some."""

import base64
import os
import pathlib
import re
import stat

PIECE = 24  # bytes: more than chance brings about, less than most that is left of a token
BLOCK = 16 << 20
# The kernel's own pages, which it shows to nobody else.
OF_THE_KERNEL = re.compile(r"\[(vvar|vvar_vclock|vsyscall)\]")


def pieces_of(name, token):
  """What tells of the token, by what it is. Not the header of a JWT: many begin alike."""
  token = token.encode()
  parts = token.split(b".")[1:] or [token]
  found = {}
  for number, part in enumerate(parts):
    middle = (len(part) - PIECE) // 2
    for place, at in (("begin", 0), ("middle", middle), ("end", len(part) - PIECE)):
      if at or number == len(parts) - 1:  # claims may begin alike too
        found[part[at:at + PIECE]] = f"{name}, part {number}, {place}"
  return found


def spellings_of(name, token):
  """The same of a token that is written in base64, at any place of a longer text, or in hex."""
  raw = token.encode()
  found = {}
  for before in range(3):
    for way, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
      text = encode(bytes(before) + raw)
      found[text[8:8 + PIECE]] = f"{name} in {way}"
  for text in (raw.hex(), raw.hex().upper()):
    found[text[:2 * PIECE].encode()] = f"{name} in hex"
  return found


class Scanner:
  def __init__(self, pieces):
    self.pieces = pieces  # what for, by bytes
    self._most = max(map(len, pieces))

  def _found(self, blocks):
    found, before = set(), b""
    for block in blocks:
      data = before + block
      found |= {what for piece, what in self.pieces.items() if piece in data}
      before = data[-self._most:]
    return found

  def in_bytes(self, data):
    return self._found(iter([data]))

  def in_file(self, path):
    with open(path, "rb") as file:
      return self._found(iter(lambda: file.read(BLOCK), b""))

  def in_files(self, folder):
    """By path, where there is any; and how many files there were."""
    files = [path for path in (pathlib.Path(top) / name for top, _, names in os.walk(folder) for name in names)
             if stat.S_ISREG(path.lstat().st_mode)]
    found = {str(path): self.in_file(path) for path in files}
    return {path: what for path, what in found.items() if what}, len(files)

  def in_process(self, pid):
    """Everything that it can read itself. Raises where a page cannot be read that is not the kernel's own."""
    found = set()
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
      for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        if line.split()[1][0] == "r" and not OF_THE_KERNEL.search(line):
          start, end = (int(word, 16) for word in line.split()[0].split("-"))
          try:
            found |= self._found(self._blocks(memory, start, end))
          except OSError as fault:
            raise RuntimeError(f"{fault}: {line}") from None
    return found

  @classmethod
  def times_in_process(cls, pid, text):
    """How often it stands there."""
    times = 0
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
      for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        if line.split()[1][0] == "r" and not OF_THE_KERNEL.search(line):
          start, end = (int(word, 16) for word in line.split()[0].split("-"))
          times += b"".join(cls._blocks(memory, start, end)).count(text.encode())
    return times

  @staticmethod
  def _blocks(memory, start, end):
    memory.seek(start)
    while start < end:
      block = memory.read(min(BLOCK, end - start))
      if not block:
        return
      start += len(block)
      yield block
