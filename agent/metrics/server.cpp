#include "agent/metrics/server.h"

#include "agent/host/clock.h"

namespace veilwire::metrics {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kKept{1};
// Below the ten seconds that Prometheus waits for a scrape.
constexpr std::chrono::milliseconds kPatience{3000};

}  // namespace

witness::Answered Server::answer(const witness::Asked& asked) {
  if (asked.target.substr(0, asked.target.find('?')) != "/metrics")
    return {404, "text/plain", "the metrics are at /metrics\n", {}};
  if (asked.method != "GET") return {405, "text/plain", "ask with GET\n", {}};
  if (!kept_ || steady_clock::now() >= kept_until_) {
    kept_ = collect(ask(places_, kPatience), version_, host::now().mono.since_start);
    kept_until_ = steady_clock::now() + kKept;
  }
  return {200, std::string(content_type(Form::Prometheus)), kept_->text(Form::Prometheus), {}};
}

}  // namespace veilwire::metrics
