#include "agent/ctl/metrics_command.h"

#include "agent/host/clock.h"
#include "agent/metrics/gather.h"

#include <chrono>
#include <ostream>

namespace veilwire::ctl {
namespace {

constexpr std::chrono::milliseconds kPatience{3000};

}  // namespace

int print_metrics(const std::string& config, metrics::Form form, std::ostream& out,
                  std::ostream& errors) {
  const auto answers = metrics::ask(metrics::read_places(config), kPatience);
  // A file without them is told apart from an agent that is down.
  if (metrics::may_ask_nobody(answers)) {
    errors << "veilwire: not allowed to ask: run it as root\n";
    return 1;
  }
  out << metrics::collect(answers, VEILWIRE_VERSION, host::now().mono.since_start).text(form)
      << std::flush;
  if (out) return 0;
  errors << "veilwire: the metrics could not be written\n";
  return 1;
}

}  // namespace veilwire::ctl
