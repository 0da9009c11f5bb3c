#include "agent/proxy/metrics_document.h"

#include <chrono>
#include <numeric>

#include <nlohmann/json.hpp>

namespace veilwire::proxy {
namespace {

using nlohmann::json;

json histogram(const host::HistogramCounts& counts) { return json::parse(counts.to_json()); }

json named(const NamedCounts<1>& counts) {
  json out = json::object();
  for (const auto& [names, n] : counts) out[names[0]] = n;
  return out;
}

// Rows of names and a count.
template <std::size_t N>
json rows(const NamedCounts<N>& counts) {
  json out = json::array();
  for (const auto& [names, n] : counts) {
    json row = names;
    row.push_back(n);
    out.push_back(std::move(row));
  }
  return out;
}

std::uint64_t total(const NamedCounts<1>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& entry) { return sum + entry.second; });
}

}  // namespace

std::string metrics_document(const ProxyHealth& health, const Shared& shared,
                             const std::vector<std::unique_ptr<Worker>>& workers) {
  MeterSums sums;
  for (const auto& worker : workers) worker->meter().add_to(sums);
  const std::uint64_t ended = total(sums.exchanges);
  const Counters& c = shared.counters;
  const json document{
      {"program", "veilwire-proxy"},
      {"healthy", health.healthy},
      {"links", health.links},
      {"policy",
       {{"digest", shared.ruleset.get()->policy().digest},
        {"mode", health.policy_mode},
        {"loaded_at", std::chrono::duration<double>(health.loads.last.since_epoch).count()},
        {"loads", {{"active", health.loads.active}, {"refused", health.loads.refused}}},
        {"refused", health.policy_refused},
        {"not_permitted", health.not_permitted}}},
      {"accepted", c.accepted.load()},
      {"without_origin", c.without_origin.load()},
      {"open", c.open.load()},
      {"dial_failures", c.dial_failures.load()},
      {"recording_stalls", c.recording_stalls.load()},
      {"overloaded", shared.memory->refusals()},
      {"held_memory", {{"bytes", shared.memory->held()}, {"limit", shared.memory->limit()}}},
      {"connections", named(sums.connections)},
      // Threads count on while they are read.
      {"exchanges_open", sums.begun > ended ? sums.begun - ended : 0},
      {"exchanges", named(sums.exchanges)},
      {"requests", named(sums.requests)},
      {"responses", named(sums.responses)},
      {"identity", named(sums.identity)},
      {"identity_changes", named(sums.identity_changes)},
      {"blocked", named(sums.blocked)},
      {"gaps", rows(sums.gaps)},
      {"findings", rows(sums.findings)},
      {"observed", rows(sums.observed)},
      {"observed_refusals", named(sums.observed_refusals)},
      {"fragments", sums.fragments},
      {"bytes", {{"request", sums.request_bytes}, {"response", sums.response_bytes}}},
      {"upstream_errors", sums.upstream_errors},
      {"event_seconds", histogram(sums.event_time)},
      {"release_wait_seconds", histogram(sums.release_wait)},
      {"hold_seconds", histogram(sums.hold_time)}};
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace veilwire::proxy
