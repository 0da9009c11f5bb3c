// Keeps what the sources gave for as long as it is good, and asks them anew: on a thread each, so
// that one slow source holds up only those who wait for it, once however many wait, and ahead of
// the end, so that mostly nobody does. While a source fails, the last good value goes on up to its
// stated age, and never beyond its lease.
//
// All members are for one thread, the event loop's; only sources run elsewhere. Time is an
// argument. Tested by tests/unit/credentials/keeper_test.cpp.
#pragma once

#include "agent/credentials/source.h"
#include "agent/host/protocol/credentials.h"
#include "userspace/base/time.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace veilwire::credentials {

// Who asked, to be given back with the answer.
struct Ticket {
  std::uint64_t connection = 0;
  std::uint64_t question = 0;
};

using What = std::variant<host::protocol::KnownCredential, host::protocol::NoCredential>;

struct Answered {
  Ticket ticket;
  std::string name;
  What what;
};

struct KeptSource {
  std::string kind;  // for status
  std::shared_ptr<const Source> source;
  // A value is asked for again after this long, or when its lease ends.
  std::chrono::milliseconds refresh{};
  // How old the last good value may become while its source fails.
  std::chrono::milliseconds keep{};
};

// A source that has failed is asked again after this long at the earliest.
inline constexpr std::chrono::seconds kAfterFailure{5};
// A host may refuse every request that there is: its source is not asked for each.
inline constexpr std::chrono::seconds kAfterDoubt{5};
// Questions that wait for one source; more is a proxy that is none (question flood).
inline constexpr std::size_t kWaiting = 4096;

class Keeper {
 public:
  // wake is called from other threads when collect() has something to give.
  Keeper(std::map<std::string, KeptSource> sources, std::function<void()> wake);
  // Does not wait for a source that is still busy.
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // The answer, when it is known or refused at once; otherwise it comes from collect().
  // anew: a value that was given has been refused by its host, so that the source is asked first,
  // but for one that is younger than kAfterDoubt.
  std::optional<What> ask(std::string_view name, Ticket ticket, Monotonic now, bool anew = false);
  std::vector<Answered> collect(Monotonic now);
  // Whoever asked has gone.
  void forget(std::uint64_t connection);

  struct Health {
    enum class State : std::uint8_t {
      Unasked,  // nobody has needed it yet
      Good,
      Kept,  // its source fails; the last good value goes on
      Failed,
    };
    std::string name, kind;
    State state = State::Unasked;
    std::string reason;  // of Kept and Failed
    std::optional<std::chrono::seconds> age;
  };
  std::vector<Health> health(Monotonic now) const;
  struct Counters {
    std::uint64_t asked = 0, fetched = 0, failed = 0, refused = 0;
  };
  const Counters& counters() const { return counters_; }

 private:
  struct Shared;
  struct Entry {
    KeptSource source;
    Secret value;
    Monotonic since;                      // of value
    Monotonic refresh_at, until, end_at;  // ask ahead, ask first, do not use
    std::string failure;                  // of the last question; empty: it went well
    Monotonic retry_at;
    bool running = false;
    std::vector<Ticket> waiting;
  };
  void start(const std::string& name, Entry& entry);
  static void take(Entry& entry, Result<Fetched, std::string> result, Monotonic now);
  static bool usable(const Entry& entry, Monotonic now);
  What answer(const Entry& entry, Monotonic now);

  std::shared_ptr<Shared> shared_;
  std::map<std::string, Entry, std::less<>> entries_;
  Counters counters_;
};

std::string_view to_string(Keeper::Health::State state);

}  // namespace veilwire::credentials
