"""The demonstration behind packaging/quickstart: real clients through the agent, and what each side of it saw."""

import argparse
import json
import pathlib
import re
import signal
import statistics
import sys
import time

import agent as agents
import clients as client_programs
import sandbox as sandboxes
from readable import readable, readable_of_log
from upstream import scenario

NAME = "quickstart"
ROUNDS = 5  # of the measurement
HERE = pathlib.Path(__file__).resolve().parent
PERSON = 64101  # a numeric user of the demonstration
COLOURS = {"secret": "\033[31m", "mask": "\033[32m", "dim": "\033[2m", "bold": "\033[1m"}


def paint(text, colour):
  return f"{COLOURS[colour]}{text}\033[0m" if sys.stdout.isatty() else text


class Scene:
  """One client, what it is asked, and how its output is read as a person would."""

  def __init__(self, title, call, read):
    self.title = title
    self.call = call
    self.read = read


def last_result(out):
  return json.loads(out.splitlines()[-1])["result"]


def scenes(clients):
  mcp = json.dumps({"mcpServers": {"demo": {"type": "http", "url": f"https://{sandboxes.TOOLS}/mcp"}}})
  return [
      Scene('claude -p "..."    Claude Code, streamed, gzip',
            lambda: clients.claude("[[demo secret cut=9 coding=gzip]]", uid=PERSON), last_result),
      Scene("claude -p \"...\" --mcp-config ...    Claude Code and a tool of a remote MCP server",
            lambda: clients.claude("[[demo call tool=mcp__demo__vault]]", "--mcp-config", mcp, "--allowedTools",
                                   "mcp__demo__vault", uid=PERSON),
            lambda out: readable("\n".join(line for line in out.splitlines() if '"tool_result"' in line))),
      Scene("curl -6 https://api.anthropic.com/v1/messages    over IPv6",
            lambda: clients.curl_message("[[demo secret cut=each secret=aws]]", "-6", uid=PERSON), readable),
      Scene("@anthropic-ai/sdk    messages.stream(), a tool's input cut at every byte, br",
            lambda: clients.node("sdk_stream.mjs", "[[demo secret in=tool cut=each coding=br]]", uid=PERSON),
            lambda out: out.splitlines()[0]),
      Scene("@modelcontextprotocol/sdk    callTool() over HTTP+SSE",
            lambda: clients.node("mcp_sse.mjs", f"https://{sandboxes.TOOLS}/sse", "vault", uid=PERSON),
            lambda out: readable(out.splitlines()[-1])),
  ]


def with_secrets(text):
  """The sentence around each secret, the secret painted."""
  for secret in scenario.SECRETS.values():
    text = text.replace(secret, paint(secret, "secret"))
  return text.replace("[MASKED", paint("[MASKED", "mask"))


def play(box, agent, scene, number):
  """Prints one scene; true when no secret got through."""
  box.forget_upstream_log()
  before = len(agent.records())
  run = scene.call()
  out, err = run.stdout.decode(errors="replace"), run.stderr.decode(errors="replace")
  seen = "" if run.returncode else scene.read(out)
  sent = [text for text in readable_of_log(box.upstream_log("said"))
          if any(secret in text for secret in scenario.SECRETS.values())]
  print(f"\n{number}. {paint(scene.title, 'bold')}")
  for text in dict.fromkeys(sent):
    print(f"   upstream sent  {with_secrets(text)}")
  if run.returncode:
    print(f"   client failed  exit {run.returncode}: {err.strip()[-300:]}")
  else:
    print(f"   client saw     {with_secrets(seen)}")
  # In a stream whose deltas are pieces of a secret it stands nowhere in one part, so what a person reads counts too.
  read = (out, err, readable(out), seen)
  leaked = [name for name, secret in scenario.SECRETS.items() if any(secret in text for text in read)]
  if leaked:
    print(paint(f"   LEAKED         {', '.join(leaked)}", "secret"))
    return False
  for line in client_programs.wait_until(lambda: list(evidence(agent.records()[before:])), what="a record of a mask"):
    print(f"   recorded       {line}")
  return bool(sent) and run.returncode == 0


def evidence(records):
  """One line for each masked finding: who, where, what."""
  opened = {record["session"]: record for record in records if record["kind"] == "session.open"}
  asked = {(record["session"], record["exchange"]): record for record in records if record["kind"] == "request.head"}
  for record in records:
    session, request = opened.get(record["session"]), asked.get((record["session"], record["exchange"]))
    for mask in record.get("masks", []) if session and request else []:
      peer = session["peer"]
      yield (f"{request['person']['name']} (uid {peer['uid']}), process {peer['tgid']} \"{peer['comm']}\", "
             f"{session['server_name']}: {mask['action']} {mask['rule']}, {mask['length']} bytes, "
             f"digest {mask['digest'][:8]}")


def first_token(box, rounds):
  """Milliseconds added to the first word, for a new connection and for one that is kept."""
  figures = {}
  for where in ("direct", "client") * rounds:  # in turns, so that whatever else the machine does meets both
    run = box.run([sandboxes.PYTHON, "-B", HERE / "first_token.py", "--count", "12"], where=where)
    if run.returncode:
      raise sandboxes.SandboxError(run.stderr.decode())
    for kind, values in json.loads(run.stdout).items():
      figures.setdefault((where, kind), []).extend(values[2:])
  print(f"\n{paint('Time to the first word', 'bold')} (median of {len(figures['direct', 'new'])} requests)")
  for kind, title in (("kept", "on a connection that is kept"), ("new", "with a new connection and TLS handshake")):
    direct, through = (statistics.median(figures[where, kind]) for where in ("direct", "client"))
    print(f"   {title:42} direct {direct:6.2f} ms   through the agent {through:6.2f} ms   added {through - direct:5.2f} ms")


def how_to_play(box, agent, name):
  enter = " ".join(box.enter("client"))
  group = sandboxes.cgroup2_mount() / box.name / sandboxes.GROUPS["client"]
  claude = client_programs.installed() / "node_modules/@anthropic-ai/claude-code-linux-x64/claude"
  veilwire = agent.programs / "veilwire"
  print(f"""
It is left running. A shell where a client would run (join the cgroup first, then the namespaces):

  sh -c 'echo 0 > {group}/cgroup.procs; exec {enter} env -i PATH="$PATH" TERM="$TERM" \\
    HOME={box.home(0)} ANTHROPIC_API_KEY=sk-ant-dummy IS_SANDBOX=1 bash'

  {claude} -p "[[demo secret]]"
  curl -s https://api.anthropic.com/v1/messages -d '{{"stream":true,"messages":[{{"role":"user","content":"[[demo secret cut=each]]"}}]}}'

Is it well: {" ".join(box.enter("agent"))} {veilwire} status --config {agent.config_file}
What was recorded: {veilwire} audit --ledger {agent.ledger} list
Network namespaces (ip netns exec): {box.name}-host, {box.name}-internet
Policy (edit it, it is read again): {box.folder}/policy/policy.toml
Logs: {box.folder}/logs    What the upstream sent: {box.upstream_log_file}
End it: packaging/quickstart --stop{"" if name == NAME else f" --name {name}"}""", flush=True)


def end_orderly():
  """A signal that ends the program takes everything down on the way; a second one does not stop that."""
  ending = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

  def end(number, _):
    for other in ending:
      signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)

  for number in ending:
    if signal.getsignal(number) != signal.SIG_IGN:  # as nohup leaves it
      signal.signal(number, end)


def main():
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument("build")
  parser.add_argument("--keep", action="store_true")
  parser.add_argument("--stop", action="store_true")
  parser.add_argument("--name", default=NAME)
  parser.add_argument("--policy", type=pathlib.Path)
  parser.add_argument("--short", action="store_true")
  arguments = parser.parse_args()
  # Whatever carries the name is swept, so it must be one that only a quickstart has.
  if not re.fullmatch("[a-z0-9-]{1,40}", arguments.name):
    parser.error("--name: small letters, digits and - only")
  name = f"veilwire-{arguments.name}"
  policy = arguments.policy.read_text() if arguments.policy else agents.POLICY
  reason = sandboxes.why_impossible()
  if reason:
    sys.exit(f"quickstart: {reason}")
  if arguments.stop:
    sandboxes.sweep(name)
    return 0
  end_orderly()
  begin = time.monotonic()
  box = sandboxes.Sandbox(name)
  with box:
    agent = agents.Agent(box, arguments.build, policy)
    if agent.missing():
      sys.exit(f"quickstart: not built: {', '.join(agent.missing())}")
    box.start_upstream()
    clients = client_programs.Clients(box)
    agent.start()
    print(f"agent, upstream and namespaces are up after {time.monotonic() - begin:.1f} s", flush=True)
    good = [play(box, agent, scene, number) for number, scene in enumerate(scenes(clients), 1)]
    first_token(box, 1 if arguments.short else ROUNDS)
    print(f"\n{sum(good)} of {len(good)} clients saw masked text and no secret ({time.monotonic() - begin:.0f} s)")
    if arguments.keep:
      how_to_play(box, agent, arguments.name)
      box.leave()
  return 0 if all(good) else 1


if __name__ == "__main__":
  try:
    sys.exit(main())
  except (sandboxes.SandboxError, OSError) as fault:
    sys.exit(f"quickstart: {fault}")
