// Requests to a SAML IdP that wait for their response, each under the RelayState that comes back
// with it. Who brings it must be the one connection that began, of the same login: any page that a
// browser shows can post a response to the callback, and so can any program of the host. A request
// is answered once, whatever the answer.
//
// Tested by tests/unit/identity/saml_requests_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/identity/binding.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::identity {

enum class SamlRequestFault : std::uint8_t {
  TooMany,        // over limits::kSamlRequests
  TooManyOfUser,  // over limits::kSamlRequestsOfUser
  Unknown,        // there is none under this RelayState: whoever posted it answers nothing of ours
  TooLate,        // over limits::kSamlRequestLife
  OfAnother,      // another began it: whoever brings it should not know its RelayState
};
std::string_view to_string(SamlRequestFault fault);  // a clause for a person

struct SamlRequest {
  std::uint64_t asker = 0;  // the connection that began
  Binding binding;          // what it will be signed in for
  std::uint32_t share = 0;  // the uid whose share of them it takes
  std::string id;           // what the response must answer
};

class SamlRequests {
 public:
  // Takes the place of the asker's last one. The fault is TooMany or TooManyOfUser.
  std::optional<SamlRequestFault> add(std::string relay_state, SamlRequest request, Monotonic now);

  // The request's id, once. Unknown leaves everything as it is.
  Result<std::string, SamlRequestFault> take(std::string_view relay_state, std::uint64_t asker,
                                             const Binding& binding, Monotonic now);
  // The asker has gone, and with it the listener on the callback. false: it had none.
  bool forget(std::uint64_t asker);

  // Whether somebody may be just signing in for it.
  bool waits(const Binding& binding, Monotonic now) const;
  std::size_t size() const { return requests_.size(); }

 private:
  struct Entry {
    SamlRequest request;
    Monotonic until;
  };
  std::size_t count_of(std::uint32_t share) const;

  std::map<std::string, Entry, std::less<>> requests_;
};

}  // namespace veilwire::identity
