#include "agent/credentials/keeper.h"

#include <algorithm>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace veilwire::credentials {

namespace protocol = host::protocol;
using std::chrono::milliseconds;

// Outlives the keeper where a source does.
struct Keeper::Shared {
  std::mutex mutex;
  std::function<void()> wake;  // empty: nobody is there any more
  std::vector<std::pair<std::string, Result<Fetched, std::string>>> done;
};

Keeper::Keeper(std::map<std::string, KeptSource> sources, std::function<void()> wake)
    : shared_(std::make_shared<Shared>()) {
  shared_->wake = std::move(wake);
  for (auto& [name, source] : sources) entries_[name].source = std::move(source);
}

Keeper::~Keeper() {
  const std::lock_guard lock(shared_->mutex);
  shared_->wake = nullptr;
}

std::optional<What> Keeper::ask(std::string_view name, Ticket ticket, Monotonic now, bool anew) {
  ++counters_.asked;
  const auto found = entries_.find(name);
  if (found == entries_.end()) {
    ++counters_.refused;
    return protocol::NoCredential{"no source of this name is configured"};
  }
  Entry& entry = found->second;
  if (anew && now >= entry.since + kAfterDoubt)
    entry.until = entry.refresh_at = std::min(entry.until, now);
  const bool fresh = usable(entry, now) && now < entry.until;
  const bool due = !usable(entry, now) || now >= entry.refresh_at;
  if (due && !entry.running && now >= entry.retry_at) start(found->first, entry);
  // A source that fails is not waited for while there is something to go on with, nor right behind
  // its failure.
  const bool kept = usable(entry, now) && !entry.failure.empty();
  if (fresh || kept || !entry.running) return answer(entry, now);
  if (entry.waiting.size() >= kWaiting) {
    ++counters_.refused;
    return protocol::NoCredential{"too many wait for its source"};
  }
  entry.waiting.push_back(ticket);
  return std::nullopt;
}

void Keeper::start(const std::string& name, Entry& entry) {
  const auto ask = [shared = shared_, source = entry.source.source, name] {
    auto result = source->fetch();
    const std::lock_guard lock(shared->mutex);
    if (!shared->wake) return;
    shared->done.emplace_back(name, std::move(result));
    shared->wake();
  };
  ++counters_.fetched;
  entry.running = true;
  try {
    std::thread(ask).detach();
  } catch (const std::system_error&) {
    const std::lock_guard lock(shared_->mutex);
    shared_->done.emplace_back(name, Unexpected<std::string>{"no thread is to be had"});
    shared_->wake();
  }
}

std::vector<Answered> Keeper::collect(Monotonic now) {
  decltype(shared_->done) done;
  {
    const std::lock_guard lock(shared_->mutex);
    done.swap(shared_->done);
  }
  std::vector<Answered> answers;
  for (auto& [name, result] : done) {
    Entry& entry = entries_.at(name);
    entry.running = false;
    if (!result) ++counters_.failed;
    take(entry, std::move(result), now);
    for (const Ticket& ticket : std::exchange(entry.waiting, {}))
      answers.push_back({ticket, name, answer(entry, now)});
  }
  return answers;
}

void Keeper::take(Entry& entry, Result<Fetched, std::string> result, Monotonic now) {
  if (!result) {
    entry.failure = result.error();
    entry.retry_at = now + kAfterFailure;
    if (!usable(entry, now)) entry.value.clear();
    return;
  }
  Fetched fetched = *std::move(result);
  const KeptSource& source = entry.source;
  std::chrono::nanoseconds good = source.refresh, most = source.refresh + source.keep;
  if (fetched.lease) {
    good = std::min<std::chrono::nanoseconds>(good, *fetched.lease);
    most = std::min<std::chrono::nanoseconds>(most, *fetched.lease);
  }
  entry.value = std::move(fetched.value);
  entry.since = now;
  entry.refresh_at = now + good * 3 / 4;
  entry.until = now + good;
  entry.end_at = now + most;
  entry.failure.clear();
  entry.retry_at = now;
}

bool Keeper::usable(const Entry& entry, Monotonic now) {
  return !entry.value.empty() && now < entry.end_at;
}

What Keeper::answer(const Entry& entry, Monotonic now) {
  if (!usable(entry, now)) {
    ++counters_.refused;
    return protocol::NoCredential{entry.failure.empty() ? "its source gives nothing"
                                                        : entry.failure};
  }
  // Beyond its time it is asked for again soon, as its source may be back.
  const auto left = now < entry.until
                        ? entry.until - now
                        : std::min<std::chrono::nanoseconds>(entry.end_at - now, kAfterFailure);
  return protocol::KnownCredential{Secret(std::string(entry.value.reveal())),
                                   std::chrono::duration_cast<milliseconds>(left)};
}

void Keeper::forget(std::uint64_t connection) {
  for (auto& [name, entry] : entries_)
    std::erase_if(entry.waiting,
                  [connection](const Ticket& ticket) { return ticket.connection == connection; });
}

std::vector<Keeper::Health> Keeper::health(Monotonic now) const {
  std::vector<Health> all;
  for (const auto& [name, entry] : entries_) {
    Health health{.name = name, .kind = entry.source.kind, .reason = entry.failure, .age = {}};
    if (usable(entry, now)) {
      health.state = entry.failure.empty() ? Health::State::Good : Health::State::Kept;
      health.age = std::chrono::duration_cast<std::chrono::seconds>(now - entry.since);
    } else if (!entry.failure.empty()) {
      health.state = Health::State::Failed;
    }
    all.push_back(std::move(health));
  }
  return all;
}

std::string_view to_string(Keeper::Health::State state) {
  switch (state) {
    case Keeper::Health::State::Unasked:
      return "unasked";
    case Keeper::Health::State::Good:
      return "good";
    case Keeper::Health::State::Kept:
      return "kept";
    case Keeper::Health::State::Failed:
      return "failed";
  }
  return "";
}

}  // namespace veilwire::credentials
