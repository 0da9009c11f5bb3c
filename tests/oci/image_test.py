"""The image, from the programs of this build: valid, the same bytes a second time, nothing in it but what the package
has and what its programs need, and every program starts from it. The manifests: by the API's schema, and with the rights
that the units of the package give to each program, no more."""

import hashlib
import json
import pathlib
import re
import subprocess
import tarfile

import image_case
from commands import output
from image_case import ROOT, build_image
import pod as pods
import jsonschema
import yaml

MANIFESTS = ROOT / "packaging/kubernetes"
SCHEMA = json.loads((ROOT / "tests/oci/schema/kubernetes.json").read_text())
PROGRAMS = ("redirector", "signer", "identity", "recorder", "proxy", "forwarder")
USERS = {"proxy": "veilwire"}  # who is not called as their program


def documents(name):
  return list(yaml.safe_load_all((MANIFESTS / name).read_text()))


def pod_of(name):
  return next(document for document in documents(name) if document["kind"] == "DaemonSet")["spec"]["template"]["spec"]


class ImageTest(image_case.ImageCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.root, cls.config = pods.unpack(cls.image, cls.folder)
    cls.deb = cls.folder / "deb"
    output("dpkg-deb", "-x", next(cls.built.glob("veilwire_*.deb")), cls.deb)

  def files(self):
    return {"/" + path.relative_to(self.root).as_posix(): path for path in self.root.rglob("*")
            if path.is_file() and not path.is_symlink()}

  def test_other_tools_read_it(self):
    told = json.loads(output("skopeo", "inspect", f"oci-archive:{self.image}"))
    self.assertEqual((told["Os"], told["Architecture"], len(told["Layers"])), ("linux", "amd64", 1))
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in told["Labels"].items()}
    self.assertEqual((labels["title"], labels["licenses"], labels["source"], labels["created"]),
                     ("veilwire", "Apache-2.0", "https://veilwire.example", "2023-11-14T22:13:20Z"))
    self.assertEqual(labels["revision"], output("git", "-C", ROOT, "rev-parse", "HEAD").strip())
    self.assertEqual(labels["version"], output("dpkg-deb", "-f", next(self.built.glob("veilwire_*.deb")), "Version").strip())
    stat = json.loads(output("umoci", "stat", "--json", "--image", f"{self.folder}/layout:image"))
    self.assertEqual(len(stat["history"]), 1)

  def test_each_blob_is_what_its_name_says(self):
    with tarfile.open(self.image) as archive:
      members = archive.getmembers()
      self.assertEqual({(member.uid, member.gid, member.mtime) for member in members}, {(0, 0, 1700000000)})
      blobs = [member for member in members if member.isfile() and "sha256" in member.name]
      self.assertEqual(len(blobs), 3)
      for member in blobs:
        data = archive.extractfile(member).read()
        self.assertEqual(hashlib.sha256(data).hexdigest(), pathlib.Path(member.name).name)

  def test_a_second_build_gives_the_same_bytes(self):
    again = build_image(self.folder / "again", "--packages", self.built)
    self.assertEqual(again.read_bytes(), self.image.read_bytes())
    bill = self.image.with_suffix(".spdx.json")
    self.assertEqual((again.parent / bill.name).read_bytes(), bill.read_bytes())

  def test_what_is_in_it_is_the_packages_or_needed_by_its_programs(self):
    made_here = {"/etc/passwd", "/etc/group", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/ssl/certs/ca-certificates.crt"}
    libraries = set()
    for name, path in self.files().items():
      packaged = self.deb / name.lstrip("/")
      if packaged.exists():
        self.assertEqual(path.read_bytes(), packaged.read_bytes(), name)
      elif re.fullmatch(r"/usr/lib(64)?/(\S+/)?\S+\.so[.0-9]*", name):
        libraries.add(path.name)
      else:
        self.assertTrue(name in made_here or re.fullmatch(r"/usr/share/doc/[^/]+/copyright", name), name)
    needed, looked_at = set(), set()
    waiting = [path for path in self.root.glob("usr/sbin/*")]
    while waiting:
      told = output("objdump", "-p", waiting.pop())
      fresh = set(re.findall(r"NEEDED +(\S+)", told)) - looked_at
      looked_at |= fresh
      waiting += [next(self.root.glob(f"usr/lib*/**/{soname}")) for soname in fresh]
      needed |= fresh
    self.assertEqual(libraries, needed | {"ld-linux-x86-64.so.2"})

  def test_it_has_no_shell_and_nothing_that_changes_ones_rights(self):
    self.assertEqual({path.name for path in self.root.glob("usr/sbin/*")},
                     {"veilwire", *(f"veilwire-{name}" for name in PROGRAMS + ("credentials", "metrics"))})
    self.assertEqual([path.name for path in self.root.glob("usr/bin/*")], ["veilwire"])
    self.assertEqual([name for name, path in self.files().items() if path.stat().st_mode & 0o6022], [])

  def test_it_trusts_the_cas_of_debian_and_no_other(self):
    bundle = (self.root / "etc/ssl/certs/ca-certificates.crt").read_text()
    shipped = [path for path in output("dpkg-query", "-L", "ca-certificates").splitlines() if path.endswith(".crt")]
    self.assertEqual(bundle.count("BEGIN CERTIFICATE"), len(shipped))
    self.assertGreater(len(shipped), 100)

  def test_the_bill_of_materials_names_every_library(self):
    bill = json.loads(self.image.with_suffix(".spdx.json").read_text())
    ids = [package["SPDXID"] for package in bill["packages"]]
    self.assertEqual(len(ids), len(set(ids)))
    held = {relation["relatedSpdxElement"] for relation in bill["relationships"] if relation["relationshipType"] == "CONTAINS"}
    for path in self.root.glob("usr/lib/*-linux-gnu/*"):
      places = [f"/lib/x86_64-linux-gnu/{path.name}", f"/usr/lib/x86_64-linux-gnu/{path.name}"]
      found = [run.stdout for run in (subprocess.run(["dpkg-query", "-S", place], capture_output=True, text=True)
                                      for place in places) if run.returncode == 0]
      self.assertTrue(found, path.name)
      self.assertIn("SPDXRef-" + re.sub("[^A-Za-z0-9.-]", "-", found[0].split(":")[0]), held)

  # --- the manifests ---

  def test_the_manifests_are_what_the_api_takes(self):
    for name, kinds in (("veilwire.yaml", ["Namespace", "ServiceAccount", "ConfigMap", "DaemonSet"]),
                        ("remove.yaml", ["DaemonSet"])):
      self.assertEqual([document["kind"] for document in documents(name)], kinds)
      for document in documents(name):
        judge = jsonschema.Draft7Validator({**SCHEMA, "$ref": f"#/definitions/V1{document['kind']}"})
        self.assertEqual([(list(fault.path), fault.message) for fault in judge.iter_errors(document)], [])

  def test_the_schema_refuses_what_is_misspelt(self):
    wrong = json.loads(json.dumps(documents("veilwire.yaml")[-1]).replace("hostPID", "hostPid"))
    judge = jsonschema.Draft7Validator({**SCHEMA, "$ref": "#/definitions/V1DaemonSet"})
    self.assertRegex(" ".join(fault.message for fault in judge.iter_errors(wrong)), "hostPid")

  def test_each_container_has_the_rights_of_its_unit_and_no_more(self):
    users = dict(line.split(":")[:3:2] for line in (self.root / "etc/passwd").read_text().splitlines())
    pod = pod_of("veilwire.yaml")
    self.assertEqual([container["name"] for container in pod["containers"]], list(PROGRAMS))
    for container in pod["containers"]:
      name, rights = container["name"], container["securityContext"]
      unit = (ROOT / f"packaging/systemd/veilwire-{name}.service").read_text()
      allowed = re.search("(?m)^CapabilityBoundingSet=(.*)$", unit)[1].split()
      self.assertEqual(sorted(pods.capabilities_of(container)), sorted(allowed), name)
      self.assertTrue(rights["readOnlyRootFilesystem"], name)
      user = (re.findall("(?m)^User=(.*)$", unit) or ["root"])[0]
      group = re.search("(?m)^Group=(.*)$", unit)[1]
      self.assertEqual((str(rights["runAsUser"]), str(rights["runAsGroup"])), (users[user], users[group]), name)
      self.assertEqual(rights.get("allowPrivilegeEscalation"), None if name == "redirector" else False)
      self.assertIn(f"ExecStart=@SBINDIR@/{' '.join(container['command'])[len('/usr/sbin/'):]}"
                    .replace("/site/", "/"), unit)
    for container in pod["initContainers"] + pod_of("remove.yaml")["initContainers"]:
      self.assertLessEqual(set(container["securityContext"]["capabilities"]["add"]),
                           {"CHOWN", "DAC_OVERRIDE", "FOWNER"} if container["name"] == "setup" else
                           {name.removeprefix("CAP_") for name in pods.capabilities_of(pod["containers"][0])})

  def test_a_folder_of_sockets_is_written_by_one_container_alone(self):
    writers = {}
    for container in pod_of("veilwire.yaml")["containers"]:
      for mount in container["volumeMounts"]:
        if mount["mountPath"].startswith("/run/") and not mount.get("readOnly"):
          writers.setdefault(mount["name"], []).append(container["name"])
    self.assertEqual(writers, {f"run-{name}": [name] for name in PROGRAMS})

  def test_every_mount_has_its_volume_and_every_volume_a_mount(self):
    for name in ("veilwire.yaml", "remove.yaml"):
      pod = pod_of(name)
      mounted = {mount["name"] for container in pod["containers"] + pod["initContainers"]
                 for mount in container.get("volumeMounts", [])}
      self.assertEqual(mounted, {volume["name"] for volume in pod["volumes"]})

  def test_the_manifests_are_of_this_version(self):
    version = re.search(r"project\(veilwire VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
    ours = {container["image"] for name in ("veilwire.yaml", "remove.yaml")
            for container in pod_of(name)["containers"] + pod_of(name)["initContainers"] if "veilwire" in container["image"]}
    self.assertEqual(ours, {f"registry.example.com/veilwire:{version}"})
    base = yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text())
    self.assertEqual(base["images"], [{"name": "registry.example.com/veilwire", "newTag": version}])
    self.assertEqual(base["resources"], ["veilwire.yaml"])

  def test_the_policy_of_the_cluster_is_one(self):
    config = next(document for document in documents("veilwire.yaml") if document["kind"] == "ConfigMap")["data"]
    (self.folder / "policy.toml").write_text(config["policy.toml"].replace("/etc/veilwire", f"{self.root}/etc/veilwire"))
    output(self.root / "usr/sbin/veilwire", "policy", "check", self.folder / "policy.toml")


if __name__ == "__main__":
  image_case.main(pods.missing_tools())
