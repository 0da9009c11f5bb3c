#include "userspace/identity/session_care.h"

#include <algorithm>
#include <tuple>

namespace veilwire::identity {
namespace {

using std::chrono::nanoseconds;

// Up to a quarter of the span.
nanoseconds jitter(nanoseconds span, std::uint32_t random) {
  constexpr std::uint32_t kParts = 1024;
  return span / 4 / kParts * (random % kParts);
}

}  // namespace

void SessionCare::keep(const Binding& binding, Caring caring, Monotonic checked_at,
                       std::uint32_t random) {
  Entry& entry = entries_[binding];
  if (entry.under_way) failures_ = 0;
  settle(entry);
  entry.caring = caring;
  entry.not_before = {};
  const nanoseconds every = settings_.check_every;
  entry.check_at = checked_at + (every - jitter(every, random));
  next_ = Monotonic{};
}

void SessionCare::drop(const Binding& binding) {
  const auto found = entries_.find(binding);
  if (found == entries_.end()) return;
  if (found->second.under_way) failures_ = 0;
  settle(found->second);
  entries_.erase(found);
  next_ = Monotonic{};
}

void SessionCare::used(const Binding& binding, Monotonic now) {
  const auto found = entries_.find(binding);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  entry.used_at = now;
  if (entry.under_way) return;
  const auto at = due(entry, now);
  if (at && (!next_ || *at < *next_)) next_ = at;
}

// A use that has been too long ago makes nothing due.
std::optional<Monotonic> SessionCare::due(const Entry& entry, Monotonic now) const {
  if (!entry.used_at || *entry.used_at + settings_.in_use <= now) return std::nullopt;
  std::optional<Monotonic> at = entry.caring.refresh_at;
  if (entry.caring.check && (!at || entry.check_at < *at)) at = entry.check_at;
  if (at) at = std::max(*at, entry.not_before);
  return at;
}

std::vector<std::pair<Binding, Care>> SessionCare::take_due(Monotonic now) {
  const bool probing = failures_ != 0;
  const std::size_t most = probing ? 1 : settings_.at_once;
  std::vector<std::pair<Binding, Care>> taken;
  next_.reset();
  std::vector<std::tuple<Monotonic, const Binding*, Entry*>> all;
  for (auto& [binding, entry] : entries_) {
    if (entry.under_way) continue;
    if (const auto at = due(entry, now)) all.emplace_back(*at, &binding, &entry);
  }
  // The one that has waited longest first.
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return std::get<0>(a) < std::get<0>(b); });
  for (auto& [at, binding, entry] : all) {
    const Monotonic when = probing ? std::max(at, retry_at_) : at;
    if (now < when) {
      next_ = when;
      break;
    }
    if (under_way_ >= most) break;  // what is under way brings us back
    entry->under_way = true;
    ++under_way_;
    const auto& refresh_at = entry->caring.refresh_at;
    const bool refresh = refresh_at && *refresh_at <= now;
    taken.emplace_back(*binding,
                       refresh ? Care::Refresh : entry->caring.check.value_or(Care::Refresh));
  }
  return taken;
}

std::optional<Monotonic> SessionCare::next() const { return next_; }

void SessionCare::failed(const Binding& binding, nanoseconds wait, Monotonic now) {
  const auto found = entries_.find(binding);
  if (found == entries_.end()) return;
  settle(found->second);
  ++failures_;
  retry_at_ = now + wait;
  found->second.not_before = retry_at_;
  next_ = Monotonic{};
}

bool SessionCare::under_way(const Binding& binding) const {
  const auto found = entries_.find(binding);
  return found != entries_.end() && found->second.under_way;
}

void SessionCare::settle(Entry& entry) {
  if (entry.under_way) --under_way_;
  entry.under_way = false;
}

}  // namespace veilwire::identity
