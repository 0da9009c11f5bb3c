"""A certificate authority for the sandbox's internet, made with the openssl command: never one that ships with us.

The upstream's certificate is what a public CA would issue (P-256, SAN, serverAuth, key identifiers, 90 days), since
the agent must be as strict with upstreams as a browser is.
"""

import pathlib
import subprocess

SYSTEM_BUNDLE = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")


def _openssl(*arguments, stdin=None):
  run = subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, text=True)
  if run.returncode:
    raise RuntimeError(f"openssl {arguments[0]}: {run.stderr}")
  return run.stdout


def make_authority(folder, name, common_name):
  """NAME.pem and NAME.key: a root of its own."""
  folder = pathlib.Path(folder)
  _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "365",
           "-subj", f"/O=veilwire tests/CN={common_name}", "-keyout", folder / f"{name}.key",
           "-out", folder / f"{name}.pem", "-addext", "basicConstraints=critical,CA:TRUE",
           "-addext", "keyUsage=critical,keyCertSign,cRLSign")
  return folder / f"{name}.pem"


def make_leaf(folder, authority, name, hosts, *, days=90, usage="serverAuth", extensions=()):
  """NAME.pem (leaf, then root) and NAME.key, for the given host names."""
  folder = pathlib.Path(folder)
  request = _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-subj", f"/CN={hosts[0]}", "-keyout", folder / f"{name}.key")
  lines = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature", f"extendedKeyUsage={usage}",
           "subjectAltName=" + ",".join(f"DNS:{host}" for host in hosts), "subjectKeyIdentifier=hash",
           "authorityKeyIdentifier=keyid", *extensions]
  (folder / f"{name}.ext").write_text("\n".join(lines) + "\n")
  leaf = _openssl("x509", "-req", "-CA", folder / f"{authority}.pem", "-CAkey", folder / f"{authority}.key",
                  "-days", days, "-sha256", "-extfile", folder / f"{name}.ext", stdin=request)
  (folder / f"{name}.pem").write_text(leaf + (folder / f"{authority}.pem").read_text())
  return folder / f"{name}.pem"


_ENDED = """
[ca]
default_ca = one
[one]
database = {0}/db
new_certs_dir = {0}
serial = {0}/serial
default_md = sha256
policy = any
x509_extensions = ext
[any]
commonName = supplied
[ext]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign
"""


def make_ended_authority(folder):
  """ended.pem: a root whose time is over."""
  folder = pathlib.Path(folder)
  (folder / "db").touch()
  (folder / "ca.cnf").write_text(_ENDED.format(folder))
  key, request, made = (folder / f"ended.{kind}" for kind in ("key", "csr", "pem"))
  _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=ended",
           "-keyout", key, "-out", request)
  _openssl("ca", "-batch", "-config", folder / "ca.cnf", "-selfsign", "-create_serial", "-keyfile", key, "-in", request,
           "-out", made, "-startdate", "20240101000000Z", "-enddate", "20250101000000Z", "-notext")
  made.chmod(0o644)
  return made
