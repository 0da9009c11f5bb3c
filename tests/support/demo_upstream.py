#!/usr/bin/python3
"""Starts the demonstration upstream of tests/support/upstream: prints "ready" once every address listens.

One process plays every name: what a connection is for is told by the Host field of each request. Without
--certificate it speaks plain HTTP. It ends on SIGTERM.
"""

import argparse
import asyncio
import resource
import signal
import ssl
import sys

from upstream import mcp, messages
from upstream.http import Log, Server


def tls_context(certificate, key):
  context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
  context.load_cert_chain(certificate, key)
  context.set_alpn_protocols(["http/1.1"])

  def remember_name(connection, name, _):
    connection.veilwire_server_name = name

  context.sni_callback = remember_name
  return context


async def serve(arguments):
  server_of_tools = mcp.Mcp()

  async def handle(exchange):
    host = exchange.request.field("host").split(":")[0]
    if host in arguments.mcp_host:
      await server_of_tools.answer(exchange)
    else:
      await messages.answer(exchange)

  server = Server(handle, Log(arguments.log))
  context = tls_context(arguments.certificate, arguments.key or arguments.certificate) if arguments.certificate else None
  listeners = []
  for where in arguments.listen:
    address, port = where.rsplit(":", 1)
    listeners.append(await server.listen(address.strip("[]"), int(port), context))
  ports = [listener.sockets[0].getsockname()[1] for listener in listeners]
  print("ready", *ports, flush=True)
  stop = asyncio.Event()
  for number in (signal.SIGTERM, signal.SIGINT):
    asyncio.get_running_loop().add_signal_handler(number, stop.set)
  await stop.wait()


def main():
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--listen", action="append", required=True, metavar="ADDRESS:PORT")
  parser.add_argument("--certificate", help="PEM file with the chain (and the key, unless --key is given)")
  parser.add_argument("--key")
  parser.add_argument("--mcp-host", action="append", default=[], help="a Host that the MCP server answers to")
  parser.add_argument("--log", help="file to append one JSON object a line to: every request and every byte sent")
  arguments = parser.parse_args()
  limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
  resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
  try:
    asyncio.run(serve(arguments))
  except OSError as fault:
    sys.exit(f"demo_upstream: {fault}")


if __name__ == "__main__":
  main()
