// Events fetched from a transmitter that keeps them until they are acknowledged (RFC 8936): when to
// ask, what for, and which of the tokens are new. An event is acknowledged once it has taken effect
// and not before, so that none is lost with us; one that comes again is known by its id.
//
// Its caller does this, for each transmitter:
//
//   at due():         send ask(), with patience() for the answer
//   it answered:      for each token of answered():
//                       read_security_events() with the keys of the transmitter;
//                       on UnknownKey, KeyCache::unknown_key(), and if may_wait(): next token;
//                       on another fault: refused(), and on record;
//                       else carry_out() each event, write the sessions down, tell the proxy what
//                       has changed (SessionTable::changes_since), then accepted()
//   no answer in time: silent(); another failure: unreachable()
//
// Tested by tests/unit/identity/event_poll_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/secret.h"
#include "userspace/base/time.h"
#include "userspace/identity/idp_fault.h"
#include "userspace/identity/idp_message.h"
#include "userspace/identity/token_error.h"
#include "userspace/identity/url.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::identity {

struct PollSettings {
  Url endpoint;
  bool client_certificate = false;
  // The transmitter may hold an answer back until there is an event (2.2: returnImmediately is
  // false); one that does not is asked as often as without.
  bool long_poll = true;
  std::chrono::seconds interval{15};  // between polls that bring nothing new
};

// A token that has not been settled yet, under the id that the transmitter gives it.
struct ReceivedSet {
  std::string id;
  std::string token;
};

struct PollCounts {
  std::uint64_t received = 0;  // tokens, new ones
  std::uint64_t again = 0;     // tokens that had been settled
  std::uint64_t refused = 0;
  std::uint64_t passed_over = 0;  // without an id that could be acknowledged
};

class EventPoll {
 public:
  explicit EventPoll(PollSettings settings) : settings_(std::move(settings)) {}

  // When the next request is due; a time that has passed: at once. While one is under way: never.
  std::optional<Monotonic> due() const;
  // How long an answer may take: less than a minute, as a connection that has died is silent too.
  // The protocol leaves it to the two (2.2); what comes behind it is not lost, but comes again.
  std::chrono::seconds patience() const;

  // A request goes out, with what has been settled since the last one that was answered (2.4.3,
  // 2.4.4). authorization: "Bearer ..."; empty where the certificate says who we are. answered(),
  // silent() or unreachable() follows, or none is ever due again.
  IdpRequest ask(const Secret& authorization, Monotonic now);

  // The tokens to look at, in no order. Of a fault, what was settled goes out again.
  Result<std::vector<ReceivedSet>, IdpFault> answered(const IdpResponse& response, Monotonic now,
                                                      std::uint32_t random);
  // Nothing came within patience(), which is no failure of a poll that may be held.
  void silent(Monotonic now, std::uint32_t random);
  void unreachable(Monotonic now, std::uint32_t random);

  // It has taken effect, or is of no meaning to us.
  void accepted(const std::string& id);
  // It never will: the transmitter is told why (2.6; RFC 8935, 2.4), and so is the operator.
  void refused(const std::string& id, const TokenFault& fault);
  // Whether one whose key is not known yet may come again: for limits::kEventKeyTime since it first
  // came. Otherwise it is to be refused.
  bool may_wait(const std::string& id, Monotonic now);

  const PollCounts& counts() const { return counts_; }
  // Failures since the last answer.
  unsigned failures() const { return failures_; }

 private:
  struct Refusal {
    std::string code;
    std::string description;
  };
  using Verdict = std::optional<Refusal>;  // nullopt: accepted

  void settle(const std::string& id, Verdict verdict);
  void refuse(const std::string& id, std::string_view code, std::string description);

  PollSettings settings_;
  std::map<std::string, Verdict> settled_;  // as many as order_
  std::deque<std::string> order_;           // the oldest first
  std::map<std::string, Verdict> unsent_;   // not yet in a request that was answered
  std::map<std::string, Verdict> under_way_;
  std::map<std::string, Monotonic> waiting_;  // since when, for their key
  std::optional<Monotonic> due_ = Monotonic{};
  Monotonic asked_at_;
  unsigned failures_ = 0;
  PollCounts counts_;
};

}  // namespace veilwire::identity
