#include "agent/doctor/metrics_check.h"

#include <algorithm>

namespace veilwire::doctor {
namespace {

const std::string kUnit = "veilwire-metrics.service";

bool enabled(const UnitsFacts& units) {
  return std::ranges::any_of(units.units, [](const UnitFacts& unit) {
    const auto state = unit.effective.find("UnitFileState");
    return unit.name == kUnit && state != unit.effective.end() && state->second == "enabled";
  });
}

bool answers_us(const ctl::StatusReport& report, const std::string& name) {
  using State = ctl::ProgramReport::State;
  return std::ranges::any_of(report.programs, [&](const ctl::ProgramReport& program) {
    return program.name == name &&
           (program.state == State::Up || program.state == State::Unhealthy);
  });
}

}  // namespace

Findings check_metrics(const MetricsFacts& facts, const ctl::StatusReport& report,
                       const UnitsFacts& units) {
  const std::string look = "read journalctl -u veilwire-metrics";
  if (!facts.listens) {
    if (enabled(units))
      return {warning("metrics-down", "",
                      "veilwire-metrics is enabled, and nobody listens on " + facts.listen,
                      "systemctl start veilwire-metrics, and " + look)};
    return {good("metrics", "nobody has asked for metrics on a port: veilwire-metrics is off")};
  }
  if (!facts.problem.empty())
    return {warning("metrics-wrong", facts.listen,
                    "what listens there does not answer as veilwire-metrics: " + facts.problem,
                    "find it with ss -ltnp, or choose another port: listen of [metrics]")};
  Findings blind;
  for (const std::string& program : facts.told_down)
    if (answers_us(report, program))
      blind.push_back(
          warning("metrics-blind", program,
                  "veilwire-metrics tells that " + program +
                      " is down, which answers us: it may not ask it",
                  "let its user ask: " + std::string(program == "proxy" ? "metrics" : "status") +
                      "_readers of [" + program + "]"));
  return or_good(std::move(blind), good("metrics", "they are served on " + facts.listen));
}

}  // namespace veilwire::doctor
