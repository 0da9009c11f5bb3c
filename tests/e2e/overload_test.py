"""More clients at once than the agent may hold bytes for: who comes last waits and is then told to come back, the others
are served, and nothing is held for ever."""

import json
import subprocess
import unittest

import harness  # first: it makes tests/support importable
import agent
import clients
import sandbox
from responses import Response
from service_manager import Service

LIMIT = 16  # MiB in all; a user may have half
HALF = LIMIT * (1 << 20) // 2
DESCRIPTORS = 400  # of the proxy; a user's connections may take half of them, two each


def request(size, sent):
  """A request of `size` bytes of which `sent` come, for raw()."""
  body = '{"model":"claude-demo-1","max_tokens":8,"messages":[{"role":"user","content":"' + "x" * size
  head = (f"POST /v1/messages HTTP/1.1\r\nhost: {sandbox.API}\r\ncontent-type: application/json\r\n"
          f"content-length: {size}\r\nconnection: close\r\n\r\n")
  return {"host": sandbox.API, "bytes": head + body[:sent]}


class OverloadTest(harness.AgentCase):
  config = {"proxy": {"held_memory_mib": LIMIT, "threads": 2}}

  def proxy_status(self):
    run = self.box.run([self.agent.programs / "veilwire", "status", "--json", "--config", self.agent.config_file],
                       where="agent")
    documents = [json.loads(run.stdout)]
    while documents:
      document = documents.pop()
      if isinstance(document, dict) and "held_memory" in document:
        return document
      documents.extend(document.values() if isinstance(document, dict) else document if isinstance(document, list) else [])
    self.fail(run.stdout)

  def holders(self):
    """Two users who hold all that there is, by requests that they do not finish."""
    script = self.clients.scripts / "hold.py"
    script.write_text(HOLD)
    script.chmod(0o755)
    started = []
    for uid in (64101, 64102):
      process = self.box.popen([sandbox.PYTHON, "-B", script, sandbox.API, str(HALF)], where="client", uid=uid,
                               stdout=subprocess.PIPE)
      started.append(process)
      self.assertEqual(process.stdout.readline().strip(), b"sent")
    return started

  def test_who_comes_last_is_told_to_come_back_and_the_others_are_served(self):
    holders = self.holders()
    self.assertGreater(self.proxy_status()["held_memory"]["bytes"], 2 * HALF - (1 << 20))
    late, = self.clients.raw([{**request(2 << 20, 2 << 20), "seconds": 30}], uid=64103)
    response = Response(late["bytes"])
    self.assertEqual((response.status, late["end"]), (529, "closed"))
    self.assertEqual(response.fields.get("x-should-retry"), "true")
    self.assertEqual(response.fields.get("retry-after"), "2")
    self.assertEqual(json.loads(response.body)["error"]["type"], "overloaded_error")
    self.assertGreater(late["first_ms"], 9000)  # it has waited

    gap, = clients.wait_until(lambda: self.records("gap"))
    self.assertEqual((gap["reason"], gap["action"]), ("overloaded", "block"))
    closed = clients.wait_until(lambda: self.records("exchange.close"))
    self.assertEqual(closed[0]["outcome"], "overloaded")

    self.assertEqual(self.proxy_status()["counters"]["overloaded"], 1)

    # Small requests go on meanwhile.
    self.assertIn("message_stop", self.must_succeed(self.clients.curl_message("say hi")))

    for holder in holders:
      holder.kill()
      holder.communicate()
    clients.wait_until(lambda: self.proxy_status()["held_memory"]["bytes"] == 0, what="that all is given back")
    again, = self.clients.raw([{**request(1 << 20, 1 << 20), "seconds": 30}], uid=64103)
    self.assertNotEqual(Response(again["bytes"]).status, 529)


class PrlimitedAgent(agent.Agent):
  """With so few descriptors for the proxy that they can be used up."""

  def service(self, name, command, uid):
    before = ["prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"] if name == "proxy" else []
    return Service(self.box, name, [*before, *command], uid=uid)


class ConnectionsTest(harness.AgentCase):
  @classmethod
  def setUpClass(cls):
    harness.SandboxCase.setUpClass.__func__(cls)
    cls.agent = PrlimitedAgent(cls.box, harness.BUILD)
    cls.addClassCleanup(cls.agent.stop)
    cls.agent.start()

  def test_one_user_s_connections_leave_room_for_others(self):
    script = self.clients.scripts / "connect.py"
    script.write_text(CONNECT)
    script.chmod(0o755)
    holder = self.box.popen([sandbox.PYTHON, "-B", script, sandbox.API, str(DESCRIPTORS)], where="client", uid=64101,
                            stdout=subprocess.PIPE)
    most, refused = map(int, holder.stdout.readline().split())
    self.assertEqual((most, refused), (DESCRIPTORS // 4, DESCRIPTORS - DESCRIPTORS // 4))
    self.assertIn("message_stop", self.must_succeed(self.clients.curl_message("say hi", uid=64102)))
    self.assertIn("uid 64101 has too many connections", self.agent.services["proxy"].tail())
    holder.kill()
    holder.communicate()
    clients.wait_until(lambda: "message_stop" in self.clients.curl_message("again", uid=64101).stdout.decode(),
                       what="that they are given back")


# Connects as often as it is told and says nothing; then how many stay and how many have been ended.
CONNECT = '''
import select, socket, sys, time
host, wanted = sys.argv[1], int(sys.argv[2])
opened = [socket.create_connection((host, 443)) for _ in range(wanted)]
time.sleep(2)
ended = select.select(opened, [], [], 0)[0]
print(len(opened) - len(ended), len(ended), flush=True)
time.sleep(600)
'''


# Sends the beginning of a request, says so, and waits until it is killed.
HOLD = '''
import socket, ssl, sys, time
host, size = sys.argv[1], int(sys.argv[2])
tls = ssl.create_default_context().wrap_socket(socket.create_connection((host, 443)), server_hostname=host)
head = f"POST /v1/messages HTTP/1.1\\r\\nhost: {host}\\r\\ncontent-type: application/json\\r\\ncontent-length: {size}\\r\\n\\r\\n"
tls.sendall(head.encode())
tls.sendall(b"x" * (size - 65536))
print("sent", flush=True)
time.sleep(600)
'''


if __name__ == "__main__":
  harness.main()
