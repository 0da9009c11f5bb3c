#include "agent/proxy/meter.h"

#include <algorithm>
#include <variant>
#include <vector>

namespace veilwire::proxy {
namespace {

template <std::size_t N>
void count(NamedCounts<N>& counts, std::array<std::string, N> names, std::size_t other,
           std::size_t most = Meter::kMostNames) {
  auto found = counts.find(names);
  if (found == counts.end()) {
    if (counts.size() >= most) names[other] = kOtherName;
    found = counts.try_emplace(std::move(names), 0).first;
  }
  ++found->second;
}

template <std::size_t N>
void add(NamedCounts<N>& sums, const NamedCounts<N>& counts) {
  for (const auto& [names, n] : counts) sums[names] += n;
}

std::string status_class(int status) {
  return status >= 100 && status < 600 ? std::to_string(status / 100) + "xx"
                                       : std::string(kOtherName);
}

}  // namespace

struct Meter::Counter {
  Meter& meter;

  template <class Body>
  void operator()(const Body&) const {}

  void operator()(const audit::SessionOpen& r) const {
    const std::lock_guard lock(meter.names_);
    count(meter.connections_, {r.handling}, 0);
  }
  void operator()(const audit::RequestHead& r) const {
    const std::lock_guard lock(meter.names_);
    count(meter.requests_, {r.service}, 0);
  }
  void operator()(const audit::RequestBody& r) const {
    meter.request_bytes_.add(r.content.size());
    meter.masks(r.masks, "request");
  }
  void operator()(const audit::IdentityChange& r) const {
    const std::lock_guard lock(meter.names_);
    count(meter.identity_changes_, {r.what}, 0);
  }
  void operator()(const audit::ResponseHead& r) const {
    const std::lock_guard lock(meter.names_);
    count(meter.responses_, {status_class(r.status)}, 0);
  }
  void operator()(const audit::ResponseFragment& r) const {
    meter.fragments_.add();
    meter.response_bytes_.add(r.content.size());
    meter.masks(r.masks, "response");
  }
  void operator()(const audit::Blocked& r) const {
    const std::lock_guard lock(meter.names_);
    count(meter.blocked_, {r.answer}, 0);
    count(meter.findings_, {r.category, r.rule, "block", r.direction}, 1, kMostRules);
  }
  void operator()(const audit::UpstreamError&) const { meter.upstream_errors_.add(); }
  void operator()(const audit::Gap& r) const {
    const std::lock_guard lock(meter.names_);
    count(meter.gaps_, {r.reason, r.action}, 0);
    if (!r.would.empty()) count(meter.observed_refusals_, {std::string(kNotInspected)}, 0);
  }
  void operator()(const audit::Observed& r) const {
    const std::lock_guard lock(meter.names_);
    count(meter.observed_refusals_, {r.outcome}, 0);
  }
  void operator()(const audit::ExchangeClose& r) const {
    const std::lock_guard lock(meter.names_);
    count(meter.exchanges_, {r.outcome}, 0);
  }
};

void Meter::record(const audit::Record& record) { std::visit(Counter{*this}, record.body); }

void Meter::masks(const std::vector<audit::MaskedSpan>& masks, std::string_view direction) {
  if (masks.empty()) return;
  const std::lock_guard lock(names_);
  for (const audit::MaskedSpan& mask : masks) {
    // What is blocked has a record of its own.
    if (mask.action == "block") continue;
    count(findings_, {mask.category, mask.rule, mask.action, std::string(direction)}, 1,
          kMostRules);
    if (!mask.would.empty())
      count(observed_, {mask.category, mask.rule, mask.would, std::string(direction)}, 1,
            kMostRules);
  }
}

void Meter::exchange_lost() {
  const std::lock_guard lock(names_);
  count(exchanges_, {"not recorded"}, 0);
}

void Meter::known(const identity::Person& person) {
  const std::lock_guard lock(names_);
  count(identity_, {std::string(audit::standing(person))}, 0);
}

void Meter::nobody(bool silent) {
  const std::lock_guard lock(names_);
  count(identity_, {silent ? "silent" : "refused"}, 0);
}

void Meter::add_to(MeterSums& sums) const {
  sums.begun += begun_.get();
  sums.fragments += fragments_.get();
  sums.request_bytes += request_bytes_.get();
  sums.response_bytes += response_bytes_.get();
  sums.upstream_errors += upstream_errors_.get();
  sums.event_time.add(event_time_.counts());
  sums.release_wait.add(release_wait_.counts());
  sums.hold_time.add(hold_time_.counts());
  const std::lock_guard lock(names_);
  add(sums.connections, connections_);
  add(sums.exchanges, exchanges_);
  add(sums.requests, requests_);
  add(sums.responses, responses_);
  add(sums.identity, identity_);
  add(sums.identity_changes, identity_changes_);
  add(sums.blocked, blocked_);
  add(sums.gaps, gaps_);
  add(sums.findings, findings_);
  add(sums.observed, observed_);
  add(sums.observed_refusals, observed_refusals_);
}

}  // namespace veilwire::proxy
