"""`veilwire top` over a whole agent, on a terminal of its own: what a person sees, at the sizes that they have."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unittest

import harness  # first: it makes tests/support importable
import clients

ALICE = 64101
SEQUENCE = re.compile(rb"\x1b\[[?0-9;]*[a-zA-Z]")
LEAVE = b"\x1b[?1049l"


class Terminal:
  """A pseudo-terminal with a program on it; reads as a screen does, one picture after the other."""

  def __init__(self, box, command, width, height, env=None):
    self.master, side = pty.openpty()
    self.resize(width, height, side)
    self.before = termios.tcgetattr(side)
    self.all = b""
    self.process = box.popen(command, where="agent", stdin=side, stdout=side, stderr=side, env=env or {})
    self.side = side

  def resize(self, width, height, fd=None):
    fcntl.ioctl(self.master if fd is None else fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

  def press(self, key):
    os.write(self.master, key.encode())

  def read(self, seconds=0.2):
    while select.select([self.master], [], [], seconds)[0]:
      self.all += os.read(self.master, 65536)
      seconds = 0.02
    return self.all

  def screen(self):
    """The lines of the last picture that is whole."""
    pictures = self.read().split(b"\x1b[H")
    whole = [picture for picture in pictures[1:] if b"\x1b[?25l" in picture]
    return SEQUENCE.sub(b"", whole[-1]).decode("ascii").replace("\r", "").split("\n") if whole else []

  def until(self, condition, what, seconds=15):
    return clients.wait_until(lambda: (lambda lines: lines if lines and condition(lines) else None)(self.screen()),
                              seconds=seconds, what=f"{what}, but {self.screen()}")

  def close(self):
    if self.process.poll() is None:
      self.process.kill()
    self.process.wait()
    os.close(self.master)
    os.close(self.side)


class TopTest(harness.AgentCase):
  def command(self, *arguments):
    return [self.agent.programs / "veilwire", "top", "--config", self.agent.config_file, *arguments]

  def terminal(self, width=80, height=24, env=None):
    terminal = Terminal(self.box, self.command("--interval", "0.3"), width, height, env)
    self.addCleanup(terminal.close)
    return terminal

  @contextlib.contextmanager
  def stream(self):
    """A person's answer that stands at a gate, its secret already found."""
    gate = f"top{time.monotonic_ns()}"
    watched = clients.Watched(self.clients, f"[[demo two gate={gate}]]", uid=ALICE)
    watched.until("[MASKED:")
    try:
      yield watched
    finally:
      self.clients.open_gate(gate)
      code = watched.end()
    self.assertEqual(code, 0)

  def once(self, *arguments):
    return self.must_succeed(self.box.run(self.command("--once", *arguments), where="agent"))

  # --- on a terminal ---

  def shows_and_forgets_a_stream(self, width, height):
    terminal = self.terminal(width, height)
    terminal.until(lambda lines: lines[0].startswith("veilwire good"), "a first picture")
    row = re.compile(r"(?m)^alice .*curl" if width >= 80 else r"(?m)^alice ")
    with self.stream():
      lines = terminal.until(lambda lines: row.search("\n".join(lines)), "alice's stream")
      self.assertEqual(len(lines), height)
      for line in lines:
        self.assertLessEqual(len(line), width)
      self.assertIn("q quit", lines[-1])
      self.assertIn("1 stream ", lines[0])
      if width >= 80:
        shown = next(line for line in lines if row.match(line))
        self.assertIn("claude-demo-1", shown)
        self.assertTrue(any(line.startswith("RULE") for line in lines), lines)
    terminal.until(lambda lines: not row.search("\n".join(lines)), "the end of alice's stream")
    return terminal

  def test_a_stream_appears_with_its_person_and_vanishes_at_80x24(self):
    self.shows_and_forgets_a_stream(80, 24)

  def test_a_stream_appears_with_its_person_and_vanishes_at_40x10(self):
    self.shows_and_forgets_a_stream(40, 10)

  def test_a_terminal_that_is_resized_is_filled_anew(self):
    terminal = self.terminal(80, 24)
    terminal.until(lambda lines: len(lines) == 24, "a picture")
    terminal.resize(100, 30)
    terminal.process.send_signal(signal.SIGWINCH)  # the kernel sends it to who has it for a controlling terminal
    terminal.until(lambda lines: len(lines) == 30, "a larger picture")

  def test_keys_change_the_order_and_the_section(self):
    terminal = self.terminal(40, 10)
    terminal.until(lambda lines: "sort: rate" in lines[-1], "the keys")
    terminal.press("s")
    terminal.until(lambda lines: "sort: time" in lines[-1], "another order")
    terminal.press("\t\t")
    terminal.until(lambda lines: lines[2].startswith("RULE"), "the findings")

  def test_q_ends_it_and_the_terminal_is_as_before(self):
    for end in (lambda t: t.press("q"), lambda t: t.process.send_signal(signal.SIGTERM)):
      terminal = self.terminal()
      terminal.until(lambda lines: "q quit" in lines[-1], "a picture")
      self.assertNotEqual(termios.tcgetattr(terminal.side), terminal.before)
      end(terminal)
      self.assertEqual(terminal.process.wait(timeout=10), 0)
      self.assertIn(LEAVE, terminal.read())
      self.assertEqual(termios.tcgetattr(terminal.side), terminal.before)

  def test_there_are_no_colours_where_nobody_wants_them(self):
    colour = re.compile(rb"\x1b\[[0-9;]*m")
    plain = self.terminal(env={"NO_COLOR": "1"})
    plain.until(lambda lines: "q quit" in lines[-1], "a picture")
    self.assertIsNone(colour.search(plain.read()))
    coloured = self.terminal()
    coloured.until(lambda lines: "q quit" in lines[-1], "a picture")
    self.assertIsNotNone(colour.search(coloured.read()))

  def test_a_dead_program_is_named_at_the_top(self):
    terminal = self.terminal()
    terminal.until(lambda lines: lines[0].startswith("veilwire good"), "a first picture")
    self.agent.kill("signer")
    try:
      terminal.until(lambda lines: lines[0].startswith("veilwire DOWN: signer"), "the dead signer")
    finally:
      self.agent.services["signer"].start()
    terminal.until(lambda lines: lines[0].startswith("veilwire good"), "the signer")

  # --- without one ---

  def test_once_is_text_without_a_control_character(self):
    with self.stream():
      text = self.once("--interval", "0.3")
    self.assertRegex(text, r"(?m)^alice +curl +api\.anthropic\.com +claude-demo-1 ")
    self.assertRegex(text, r"^[\x20-\x7e\n]+$")

  def test_json_is_a_line_an_interval(self):
    with self.stream() as watched:
      one = json.loads(self.once("--json", "--interval", "0.3"))
      self.assertEqual([(s["person"], s["program"], s["pid"], s["what"], s["findings"]) for s in one["streams"]],
                       [("alice", "curl", watched.pid, "claude-demo-1", 1)])
      self.assertEqual([(p["person"], p["streams"]) for p in one["people"]], [("alice", 1)])
      self.assertTrue(one["healthy"])
      many = self.box.popen(self.command("--json", "--interval", "0.2"), where="agent", stdout=subprocess.PIPE)
      try:
        for _ in range(3):
          self.assertEqual(len(json.loads(many.stdout.readline())["streams"]), 1)
      finally:
        many.kill()
        many.wait()
        many.stdout.close()

  def test_where_there_is_no_terminal_it_says_what_to_do(self):
    run = self.box.run(self.command(), where="agent")
    self.assertEqual(run.returncode, 2)
    self.assertIn(b"--once or --json", run.stderr)

  def test_who_is_not_root_sees_nobody(self):
    with self.stream():
      run = self.box.run(self.command("--once", "--json"), where="agent", uid=ALICE)
    self.assertEqual((run.returncode, run.stdout), (1, b""))
    self.assertIn(b"not allowed", run.stderr)


if __name__ == "__main__":
  harness.main()
