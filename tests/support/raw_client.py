#!/usr/bin/python3
"""Sends bytes over TLS and reports the bytes that come back, exchange by exchange, without judging them.

Reads a JSON list from standard input, each {"host", "bytes", "seconds"?, "port"?}, and prints a JSON list of
{"bytes", "end", "first_ms"}: what came until the peer closed, and how it ended: "closed", "reset", "timeout", or the
error. Bytes are latin-1 text. Requests should say "connection: close".
"""

import asyncio
import json
import ssl
import sys
import time


async def exchange(context, wanted, gate):
  received, first = b"", None
  seconds = wanted.get("seconds", 15)
  async with gate:
    writer = None
    begin = time.monotonic()
    try:
      reader, writer = await asyncio.wait_for(
          asyncio.open_connection(wanted["host"], wanted.get("port", 443), ssl=context), seconds)
      writer.write(wanted["bytes"].encode("latin-1"))
      await writer.drain()
      while True:
        piece = await asyncio.wait_for(reader.read(65536), seconds)
        if not piece:
          end = "closed"
          break
        first = first or round(1000 * (time.monotonic() - begin), 1)
        received += piece
    except asyncio.TimeoutError:
      end = "timeout"
    except ConnectionResetError:
      end = "reset"
    except ssl.SSLError as fault:
      end = str(fault)
    except OSError as fault:
      end = f"{type(fault).__name__}: {fault}"
    finally:
      if writer:
        writer.transport.abort()
  return {"bytes": received.decode("latin-1"), "end": end, "first_ms": first}


async def main():
  context = ssl.create_default_context()
  gate = asyncio.Semaphore(8)
  wanted = json.load(sys.stdin)
  print(json.dumps(await asyncio.gather(*(exchange(context, each, gate) for each in wanted))))


if __name__ == "__main__":
  asyncio.run(main())
