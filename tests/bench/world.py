"""The sandbox of the benchmark: one upstream, and three ways to it.

    direct   client ------------------> upstream
    agent    client -> veilwire-proxy -> upstream    the kernel redirects; nothing in the client knows
    nginx    client -> nginx ---------> upstream     terminates TLS and inspects nothing: what any relay costs

Client, relay and upstream verify certificates with the same kind of key (P-256); every hop is TLS 1.3 and HTTP/1.1.
"""

import json
import pathlib
import resource
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import agent as agents  # noqa: E402
import certificates  # noqa: E402
import sandbox  # noqa: E402

WAYS = ("direct", "agent", "nginx")
DESCRIPTORS = 65536  # a thousand connections need twice that many descriptors in a relay
UPSTREAM = sandbox.ADDRESSES[sandbox.API][0]
POOLED, PAIRED = 8443, 8444  # nginx's ports

# Nothing is buffered, logged or counted. Connections to the upstream are kept in a pool, as one would run it; on the
# other port each client's connection has one of its own, as with the agent, which is the fair comparison for new ones.
NGINX = """\
user nobody nogroup;
worker_processes auto;
worker_rlimit_nofile {descriptors};
pid {folder}/pid;
error_log {folder}/error.log;
daemon off;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_body_buffer_size 256k;
  client_max_body_size 64m;
  keepalive_timeout 900;
  keepalive_requests 1000000;
  tcp_nodelay on;
  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_certificate {folder}/leaf.pem;
  ssl_certificate_key {folder}/leaf.key;
  proxy_http_version 1.1;
  proxy_buffering off;
  proxy_request_buffering off;
  proxy_read_timeout 900;
  proxy_set_header host $host;
  proxy_ssl_protocols TLSv1.2 TLSv1.3;
  proxy_ssl_verify on;
  proxy_ssl_trusted_certificate {authority};
  proxy_ssl_server_name on;
  proxy_ssl_name {host};
  upstream pool {{ server {upstream}:443; keepalive 2048; keepalive_requests 1000000; keepalive_timeout 900; }}
  upstream pair {{ server {upstream}:443; }}
  server {{
    listen {pooled} ssl backlog=4096;
    location / {{ proxy_pass https://pool; proxy_set_header connection ""; }}
  }}
  server {{
    listen {paired} ssl backlog=4096;
    location / {{ proxy_pass https://pair; proxy_set_header connection ""; }}
  }}
}}
"""


def processor_us(pids):
  """Time that all threads of these processes have run, to the nanosecond."""
  total = 0
  for pid in pids:
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
      total += int((task / "schedstat").read_text().split()[0])
  return total / 1000


def resident_kb(pids):
  total = 0
  for pid in pids:
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
      if line.startswith("VmRSS:"):
        total += int(line.split()[1])
  return total


class Client:
  """One run of bench_client that is ready to begin."""

  def __init__(self, process, log):
    self._process = process
    self._log = log
    line = process.stdout.readline()
    if line != b"ready\n":
      process.wait(10)
      raise sandbox.SandboxError(f"bench_client: {line!r} {log.read_text()[-2000:]}")

  def run(self):
    """Its report, once all answers have come. The connections stay."""
    self._process.stdin.write(b"go\n")
    self._process.stdin.flush()
    line = self._process.stdout.readline()
    if not line:
      raise sandbox.SandboxError(f"bench_client ended early: {self._log.read_text()[-2000:]}")
    report = json.loads(line)
    if report["faults"]:
      raise sandbox.SandboxError(f"answers were wrong: {report['faults']}")
    return report

  def begin(self):
    self._process.stdin.write(b"go\n")
    self._process.stdin.flush()

  def end(self):
    self._process.stdin.close()
    self._process.stdout.read()
    self._process.wait(30)
    self._process.stdout.close()


class World:
  def __init__(self, build):
    self.build = pathlib.Path(build)
    self.box = sandbox.Sandbox()
    self.agent = None
    self._nginx = None
    self._upstream = None

  def __enter__(self):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))  # inherited by all that is started
    self.box.__enter__()
    try:
      self._upstream = self._start_upstream()
      self._nginx = self._start_nginx()
      self.agent = agents.Agent(self.box, self.build)
      if self.agent.missing():
        raise sandbox.SandboxError(f"not built in {self.build}: {self.agent.missing()}")
      self.agent.start()
      for way in WAYS:
        self.client(way).end()  # says at once what does not work
    except BaseException:
      self.__exit__()
      raise
    return self

  def __exit__(self, *_):
    if self.agent:
      self.agent.stop()
    self.box.__exit__()

  def _start_upstream(self):
    ca = self.box.folder / "ca"
    process = self.box.popen([self.build / "bench/bench_upstream", ca / "upstream.pem", ca / "upstream.key",
                              f"{UPSTREAM}:443"], where="internet", stdout=subprocess.PIPE)
    if process.stdout.readline() != b"ready\n":
      raise sandbox.SandboxError("bench_upstream did not start")
    return process

  def _start_nginx(self):
    folder = self.box.folder / "nginx"
    folder.mkdir()
    ca = self.box.folder / "ca"
    certificates.make_leaf(ca, "internet", "nginx", [sandbox.API])
    (ca / "nginx.pem").rename(folder / "leaf.pem")
    (ca / "nginx.key").rename(folder / "leaf.key")
    (folder / "nginx.conf").write_text(NGINX.format(
        folder=folder, authority=ca / "internet.pem", upstream=UPSTREAM, host=sandbox.API, pooled=POOLED, paired=PAIRED,
        descriptors=resource.getrlimit(resource.RLIMIT_NOFILE)[0]))
    with open(folder / "stderr", "wb") as log:
      process = self.box.popen(["nginx", "-p", folder, "-c", folder / "nginx.conf"], where="direct", stderr=log)
    probe = ["sh", "-c", f"until ss -tln | grep -q :{PAIRED}; do sleep 0.02; done"]
    if self.box.run(probe, where="direct", timeout=10).returncode:
      raise sandbox.SandboxError("nginx did not start: " + (folder / "stderr").read_text())
    return process

  def client(self, way, *options, paired=False):
    """A client whose connections are open. paired: a relay must not share connections to the upstream."""
    ca = self.box.folder / "ca"
    words = ["--address", UPSTREAM, "--port", 443, "--authority", ca / "internet.pem"]
    if way == "agent":
      words = ["--address", UPSTREAM, "--port", 443, "--authority", self.agent.authority]
    elif way == "nginx":
      words = ["--address", sandbox.HOST_ADDRESSES[0], "--port", PAIRED if paired else POOLED,
               "--authority", ca / "internet.pem"]
    log = self.box.folder / "logs/client"
    with open(log, "wb") as errors:
      process = self.box.popen([self.build / "bench/bench_client", *words, *options], stdin=subprocess.PIPE,
                               where="client" if way == "agent" else "direct", stdout=subprocess.PIPE, stderr=errors)
    return Client(process, log)

  def processes(self):
    """Process ids by the name that figures have."""
    master = self._nginx.pid
    workers = pathlib.Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return {"upstream": [self._upstream.pid], "nginx": [int(pid) for pid in workers],
            **{name: [service.process.pid] for name, service in self.agent.services.items()}}

  def relays(self, way):
    """Those that carry this way's streams."""
    return {"direct": (), "agent": ("proxy", "recorder"), "nginx": ("nginx",)}[way]
