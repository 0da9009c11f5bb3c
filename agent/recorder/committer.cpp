#include "agent/recorder/committer.h"

#include "agent/host/log.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>

namespace veilwire::recorder {
namespace {

using host::protocol::RecorderStatus;
using Clock = std::chrono::steady_clock;

// One transaction: beyond this the records at its front would wait for the ones behind.
constexpr std::size_t kBatchRecords = 2000;
constexpr std::uint64_t kBatchBytes = std::uint64_t{8} << 20;
// How often a full or broken ledger is tried again.
constexpr std::chrono::milliseconds kRetry{250};
// Deleting: how long a turn of it may hold up what arrives meanwhile, besides its fsync; what lies
// between two; and how often it is looked whether there is something to delete.
constexpr std::chrono::milliseconds kSweep{3}, kSweepPause{20};
constexpr std::chrono::seconds kSweepEvery{30};

// Of records that go in one transaction: alone, and up to a full one.
constexpr std::array<std::uint64_t, 8> kBatchBounds = {1, 2, 5, 10, 50, 100, 500, kBatchRecords};

const char* why(RecorderStatus space) {
  if (space == RecorderStatus::Full) return "what is left is for exchanges that have begun";
  return space == RecorderStatus::UsedUp ? "it has reached its largest size" : "";
}

}  // namespace

struct Committer::State {
  std::function<Ledger()> open;
  std::function<void()> ready;
  CheckpointPace pace;

  mutable std::mutex mutex;
  std::condition_variable changed;
  // Guarded by the mutex.
  std::deque<Arrival> waiting;
  std::uint64_t waiting_bytes = 0;
  std::set<WriterId> greeted;
  std::optional<std::set<WriterId>> present;  // for close_left()
  std::map<WriterId, Notice> notices;
  std::vector<Delivery> deliveries;
  std::vector<DeliveryNotice> delivered;
  std::function<void()> awake;
  std::uint64_t last_record = 0, first_record = 1;
  RecorderStatus status = RecorderStatus::Ok;
  Health health;
  bool working = false;  // collected for writers, not yet answered
  bool stopping = false;
  bool opened = false;
  std::exception_ptr first_failure;

  // Counted by the committer's thread, read by any.
  host::TimeHistogram commit_time;
  host::Histogram<kBatchBounds.size()> batch_records{kBatchBounds, 1};

  // The committer's thread only.
  std::optional<Ledger> ledger;
  std::vector<Arrival> batch;
  std::set<WriterId> to_greet;
  std::vector<Delivery> to_deliver;
  std::optional<std::set<WriterId>> to_keep;  // the writers of what stays open
  bool stuck = false;                         // the last attempt failed
  std::uint64_t unsigned_records = 0;         // since the last checkpoint
  Clock::time_point sign_at;                  // at the latest
  bool sweeping = false;                      // something is to be deleted
  Clock::time_point sweep_at;

  std::thread thread;

  void run();
  bool collect();
  bool try_open();
  bool work();
  bool sign_is_due() const;
  bool deliver();
  bool sweep();
  bool sign(const std::vector<Notice>& said);
  RecorderStatus space();
  bool fail(LedgerError error, const std::vector<Notice>& said = {});
  bool fail(RecorderStatus now, const std::string& why, const std::vector<Notice>& said = {});
  void answer(const std::vector<Notice>& said, RecorderStatus now, const std::string& why);
  void answer_sinks(std::vector<host::protocol::DeliveryAnswer> answers);
  void pause();
};

Committer::Committer(std::function<Ledger()> open, std::function<void()> ready, CheckpointPace pace)
    : state_(std::make_unique<State>()) {
  state_->open = std::move(open);
  state_->ready = std::move(ready);
  state_->pace = pace;
  state_->thread = std::thread([this] { state_->run(); });
}

Committer::~Committer() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->changed.notify_all();
  state_->thread.join();
}

void Committer::wait_until_open() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [&] { return state_->opened || state_->first_failure; });
  if (state_->first_failure) std::rethrow_exception(state_->first_failure);
}

void Committer::submit(Arrival arrival) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->waiting_bytes += arrival.bytes.size();
    state_->waiting.push_back(std::move(arrival));
  }
  state_->changed.notify_one();
}

void Committer::greet(const WriterId& writer) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->greeted.insert(writer);
  }
  state_->changed.notify_one();
}

void Committer::close_left(std::set<WriterId> present) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->present = std::move(present);
  }
  state_->changed.notify_one();
}

std::vector<Notice> Committer::take() {
  const std::lock_guard lock(state_->mutex);
  std::vector<Notice> out;
  for (const auto& [writer, notice] : state_->notices) out.push_back(notice);
  state_->notices.clear();
  return out;
}

void Committer::on_delivery(std::function<void()> awake) {
  const std::lock_guard lock(state_->mutex);
  state_->awake = std::move(awake);
}

void Committer::deliver(Delivery delivery) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->deliveries.push_back(std::move(delivery));
  }
  state_->changed.notify_one();
}

std::vector<DeliveryNotice> Committer::take_delivered() {
  const std::lock_guard lock(state_->mutex);
  return std::exchange(state_->delivered, {});
}

std::uint64_t Committer::first_record() const {
  const std::lock_guard lock(state_->mutex);
  return state_->first_record;
}

std::uint64_t Committer::last_record() const {
  const std::lock_guard lock(state_->mutex);
  return state_->last_record;
}

bool Committer::enough() const {
  const std::lock_guard lock(state_->mutex);
  return state_->waiting_bytes >= kMostWaiting;
}

bool Committer::busy() const {
  const std::lock_guard lock(state_->mutex);
  return state_->working || !state_->waiting.empty() || !state_->greeted.empty() ||
         !state_->notices.empty();
}

RecorderStatus Committer::status() const {
  const std::lock_guard lock(state_->mutex);
  return state_->status;
}

Health Committer::health() const {
  const std::lock_guard lock(state_->mutex);
  Health health = state_->health;
  health.status = state_->status;
  health.waiting_bytes = state_->waiting_bytes;
  health.commit_time = state_->commit_time.counts();
  health.batch_records = state_->batch_records.counts();
  return health;
}

void Committer::State::run() {
  try {
    ledger.emplace(open());
  } catch (...) {
    const std::lock_guard lock(mutex);
    first_failure = std::current_exception();
    changed.notify_all();
    return;
  }
  {
    const std::lock_guard lock(mutex);
    opened = true;
    health.used_bytes = ledger->used_bytes();
    health.most_bytes = ledger->most_bytes();
    health.sinks = ledger->sinks();
    last_record = health.ledger_records = ledger->records();
    first_record = ledger->first();
    health.deleted_records = first_record - 1;
    status = space();
    health.reason = why(status);
  }
  changed.notify_all();
  // Nothing has been collected yet: the first checkpoint says that we are here.
  stuck = !work();
  // A batch that failed stays and is tried again before anything newer: order is part of the
  // record.
  while (collect()) {
    stuck = !work();
    if (stuck) pause();
  }
  if (ledger && !stuck) (void)ledger->sign();
}

bool Committer::State::sign_is_due() const {
  return unsigned_records >= pace.records || Clock::now() >= sign_at;
}

bool Committer::State::sign(const std::vector<Notice>& said) {
  if (const auto done = ledger->sign(); !done) return fail(done.error(), said);
  unsigned_records = 0;
  sign_at = Clock::now() + pace.interval;
  const std::lock_guard lock(mutex);
  ++health.checkpoints;
  health.signed_records = ledger->records();
  return true;
}

// Waits for something to do. false: the end.
bool Committer::State::collect() {
  std::unique_lock lock(mutex);
  const auto something = [&] {
    return stopping || present || !waiting.empty() || !greeted.empty() || !batch.empty() ||
           !to_greet.empty() || !deliveries.empty() || to_keep || sign_is_due() ||
           Clock::now() >= sweep_at;
  };
  // While not Ok, look now and then whether space has come back.
  if (status == RecorderStatus::Ok) {
    changed.wait_until(lock, std::min(sign_at, sweep_at), something);
  } else {
    changed.wait_for(lock, kRetry, something);
  }
  if (stopping && (stuck || (waiting.empty() && batch.empty()))) return false;
  if (batch.empty()) {
    std::uint64_t bytes = 0;
    while (!waiting.empty() && batch.size() < kBatchRecords && bytes < kBatchBytes) {
      bytes += waiting.front().bytes.size();
      batch.push_back(std::move(waiting.front()));
      waiting.pop_front();
    }
    waiting_bytes -= bytes;
  }
  to_greet.merge(greeted);
  greeted.clear();
  to_deliver = std::exchange(deliveries, {});
  // Who has gone may have said before how it ended.
  if (present && waiting.empty()) to_keep = std::exchange(present, std::nullopt);
  // What ends without a notice is none of it: who waits for the end of the work would not be woken.
  working = !batch.empty() || !to_greet.empty();
  return true;
}

// Of a ledger that fails they are not kept: whoever asked asks again.
bool Committer::State::deliver() {
  if (to_deliver.empty()) return true;
  auto answers = ledger->deliver(to_deliver);
  if (!answers) return fail(answers.error());
  answer_sinks(*std::move(answers));
  return true;
}

void Committer::State::answer_sinks(std::vector<host::protocol::DeliveryAnswer> answers) {
  const std::lock_guard lock(mutex);
  for (std::size_t i = 0; i < to_deliver.size(); ++i)
    delivered.push_back({.asker = to_deliver[i].asker, .answer = std::move(answers[i])});
  to_deliver.clear();
  if (ledger) health.sinks = ledger->sinks();
  if (awake) awake();
}

// What cannot be deleted keeps no record from being written: it is tried again later.
bool Committer::State::sweep() {
  if (Clock::now() < sweep_at) return true;
  const bool was_sweeping = std::exchange(sweeping, false);
  sweep_at = Clock::now() + kSweepEvery;
  const auto more = was_sweeping ? ledger->sweep(kSweep) : ledger->retire();
  if (!more) return fail(more.error());
  sweeping = *more;
  if (sweeping || was_sweeping) sweep_at = Clock::now() + kSweepPause;
  const std::lock_guard lock(mutex);
  first_record = ledger->first();
  health.deleted_records = first_record - 1;
  return true;
}

// false: nothing can be done now; batch, to_greet and to_keep are kept.
bool Committer::State::work() {
  if (!ledger) {
    try {
      ledger.emplace(open());
    } catch (const std::exception& e) {
      return fail(RecorderStatus::Failing, e.what());
    }
  }
  // First: a ledger that takes no more records takes these, and has more room behind them.
  if (!deliver() || !sweep()) return false;
  if (!batch.empty()) {
    const Clock::time_point begun = Clock::now();
    if (const auto done = ledger->commit(batch); !done) return fail(done.error());
    commit_time.observe(Clock::now() - begun);
    batch_records.observe(std::uint64_t{batch.size()});
    for (const Arrival& arrival : batch) to_greet.insert(arrival.writer);
    {
      const std::lock_guard lock(mutex);
      health.records += batch.size();
      ++health.transactions;
    }
    unsigned_records += batch.size();
    batch.clear();
  }
  // What is committed is read from the ledger, not computed: one truth.
  std::vector<Notice> said;
  for (const WriterId& writer : to_greet) {
    const auto committed = ledger->committed(writer);
    if (!committed) return fail(committed.error());
    said.push_back({.writer = writer, .committed = *committed, .status = RecorderStatus::Ok});
  }
  to_greet.clear();
  if (to_keep) {
    if (const auto done = ledger->close_left(*to_keep); !done) return fail(done.error(), said);
    to_keep.reset();
  }
  if (sign_is_due() && !sign(said)) return false;
  const RecorderStatus now = space();
  answer(said, now, why(now));
  return true;
}

RecorderStatus Committer::State::space() {
  if (ledger->has_space()) return RecorderStatus::Ok;
  return ledger->used_up() ? RecorderStatus::UsedUp : RecorderStatus::Full;
}

bool Committer::State::fail(LedgerError error, const std::vector<Notice>& said) {
  return fail(error == LedgerError::Full ? RecorderStatus::UsedUp : RecorderStatus::Failing,
              ledger->last_error(), said);
}

bool Committer::State::fail(RecorderStatus now, const std::string& why,
                            const std::vector<Notice>& said) {
  if (now == RecorderStatus::Failing) ledger.reset();
  if (!to_deliver.empty()) {
    answer_sinks(std::vector<host::protocol::DeliveryAnswer>(
        to_deliver.size(),
        host::protocol::Refused{.error = host::protocol::DeliveryError::Unavailable, .said = {}}));
  }
  {
    const std::lock_guard lock(mutex);
    ++health.failures;
  }
  answer(said, now, why);
  return false;
}

void Committer::State::answer(const std::vector<Notice>& said, RecorderStatus now,
                              const std::string& why) {
  bool changed_status = false;
  {
    const std::lock_guard lock(mutex);
    changed_status = status != now;
    status = now;
    health.reason = why;
    if (ledger) {
      health.used_bytes = ledger->used_bytes();
      health.ledger_records = ledger->records();
      const bool grown = last_record != ledger->records();
      last_record = ledger->records();
      if (grown && awake) awake();
    }
    working = !batch.empty() || !to_greet.empty();
    for (const Notice& notice : said) {
      notices[notice.writer] = {
          .writer = notice.writer, .committed = notice.committed, .status = now};
    }
  }
  // One line a change: a disk that is full for an hour is one event.
  if (changed_status) {
    const std::string line = "ledger: " + std::string(host::protocol::to_string(now));
    now == RecorderStatus::Ok ? host::log::info(line) : host::log::error(line + ": " + why);
  }
  if (changed_status || !said.empty()) ready();
}

void Committer::State::pause() {
  std::unique_lock lock(mutex);
  changed.wait_for(lock, sweeping ? kSweepPause : kRetry, [&] { return stopping; });
}

}  // namespace veilwire::recorder
