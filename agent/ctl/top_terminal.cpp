#include "agent/ctl/top_terminal.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>
#include <system_error>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace veilwire::ctl {
namespace {

// The screen beside the usual one, without a cursor; and back.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l";
constexpr std::string_view kLeave = "\x1b[?25h\x1b[?1049l";
constexpr std::string_view kHome = "\x1b[H", kClearLine = "\x1b[2K", kNoCursor = "\x1b[?25l";
constexpr std::string_view kReverse = "\x1b[7m", kRed = "\x1b[1;31m", kPlain = "\x1b[0m";

// A terminal that takes nothing any more ends the program by its next wait.
void write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

TopTerminal::TopTerminal(bool colours) : colours_(colours) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGWINCH}) sigaddset(&signals, signal);
  if (::sigprocmask(SIG_BLOCK, &signals, nullptr) != 0) fail("sigprocmask");
  signals_ = host::UniqueFd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) fail("signalfd");
  if (::tcgetattr(STDIN_FILENO, &before_) != 0) fail("terminal");
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  // A stopped one would leave its screen behind.
  raw.c_cc[VSUSP] = _POSIX_VDISABLE;
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  if (::tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0) fail("terminal");
  write_all(kEnter);
}

TopTerminal::~TopTerminal() {
  write_all(kLeave);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

TopTerminal::Size TopTerminal::size() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
    return {80, 24};
  return {size.ws_col, size.ws_row};
}

void TopTerminal::show(const std::vector<TopLine>& lines) const {
  std::string out(kHome);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const bool styled = colours_ && lines[i].style != TopLine::Style::Plain;
    if (i != 0) out += "\r\n";
    // Before the text: behind one that fills the line it would take its last character.
    out += kClearLine;
    if (styled) out += lines[i].style == TopLine::Style::Alarm ? kRed : kReverse;
    out += lines[i].text;
    if (styled) out += kPlain;
  }
  // Some terminals bring it back when they are resized.
  write_all(out.append(kNoCursor));
}

TopTerminal::Woken TopTerminal::wait(std::chrono::milliseconds time) const {
  std::array<pollfd, 2> polled{{{STDIN_FILENO, POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
  const int n = ::poll(polled.data(), polled.size(), static_cast<int>(time.count()));
  if (n < 0 && errno != EINTR) return {Event::End};
  if (n <= 0) return {Event::Time};
  if (polled[1].revents != 0) {
    signalfd_siginfo signal{};
    const bool read = ::read(signals_.get(), &signal, sizeof signal) == sizeof signal;
    return {read && signal.ssi_signo == SIGWINCH ? Event::Resized : Event::End};
  }
  char key = 0;
  if (::read(STDIN_FILENO, &key, 1) != 1) return {Event::End};
  return {Event::Key, key};
}

}  // namespace veilwire::ctl
