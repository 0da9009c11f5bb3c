"""The role of packaging/ansible, run by ansible-core in a root of its own (roots.py) against that root itself."""

import re
import shutil
import unittest

import roots

MADE = '[ca]\nhosts = ["api.anthropic.com"]\n[services]\nstart = false\n'
REQUESTED = '[ca]\nfrom = "requested"\ncertificate = "/etc/veilwire/ca-signed.pem"\n[services]\nstart = false\n'


class Ansible(unittest.TestCase):
  def setUp(self):
    self.root = roots.Root(roots.FOLDER, roots.BUILD, self._testMethodName)
    self.addCleanup(self.root.close)
    shutil.copytree(roots.SOURCE / "packaging/ansible", self.root.path / "root/ansible")
    self.root.write("root/ansible/here.ini", "[workstations]\nhere ansible_connection=local "
                                             "ansible_python_interpreter=/usr/bin/python3 ansible_become=false\n")

  def play(self, book, answers, *options):
    """What ansible says of the host at the end: ok=, changed=, failed= and so on."""
    self.root.write("root/ansible/vars.yml", "veilwire_package: ''\nveilwire_answers: |\n" +
                    "".join(f"  {line}\n" for line in answers.splitlines()))
    run = self.root.run("env", "-C", "/root/ansible", "HOME=/root", "LC_ALL=C.UTF-8", "ansible-playbook", "-i", "here.ini",
                        "-e", "@vars.yml", *options, book)
    recap = re.search(r"(?m)^here +: (.*)$", run.stdout)
    self.assertIsNotNone(recap, run.stdout + run.stderr)
    numbers = {key: int(number) for key, number in re.findall(r"(\w+)=(\d+)", recap[1])}
    self.assertEqual(0, numbers["failed"], run.stdout + run.stderr)
    return numbers

  def test_a_second_run_changes_nothing_and_undo_takes_everything_back(self):
    before = self.root.snapshot()
    self.assertEqual(2, self.play("site.yml", MADE)["changed"])
    self.assertTrue(self.root.exists("etc/veilwire/ca.pem"))
    was = self.root.snapshot()
    self.assertEqual(0, self.play("site.yml", MADE)["changed"])
    self.assertEqual(0, self.play("site.yml", MADE, "--check")["changed"])
    ours = ("root/", "tmp", "var/log")  # what Ansible itself leaves
    self.assertEqual([], [line for line in self.root.differences(was) if not line.startswith(ours)])
    self.assertEqual(2, self.play("undo.yml", MADE)["changed"])
    self.assertEqual(0, self.play("undo.yml", MADE)["changed"])
    self.assertEqual([], [line for line in self.root.differences(before) if not line.startswith(ours)])

  def test_a_request_is_collected_and_the_signed_certificate_brought_back(self):
    self.play("site.yml", REQUESTED)
    self.assertFalse(self.root.exists("etc/veilwire/ca.pem"))
    for command in (
        "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=organisation -keyout /root/org.key -out /root/org.pem",
        "openssl x509 -req -in requests/here.csr -CA /root/org.pem -CAkey /root/org.key -copy_extensions copyall "
        "-out /root/signed.pem", "mkdir certificates"):
      run = self.root.run("env", "-C", "/root/ansible", *command.split())
      self.assertEqual(0, run.returncode, run.stderr)
    self.root.write("root/ansible/certificates/here.pem",
                    self.root.read("root/signed.pem") + self.root.read("root/org.pem"))
    self.assertEqual(2, self.play("site.yml", REQUESTED)["changed"])
    self.assertEqual(self.root.read("root/ansible/certificates/here.pem"), self.root.read("etc/veilwire/ca.pem"))
    self.assertEqual(0, self.play("site.yml", REQUESTED)["changed"])


if __name__ == "__main__":
  roots.main("ansible-playbook")
