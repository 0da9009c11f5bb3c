"""The agent's side of a test of stores: a recorder and a forwarder over one ledger, and what they say of its sinks.

Whoever uses it has: folder, where the ledger is.
"""

import json
import os
import pathlib
import subprocess

BUILD = pathlib.Path(os.environ["VEILWIRE_BINARY_DIR"])


class DeliveringHost:
  @classmethod
  def write_agent(cls, sinks, forwarder=""):
    """sinks: tables; forwarder: further keys of the forwarder's own."""
    me = f"{os.geteuid()}:{os.getegid()}"
    cls.config = cls.folder / "agent.toml"
    cls.config.write_text(f"""
[recorder]
user = ""
socket = "{cls.folder}/recorder.sock"
delivery_socket = "{cls.folder}/delivery.sock"
status_socket = ""
database = "{cls.folder}/ledger.db"
writers = ["{me}"]
readers = ["{me}"]
[forwarder]
user = ""
recorder_socket = "{cls.folder}/delivery.sock"
status_socket = ""
internal_ca = ""
{forwarder}
{sinks}""")

  @classmethod
  def audit(cls, *arguments):
    return subprocess.run([BUILD / "bin/veilwire", "--config", cls.config, "audit", *arguments], capture_output=True,
                          text=True, check=True).stdout

  @classmethod
  def delivered(cls):
    report = json.loads(cls.audit("sinks", "--json"))
    return len(report["sinks"]) == 2 and all(sink["next"] > report["records"] for sink in report["sinks"])
