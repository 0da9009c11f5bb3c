"""What `veilwire setup` finds at its end: a whole agent that runs, and whether a client's own connection meets it. The
folders that it writes are layers of a mount namespace of its own; systemctl there says that everything is started, as it
is. What it writes is judged by tests/setup."""

import subprocess

import harness  # first: it makes tests/support importable
import sandbox

# $1: the program, $2: the configuration.
SCRIPT = """set -e
mkdir /tmp/layers && mount -t tmpfs none /tmp/layers && cp /etc/hosts /etc/resolv.conf /tmp/layers
for folder in etc usr/local var/lib; do
  mkdir -p /tmp/layers/$folder/upper /tmp/layers/$folder/work
  mount -t overlay -o lowerdir=/$folder,upperdir=/tmp/layers/$folder/upper,workdir=/tmp/layers/$folder/work none /$folder
done
cp /tmp/layers/hosts /tmp/layers/resolv.conf /etc
mkdir -p /usr/local/sbin && printf '#!/bin/sh\\nexit 0\\n' >/usr/local/sbin/systemctl && chmod 755 /usr/local/sbin/systemctl
printf '[services]\\nwait_seconds = 20\\n' >/tmp/layers/answers.toml
exec "$1" --config "$2" setup --from /tmp/layers/answers.toml --yes
"""


class SetupTest(harness.AgentCase):
  def set_up(self, where):
    """In the agent's own view, where its pins are, but as a process of `where`."""
    process = self.box._spawn(where, [*self.box.enter("agent"), "unshare", "--mount", "sh", "-c", SCRIPT, "setup",
                                      self.agent.programs / "veilwire", self.agent.config_file],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said, _ = process.communicate(timeout=120)
    self.addCleanup(self.box.run, ["rmdir", "/tmp/layers"], where="agent")
    return process.returncode, said

  def test_a_client_meets_the_agent(self):
    code, said = self.set_up("client")
    self.assertEqual(0, code, said)
    self.assertIn(f"who connects to {sandbox.API} meets the agent", said)

  def test_where_clients_are_not_caught_nothing_is_tried(self):
    code, said = self.set_up("direct")
    self.assertEqual(0, code, said)
    self.assertIn("Everything runs and is well.", said)

  def test_a_program_that_has_ended_is_said(self):
    self.agent.kill("signer")
    self.addCleanup(self.agent.services["signer"].start)
    code, said = self.set_up("client")
    self.assertEqual(5, code, said)
    self.assertIn("signer", said)
    self.assertIn("not everything is well", said)


if __name__ == "__main__":
  harness.main()
