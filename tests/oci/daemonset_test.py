"""The DaemonSet's containers, run from the image by crun with the manifest's users, capabilities, volumes and probes: a
client on the node's network is answered masks, in a container of its own too, and the evidence leaves the node.

What differs from a cluster is told to the agent: clients are caught below a cgroup of the test, and the collector and the
authorities of the test's own internet take the place of the real ones. Tests run in the order of their numbers.
"""

import contextlib
import json
import pathlib
import re
import sqlite3
import subprocess
import time

import image_case
from image_case import ROOT
import pod as pods
import yaml

import clients
import sandbox
from upstream import scenario

SECRET = scenario.SECRETS["github"]
MANIFESTS = ROOT / "packaging/kubernetes"


def documents(name):
  return {document["kind"]: document for document in yaml.safe_load_all((MANIFESTS / name).read_text())}


class DaemonSetTest(image_case.ImageCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.box = cls.enterClassContext(sandbox.Sandbox())
    cls.box.start_upstream()
    cls.clients = clients.Clients(cls.box)
    cls.unpacked = pods.unpack(cls.image, cls.folder)
    cls.manifest = documents("veilwire.yaml")
    cls.collected = cls.box.folder / "collected"
    cls.collected.mkdir()
    collector = cls.box.popen([sandbox.PYTHON, "-B", ROOT / "tests/support/otlp_collector.py", cls.collected],
                              where="direct", stdout=subprocess.PIPE)
    files = dict(cls.manifest["ConfigMap"]["data"])
    group = cls.box.attach_cgroup.relative_to(sandbox.cgroup2_mount())
    for former, present in (('cgroup = "/"', f'cgroup = "/{group}"'),
                            ("https://collector.example.com:4318", f"http://127.0.0.1:{int(collector.stdout.readline())}")):
      if files["agent.toml"].count(former) != 1:
        raise AssertionError(f"{former} stands {files['agent.toml'].count(former)} times in agent.toml")
      files["agent.toml"] = files["agent.toml"].replace(former, present)
    cls.files = files
    cls.config = pods.ConfigMap(cls.box.folder / "config", files)
    cls.state = cls.box.folder / "state-of-node"
    cls.state.mkdir(mode=0o755)
    cls.machine = cls.box.folder / "machine-id"
    cls.machine.write_text("0123456789abcdef0123456789abcdef\n")
    cls.pod = cls.new_pod()
    cls.addClassCleanup(lambda: cls.pod.stop())
    cls.pod.initialise()
    cls.box.trust(cls.state / "veilwire-ca/ca.pem")
    cls.pod.start()
    cls.wait_until_ready()

  @classmethod
  def new_pod(cls, manifest="veilwire.yaml"):
    places = {"config": cls.config.folder, "bpffs": cls.box.folder / "bpf", "cgroup": "/sys/fs/cgroup",
              "machine-id": cls.machine, "state": cls.state}
    roots = (cls.box.folder / "etc/bundle.direct").resolve()
    return pods.Pod(cls.box, documents(manifest)["DaemonSet"]["spec"]["template"]["spec"], cls.unpacked, places=places,
                    more=[("proxy", "/etc/ssl/certs/ca-certificates.crt", roots)])

  @classmethod
  def wait_until_ready(cls, seconds=60):
    """Also for the addresses of the policy's host, which the proxy looks up a moment later."""
    deadline = time.monotonic() + seconds
    while True:
      failed = cls.pod.readiness()
      if not failed and len(cls.targets()) == 2:
        return
      if time.monotonic() > deadline:
        raise AssertionError("\n".join(failed) + cls.pod.logs())
      time.sleep(0.5)

  @classmethod
  def targets(cls):
    run = cls.pod.execute("redirector", ["/usr/sbin/veilwire-redirector", "status", "--json", "--config",
                                         "/etc/veilwire/site/agent.toml"])
    return json.loads(run.stdout or b"{}").get("targets", [])

  def ask(self, prompt="[[demo secret]]", **options):
    run = self.clients.curl_message(prompt, **options)
    self.assertEqual(run.returncode, 0, run.stderr.decode() + self.pod.logs())
    return run.stdout.decode()

  def must_be_masked(self, answer):
    self.assertNotIn(SECRET, answer)
    self.assertIn("[MASKED:", answer)

  def ledger(self):
    """What is committed, in order."""
    path = self.state / "veilwire-recorder/ledger.db"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
      return [text for (text,) in database.execute("SELECT bytes FROM records ORDER BY id")]

  def directly(self):
    """What a client is answered that nobody intercepts."""
    run = self.clients.curl_message("[[demo secret]]", "--cacert", self.box.folder / "ca/internet.pem")
    self.assertEqual(run.returncode, 0, run.stderr)
    return run.stdout.decode()

  def test_0_every_program_starts_with_its_containers_rights(self):
    for container in self.pod.spec["containers"]:
      said = self.pod.run({**container, "name": f"{container['name']}-version",
                           "command": [container["command"][0], "--version"]})
      self.assertRegex(said, rf"^veilwire-{container['name']} \d+\.\d+\.\d+\n$")

  def test_1_a_client_on_the_nodes_network_is_answered_masks(self):
    self.box.forget_upstream_log()
    self.must_be_masked(self.ask())
    self.assertIn(SECRET, "".join(entry["text"] for entry in self.box.upstream_log("said")))

  def test_2_so_is_one_in_a_container_with_the_nodes_network(self):
    """Processes, mounts, cgroups and names of its own: what a pod with hostNetwork has."""
    body = json.dumps({"model": "claude-demo-1", "max_tokens": 64, "messages": [{"role": "user", "content": "[[demo secret]]"}]})
    run = self.box.run(["unshare", "--pid", "--fork", "--mount-proc", "--cgroup", "--uts", "--ipc", "curl", "-sS", "-H",
                        "x-api-key: sk-ant-dummy", "-H", "content-type: application/json", "-d", body,
                        f"https://{sandbox.API}/v1/messages"])
    self.assertEqual(run.returncode, 0, run.stderr)
    self.must_be_masked(run.stdout.decode())

  def test_3_each_container_has_its_user_and_its_rights_alone(self):
    for container in self.pod.spec["containers"]:
      name, rights = container["name"], container["securityContext"]
      status = pathlib.Path(f"/proc/{self.pod.state(name)['pid']}/status").read_text()
      told = dict(re.findall(r"(?m)^(\w+):\s+(.*)$", status))
      self.assertEqual(set(told["Uid"].split()), {str(rights["runAsUser"])}, name)
      self.assertEqual(set(told["Gid"].split()), {str(rights["runAsGroup"])}, name)
      self.assertEqual((told["NoNewPrivs"], told["Seccomp"]), ("1", "2"), name)
      wanted = {cap.lower() for cap in pods.capabilities_of(container)}
      for which in ("CapPrm", "CapEff", "CapBnd"):
        self.assertEqual(capabilities(told[which]), wanted, (name, which))

  def test_4_the_evidence_is_of_this_node_and_leaves_it_masked(self):
    self.ask("[[demo secret]] for the collector")
    def arrived():
      return b"".join(path.read_bytes() for path in self.collected.glob("*.pb"))
    clients.wait_until(lambda: b"for the collector" in arrived(), 20, "a record at the collector")
    self.assertIn(self.machine.read_text().strip().encode(), arrived())
    self.assertNotIn(SECRET.encode(), arrived())

  def test_5_a_changed_config_map_is_in_force_without_a_restart(self):
    before = self.pod.state("proxy")["pid"]
    self.config.write({**self.files, "policy.toml": self.files["policy.toml"].replace('action = "mask"', 'action = "pass"')})
    clients.wait_until(lambda: SECRET in self.ask(), 30, "the changed policy")
    self.config.write(self.files)
    clients.wait_until(lambda: SECRET not in self.ask(), 30, "the former policy")
    self.assertEqual(self.pod.state("proxy")["pid"], before)

  def test_6_a_container_that_dies_comes_back(self):
    for name in ("redirector", "proxy", "recorder", "signer", "identity", "forwarder"):
      before = self.pod.state(name)["pid"]
      self.pod.signal(name)
      clients.wait_until(lambda: self.pod.state(name)["pid"] not in (0, before), 20, f"another {name}")
    self.wait_until_ready()
    self.must_be_masked(self.ask())

  def test_7_another_pod_goes_on_with_the_nodes_ca_and_ledger(self):
    ca = (self.state / "veilwire-ca/ca.pem").read_bytes()
    before = self.ledger()
    self.assertEqual(self.pod.stop(), [], "these did not end in the pod's grace")
    # While there is none, this configuration lets clients pass.
    self.assertIn(SECRET, self.directly())
    type(self).pod = self.new_pod()
    said = "".join(self.pod.initialise())
    self.assertIn("nothing was started", said)
    self.assertEqual((self.state / "veilwire-ca/ca.pem").read_bytes(), ca)
    self.pod.start()
    self.wait_until_ready()
    self.must_be_masked(self.ask())
    self.assertGreater(len(self.ledger()), len(before))
    self.assertEqual(self.ledger()[:len(before)], before)

  def test_8_the_state_of_a_node_is_for_those_whose_it_is(self):
    owners = {path.name: (path.stat().st_uid, oct(path.stat().st_mode & 0o777)) for path in self.state.iterdir()}
    self.assertEqual(owners, {
        "veilwire": (61001, "0o700"), "veilwire-signer": (61002, "0o700"), "veilwire-recorder": (61004, "0o700"),
        "veilwire-ca": (0, "0o755"), "veilwire-setup": (0, "0o700")})

  def test_9_removed_it_leaves_nothing_attached(self):
    self.pod.stop()
    removal = self.new_pod("remove.yaml")
    self.assertIn("nothing of veilwire is attached", "".join(removal.initialise()))
    left = self.box.run(["find", self.box.folder / "bpf", "-mindepth", "1", "-name", "veilwire*"], where="agent").stdout
    self.assertEqual(left, b"")
    self.assertIn(SECRET, self.directly())


def capabilities(mask):
  names = re.findall(r"(?m)^#define (CAP_\w+)\s+(\d+)$", pathlib.Path("/usr/include/linux/capability.h").read_text())
  return {name.lower() for name, number in names if int(mask, 16) >> int(number) & 1}


if __name__ == "__main__":
  image_case.main(pods.missing_tools())
