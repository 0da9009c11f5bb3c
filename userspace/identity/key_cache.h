// The keys of one IdP over time: when to ask for them, and which set verifies meanwhile. A set that
// is out of date serves on while the IdP is down, up to limits::kKeySetKept. Tested by
// tests/unit/identity/key_cache_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/identity/idp_fault.h"
#include "userspace/identity/idp_message.h"
#include "userspace/identity/jwk_set.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace veilwire::identity {

struct OidcProvider;

IdpRequest key_set_request(const OidcProvider& provider);

// How long a set is good for by Cache-Control (RFC 9111, 5.2.2.1), within limits::kKeySetFresh*.
std::chrono::seconds key_set_freshness(std::string_view cache_control);

class KeyCache {
 public:
  // Nothing: there is no set, or none young enough.
  const JwkSet* keys(Monotonic now) const;

  // When the next request is due; a time that has passed: at once. While one is under way: never.
  std::optional<Monotonic> due() const;
  // A token named a key that the set does not hold (TokenError::UnknownKey). Makes a request due,
  // at the soonest limits::kKeySetPause after the last one. True: one is due or under way whose
  // answer may have the key, for which the token may wait.
  bool unknown_key(Monotonic now);

  // A request has gone out: answered() or unreachable() follows, or none is ever due again.
  void asked(Monotonic now);
  // The set stays as it is on a failure. `random`: any, for the jitter.
  Result<void, IdpFault> answered(const IdpResponse& response, Monotonic now, std::uint32_t random);
  void unreachable(Monotonic now, std::uint32_t random);

 private:
  std::optional<JwkSet> keys_;
  Monotonic taken_at_;                 // of keys_
  std::optional<Monotonic> asked_at_;  // of the last request
  std::optional<Monotonic> due_ = Monotonic{};
  unsigned failures_ = 0;
};

}  // namespace veilwire::identity
