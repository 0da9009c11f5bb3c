#include "agent/ctl/top_command.h"

#include "agent/ctl/top_screen.h"
#include "agent/ctl/top_terminal.h"
#include "agent/ctl/top_view.h"
#include "agent/host/config.h"

#include <cerrno>
#include <cstdlib>
#include <ostream>
#include <thread>
#include <utility>

#include <unistd.h>

namespace veilwire::ctl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPatience{2000};
constexpr std::size_t kTextWidth = 120;  // of a picture that is not for a screen

class Watch {
 public:
  explicit Watch(const std::string& config) : places_(metrics::read_places(config)) {
    places_.push_back({"live", host::Config::load(config).section("proxy").text(
                                   "live_socket", "/run/veilwire/proxy-live.sock")});
  }

  TopSample ask() const {
    TopSample sample;
    sample.answers = metrics::ask(places_, kPatience);
    sample.live = std::move(sample.answers.back());
    sample.answers.pop_back();
    sample.at = Clock::now().time_since_epoch();
    return sample;
  }

 private:
  std::vector<metrics::Place> places_;
};

bool may_not(const TopSample& sample) {
  return metrics::may_ask_nobody(sample.answers) || sample.live.error == EACCES ||
         sample.live.error == EPERM;
}

bool press(char key, TopLook& look) {
  switch (key) {
    case 'q':
      return false;
    case '\t':
      look.first =
          static_cast<TopSection>((static_cast<std::size_t>(look.first) + 1) % kTopSections);
      break;
    case 's':
      look.sort = static_cast<TopSort>((static_cast<std::size_t>(look.sort) + 1) % kTopSorts);
      break;
    case 'r':
      look.reverse = !look.reverse;
      break;
    default:
      break;
  }
  return true;
}

void watch_on_terminal(const Watch& watch, TopSample before, std::chrono::milliseconds interval) {
  const char* no_colour = std::getenv("NO_COLOR");  // no-color.org: present and not empty
  const TopTerminal terminal(no_colour == nullptr || *no_colour == '\0');
  TopLook look;
  TopView view = make_view(before, before);
  // The first picture without rates comes at once, the next after a moment.
  Clock::time_point next = Clock::now() + std::min(interval, std::chrono::milliseconds(300));
  while (true) {
    const auto [width, height] = TopTerminal::size();
    look.width = width;
    look.height = height;
    terminal.show(draw(view, look));
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
    const auto woken = terminal.wait(std::max(left, std::chrono::milliseconds(0)));
    if (woken.event == TopTerminal::Event::End) return;
    if (woken.event == TopTerminal::Event::Key && !press(woken.key, look)) return;
    if (Clock::now() < next) continue;
    TopSample now = watch.ask();
    view = make_view(before, now);
    before = std::move(now);
    next = Clock::now() + interval;
  }
}

}  // namespace

int run_top(const TopOptions& options, std::ostream& out, std::ostream& errors) {
  const bool on_terminal = !options.once && !options.json;
  if (on_terminal && (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1)) {
    errors << "veilwire: standard input and output are no terminal: use --once or --json\n";
    return 2;
  }
  const Watch watch(options.config);
  TopSample before = watch.ask();
  if (may_not(before)) {
    errors << "veilwire: not allowed to ask: run it as root\n";
    return 1;
  }
  if (on_terminal) {
    watch_on_terminal(watch, std::move(before), options.interval);
    return 0;
  }
  do {
    std::this_thread::sleep_for(options.interval);
    TopSample now = watch.ask();
    const TopView view = make_view(before, now);
    if (options.json) {
      out << to_json(view) << '\n';
    } else {
      TopLook look;
      look.width = kTextWidth;
      look.height = 0;
      for (const TopLine& line : draw(view, look)) out << line.text << '\n';
    }
    out.flush();
    before = std::move(now);
  } while (!options.once && out);
  return out ? 0 : 1;
}

}  // namespace veilwire::ctl
