#!/usr/bin/python3
"""Many streams of one user at once, each checked on its own: the load side of the tests about leaks and mix-ups.

Each stream opens a connection of its own, asks for an answer that carries its mark and a secret cut somewhere, and
all are connected before the first one asks. Behind a gate each waits in the middle of its secret. Prints one JSON
object; see `report`.
"""

import argparse
import asyncio
import json
import re
import resource
import ssl
import statistics
import time

from upstream import scenario

MARK = re.compile(r"Mark ([A-Za-z0-9-]+)\.")


class Stream:
  def __init__(self, arguments, number):
    self.arguments = arguments
    self.mark = f"{arguments.mark}-{number}"
    self.number = number
    self.body = b""
    self.fault = None
    self.connected = self.first = 0.0

  def request(self):
    secret = scenario.SECRETS[self.arguments.secret]
    cut = self.number % len(secret)
    prompt = (f"[[demo secret echo={self.mark} secret={self.arguments.secret} cut={cut} delay={self.arguments.delay} "
              f"coding={self.arguments.coding} in={self.arguments.place} gate={self.arguments.gate}]]")
    body = json.dumps({"model": "claude-demo-1", "max_tokens": 64, "stream": True,
                       "messages": [{"role": "user", "content": prompt}]}).encode()
    return (f"POST /v1/messages HTTP/1.1\r\nhost: {self.arguments.host}\r\nx-api-key: sk-ant-dummy\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n").encode() + body

  async def run(self, context, barrier):
    writer = None
    try:
      begin = time.monotonic()
      reader, writer = await asyncio.open_connection(self.arguments.host, 443, ssl=context)
      self.connected = time.monotonic() - begin
      await barrier()
      begin = time.monotonic()
      writer.write(self.request())
      await writer.drain()
      head = await reader.readuntil(b"\r\n\r\n")
      if not head.startswith(b"HTTP/1.1 200 "):
        raise ValueError(head.split(b"\r\n")[0].decode("latin-1"))
      while True:
        size = int((await reader.readline()).split(b";")[0], 16)
        if not self.first:
          self.first = time.monotonic() - begin
        self.body += await reader.readexactly(size)
        await reader.readexactly(2)
        if size == 0:
          break
    except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as fault:
      self.fault = f"{type(fault).__name__}: {fault}"
    finally:
      if writer:
        writer.close()

  def text(self):
    """What the deltas say, put together."""
    parts = []
    for line in self.body.decode("utf-8", "replace").splitlines():
      if line.startswith("data:"):
        delta = json.loads(line[5:]).get("delta", {})
        parts.append(delta.get("text") or delta.get("thinking") or delta.get("partial_json") or "")
    return "".join(parts)


def report(streams, secret):
  failed = [stream for stream in streams if stream.fault or b"event: message_stop" not in stream.body]
  good = [stream for stream in streams if stream not in failed]
  texts = {stream.mark: stream.text() for stream in streams}
  firsts = sorted(stream.first for stream in good)
  return {
      "streams": len(streams),
      "complete": len(good),
      # Over all bytes that came, complete or not, and over the text that they make.
      "leaked": [s.mark for s in streams if secret.encode() in s.body or secret in texts[s.mark]],
      "mixed_up": [s.mark for s in streams if any(mark != s.mark for mark in MARK.findall(texts[s.mark]))],
      "without_mark": [s.mark for s in good if s.mark not in MARK.findall(texts[s.mark])],
      "faults": sorted({stream.fault or "no message_stop" for stream in failed}),
      "first_chunk_ms": {"median": round(1000 * statistics.median(firsts), 1),
                         "p99": round(1000 * firsts[int(len(firsts) * 0.99)], 1)} if firsts else None,
      "example": texts[streams[0].mark],
  }


async def main():
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--host", default="api.anthropic.com")
  parser.add_argument("--streams", type=int, default=100)
  parser.add_argument("--mark", default="m")
  parser.add_argument("--secret", default="github")
  parser.add_argument("--coding", default="identity")
  parser.add_argument("--in", dest="place", default="text", choices=["text", "thinking", "tool"])
  parser.add_argument("--delay", type=float, default=0.1, help="seconds between two events of a stream")
  parser.add_argument("--gate", default="", help="each answer waits in the middle of its secret until this gate is open")
  parser.add_argument("--handshakes", type=int, default=20, help="TLS handshakes under way at one time")
  arguments = parser.parse_args()
  limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
  resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
  context = ssl.create_default_context()
  streams = [Stream(arguments, number) for number in range(arguments.streams)]
  gate = asyncio.Semaphore(arguments.handshakes)
  everyone, arrived = asyncio.Event(), 0

  def arrive():
    nonlocal arrived
    arrived += 1
    gate.release()
    if arrived == len(streams):
      everyone.set()

  async def guarded(stream):
    passed = False

    async def barrier():
      nonlocal passed
      passed = True
      arrive()
      await everyone.wait()

    await gate.acquire()
    await stream.run(context, barrier)
    if not passed:  # one that failed before the barrier must not keep the others behind it
      arrive()

  await asyncio.gather(*(guarded(stream) for stream in streams))
  print(json.dumps(report(streams, scenario.SECRETS[arguments.secret])))


if __name__ == "__main__":
  asyncio.run(main())
