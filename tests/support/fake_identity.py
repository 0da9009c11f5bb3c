"""An identity program that knows whom a test has written down: fake_identity.py SOCKET FOLDER.

FOLDER/UID.json is what it says of the peers of this user, members of a person and how long that is good: {"name": ...,
"groups": [...], "valid_ms": ...}. Who has no file is told how to sign in, after FOLDER/hold seconds where that file is.
When a file changes, what was said before is taken back. Speaks agent/host/protocol/identity.h.
"""

import json
import os
import pathlib
import select
import socket
import struct
import sys
import time

MAGIC, VERSION = b"VWID", 3
QUESTION, KNOWN, NOBODY, CHANGED = 1, 2, 3, 4
UNSET, LOGIN, UNIT, DERIVED = 0xFFFFFFFF, 0, 1, 1
DAY_MS = 86_400_000
STANDINGS = ["fresh", "cached", "stale"]
CODE = "WDJB-MJHT"
HOW = f"nobody has signed in for this login; open https://idp.example/device and enter {CODE}"


def head(kind, number):
  return MAGIC + struct.pack("=HHQ", VERSION, kind, number)


def text(string):
  data = string.encode()
  return struct.pack("=H", len(data)) + data


def known(number, said):
  groups = said.get("groups", [])
  running_as = said.get("running_as", "")
  return (head(KNOWN, number)
          + struct.pack("=IIBB", said.get("valid_ms", DAY_MS), said.get("age_ms", 0),
                        STANDINGS.index(said.get("standing", "fresh")), DERIVED if running_as else 0)
          + b"".join(map(text, ("https://idp.example", said.get("subject", said["name"]), said["name"], "device",
                                running_as)))
          + struct.pack("=IH", said.get("inside_uid", UNSET), len(groups)) + b"".join(map(text, groups)))


def nobody(number):
  return head(NOBODY, number) + b"\1" + text(HOW)


def binding(uid, loginuid, session):
  """What a peer falls under: where the tests themselves run in a login, that, else its unit."""
  if loginuid == UNSET or session == UNSET:
    return struct.pack("=BIIIQ", UNIT, uid, UNSET, UNSET, 1)
  return struct.pack("=BIIIQ", LOGIN, uid, loginuid, session, 0)


def changed(bindings):
  return head(CHANGED, 0) + b"\0" + struct.pack("=H", len(bindings)) + b"".join(bindings)


class FakeIdentity:
  def __init__(self, path, folder):
    self.folder = pathlib.Path(folder)
    path = pathlib.Path(path)
    path.unlink(missing_ok=True)
    self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    self.listener.bind(str(path))
    path.chmod(0o666)
    self.listener.listen(16)
    self.askers = []
    self.held = []  # (until, asker, number, uid)
    self.bindings = {}  # by user, of those who were asked about
    self.people = self.read()

  def read(self):
    people = {}
    for file in self.folder.glob("*.json"):
      try:
        people[int(file.stem)] = json.loads(file.read_text())
      except FileNotFoundError:
        pass  # has been taken away since it was listed
    return people

  def hold(self):
    try:
      return float((self.folder / "hold").read_text())
    except FileNotFoundError:
      return 0

  def answer(self, asker, number, uid, until):
    if uid in self.people:
      self.say(asker, known(number, self.people[uid]))
    elif time.monotonic() >= until:
      self.say(asker, nobody(number))
    else:
      self.held.append((until, asker, number, uid))

  @staticmethod
  def say(asker, message):
    try:
      asker.send(message)
    except OSError:
      pass  # it has gone

  def turn(self):
    ready = select.select([self.listener, *self.askers], [], [], 0.02)[0]
    fresh = self.read()
    uids = [uid for uid in {*fresh, *self.people} if fresh.get(uid) != self.people.get(uid)]
    self.people = fresh
    bindings = [self.bindings[uid] for uid in uids if uid in self.bindings]
    if bindings:
      for asker in self.askers:
        self.say(asker, changed(bindings))
    held, self.held = self.held, []
    for until, asker, number, uid in held:
      self.answer(asker, number, uid, until)
    for each in ready:
      if each is self.listener:
        self.askers.append(each.accept()[0])
        continue
      message = each.recv(65536)
      if not message:
        self.askers.remove(each)
        continue
      assert message[:8] == MAGIC + struct.pack("=HH", VERSION, QUESTION), message
      number, uid, _, loginuid, session = struct.unpack_from("=QIIII", message, 8)
      self.bindings[uid] = binding(uid, loginuid, session)
      at_once = message[-1]
      self.answer(each, number, uid, 0 if at_once else time.monotonic() + self.hold())


def main():
  identity = FakeIdentity(*sys.argv[1:])
  if notify := os.environ.get("NOTIFY_SOCKET"):
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", notify)
  while True:
    identity.turn()


if __name__ == "__main__":
  main()
