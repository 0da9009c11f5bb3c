// Answers from a cache, and asks the source on worker threads for what is not in it, so that one
// slow directory entry holds up only those who wait for it. Peers of one key share one running
// question.
//
// All members are for one thread, the event loop's; only the source runs elsewhere. Time is an
// argument. Tested by tests/unit/identity/lookups_test.cpp.
#pragma once

#include "agent/host/protocol/identity.h"
#include "agent/identity/source.h"
#include "userspace/base/time.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace veilwire::agent_identity {

struct LookupLimits {
  // Threads, made as they are needed: as many stuck directory questions as can be open before
  // others wait.
  std::size_t workers = 16;
  // Open questions: a process can make peers of as many user ids as its user namespace maps
  // (question flood).
  std::size_t waiting = 4096;
  // Cached answers (the same flood, answered).
  std::size_t entries = 8192;
  // A change of somebody's groups counts after this long at the latest.
  std::chrono::milliseconds validity{30'000};
  // Shorter: a person whose account has just been made should not wait.
  std::chrono::milliseconds refusal_validity{5'000};
  // How long a question waits for the source before it is answered with a refusal.
  std::chrono::milliseconds patience{10'000};
};

// Who asked, to be given back with the answer.
struct Ticket {
  std::uint64_t connection = 0;
  std::uint64_t question = 0;
};

using Who = std::variant<host::protocol::KnownPerson, host::protocol::NobodyKnown>;

struct Answered {
  Ticket ticket;
  Who who;
};

class Lookups {
 public:
  // wake is called from worker threads when collect() has something to give.
  Lookups(std::shared_ptr<IdentitySource> source, LookupLimits limits, std::function<void()> wake);
  // Does not wait for a source that is still busy: NSS cannot be interrupted.
  ~Lookups();
  Lookups(const Lookups&) = delete;
  Lookups& operator=(const Lookups&) = delete;

  // The answer, when it is known or refused at once; otherwise it comes from collect().
  std::optional<Who> ask(const identity::Peer& peer, Ticket ticket, Monotonic now);
  // What the source has answered since, and refusals for those who have waited too long.
  std::vector<Answered> collect(Monotonic now);
  // When collect() has something to do even if the source stays silent.
  std::optional<Monotonic> next_deadline() const;
  // Whoever asked has gone.
  void forget(std::uint64_t connection);

  struct Counters {
    std::uint64_t asked = 0, from_cache = 0, looked_up = 0, refused = 0, too_late = 0, too_many = 0;
  };
  const Counters& counters() const { return counters_; }
  std::size_t open() const { return waiting_; }

 private:
  struct Shared;
  struct Waiting {
    Ticket ticket;
    Monotonic deadline;
  };
  struct Entry {
    bool running = false;
    std::optional<Who> who;
    Monotonic since, until;
    std::vector<Waiting> waiting;  // in the order of their deadlines
  };
  Who fresh(const Entry& entry, Monotonic now) const;
  bool make_room(Monotonic now);

  std::shared_ptr<Shared> shared_;
  LookupLimits limits_;
  std::map<std::string, Entry> entries_;
  std::size_t waiting_ = 0;
  Counters counters_;
};

}  // namespace veilwire::agent_identity
