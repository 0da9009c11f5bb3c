#include "agent/identity/lookups.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace veilwire::agent_identity {

using host::protocol::KnownPerson;
using host::protocol::NobodyKnown;

// What the loop's thread and the workers share. Workers hold it alive, so that one that is stuck in
// NSS when the program ends finds nothing gone.
struct Lookups::Shared {
  struct Job {
    std::string key;
    identity::Peer peer;
  };
  struct Done {
    std::string key;
    Result<identity::Person, identity::Refusal> result;
  };

  std::shared_ptr<IdentitySource> source;
  std::function<void()> wake;
  std::mutex mutex;
  std::condition_variable work;
  std::deque<Job> jobs;
  std::vector<Done> done;
  std::size_t workers = 0, idle = 0;
  bool stopping = false;

  void run() {
    std::unique_lock lock(mutex);
    while (true) {
      ++idle;
      work.wait(lock, [&] { return stopping || !jobs.empty(); });
      --idle;
      if (stopping) return;
      Job job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      auto result = source->identify(job.peer);
      lock.lock();
      if (stopping) return;
      done.push_back({std::move(job.key), std::move(result)});
      wake();
    }
  }

  static void submit(const std::shared_ptr<Shared>& shared, Job job, std::size_t most_workers) {
    const std::lock_guard lock(shared->mutex);
    shared->jobs.push_back(std::move(job));
    if (shared->idle < shared->jobs.size() && shared->workers < most_workers) {
      try {
        std::thread([shared] { shared->run(); }).detach();
        ++shared->workers;
      } catch (const std::system_error&) {
        // The host is out of threads: the workers that are there take the job, or it is answered as
        // too late.
      }
    }
    shared->work.notify_one();
  }
};

Lookups::Lookups(std::shared_ptr<IdentitySource> source, LookupLimits limits,
                 std::function<void()> wake)
    : shared_(std::make_shared<Shared>()), limits_(limits) {
  shared_->source = std::move(source);
  shared_->wake = std::move(wake);
}

Lookups::~Lookups() {
  const std::lock_guard lock(shared_->mutex);
  shared_->stopping = true;
  shared_->work.notify_all();
}

// The cached answer with what is left of its validity.
Who Lookups::fresh(const Entry& entry, Monotonic now) const {
  Who who = *entry.who;
  if (auto* known = std::get_if<KnownPerson>(&who)) {
    known->valid_for = std::chrono::ceil<std::chrono::milliseconds>(entry.until - now);
    known->person.valid_until = entry.until;
    known->age = std::chrono::floor<std::chrono::milliseconds>(now - entry.since);
  }
  return who;
}

// Drops what has expired, and if nothing has, the answer that would expire first.
bool Lookups::make_room(Monotonic now) {
  auto oldest = entries_.end();
  for (auto it = entries_.begin(); it != entries_.end();) {
    if (it->second.running) {
      ++it;
    } else if (it->second.until <= now) {
      it = entries_.erase(it);
    } else {
      if (oldest == entries_.end() || it->second.until < oldest->second.until) oldest = it;
      ++it;
    }
  }
  if (entries_.size() < limits_.entries) return true;
  if (oldest == entries_.end()) return false;
  entries_.erase(oldest);
  return true;
}

std::optional<Who> Lookups::ask(const identity::Peer& peer, Ticket ticket, Monotonic now) {
  ++counters_.asked;
  std::string key = shared_->source->key(peer);
  auto it = entries_.find(key);
  if (it != entries_.end() && it->second.who && now < it->second.until) {
    ++counters_.from_cache;
    return fresh(it->second, now);
  }
  if (waiting_ >= limits_.waiting ||
      (it == entries_.end() && entries_.size() >= limits_.entries && !make_room(now))) {
    ++counters_.too_many;
    return NobodyKnown{
        .reason = "too many questions about users are open on this host; try again in a moment"};
  }
  Entry& entry = entries_[key];
  entry.who.reset();
  entry.waiting.push_back({ticket, now + limits_.patience});
  ++waiting_;
  if (!entry.running) {
    entry.running = true;
    ++counters_.looked_up;
    Shared::submit(shared_, {std::move(key), peer}, limits_.workers);
  }
  return std::nullopt;
}

std::vector<Answered> Lookups::collect(Monotonic now) {
  std::vector<Shared::Done> done;
  {
    const std::lock_guard lock(shared_->mutex);
    done.swap(shared_->done);
  }
  std::vector<Answered> answered;
  for (Shared::Done& d : done) {
    Entry& entry = entries_[d.key];
    entry.running = false;
    entry.since = now;
    if (d.result) {
      entry.who = KnownPerson{std::move(d.result).value(), limits_.validity, {}};
      entry.until = now + limits_.validity;
    } else {
      ++counters_.refused;
      entry.who = NobodyKnown{.reason = d.result.error().message};
      entry.until = now + limits_.refusal_validity;
    }
    for (const Waiting& waiting : entry.waiting)
      answered.push_back({waiting.ticket, fresh(entry, now)});
    waiting_ -= entry.waiting.size();
    entry.waiting.clear();
  }
  for (auto& [key, entry] : entries_) {
    const auto late = std::find_if(entry.waiting.begin(), entry.waiting.end(),
                                   [&](const Waiting& w) { return now < w.deadline; });
    for (auto it = entry.waiting.begin(); it != late; ++it) {
      ++counters_.too_late;
      answered.push_back(
          {it->ticket, NobodyKnown{.reason = "the user database of this host does not answer"}});
    }
    waiting_ -= static_cast<std::size_t>(late - entry.waiting.begin());
    entry.waiting.erase(entry.waiting.begin(), late);
  }
  return answered;
}

std::optional<Monotonic> Lookups::next_deadline() const {
  std::optional<Monotonic> next;
  if (waiting_ == 0) return next;
  for (const auto& [key, entry] : entries_)
    if (!entry.waiting.empty() && (!next || entry.waiting.front().deadline < *next))
      next = entry.waiting.front().deadline;
  return next;
}

void Lookups::forget(std::uint64_t connection) {
  for (auto& [key, entry] : entries_)
    waiting_ -= std::erase_if(entry.waiting,
                              [&](const Waiting& w) { return w.ticket.connection == connection; });
}

}  // namespace veilwire::agent_identity
