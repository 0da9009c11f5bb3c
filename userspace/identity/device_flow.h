// A sign-in on another device (RFC 8628): the code that a person types there, and the polls until
// they have. Tested by tests/unit/identity/device_flow_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/secret.h"
#include "userspace/base/time.h"
#include "userspace/identity/client_authentication.h"
#include "userspace/identity/idp_fault.h"
#include "userspace/identity/idp_message.h"
#include "userspace/identity/token_request.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::identity {

// nullopt: the IdP has no device authorization endpoint.
std::optional<IdpRequest> device_authorization_request(const ClientContext& context,
                                                       std::string_view scope);

// 3.2. What a person reads is visible ASCII: none of it can be hidden, and no terminal obeys it.
struct DeviceStart {
  Secret device_code;
  std::string user_code;                  // at most limits::kUserCode
  std::string verification_uri;           // https
  std::string verification_uri_complete;  // the same; empty: there is none
  std::chrono::seconds interval{5};
  Monotonic until;  // at most limits::kDeviceFlowTime
};

// issuer: the provider's, which says whether plain http may be (parse_issuer).
Result<DeviceStart, IdpFault> read_device_start(const IdpResponse& response, const Url& issuer,
                                                Monotonic asked_at);

// The polls (3.4, 3.5). Each is a device_code_request() with the start's device_code.
class DeviceFlow {
 public:
  enum class State : std::uint8_t {
    Waiting,
    Done,     // answered() has given the tokens
    Denied,   // the person said no
    Expired,  // nobody came in time
    Failed,   // fault() says why
  };

  explicit DeviceFlow(DeviceStart start, Monotonic now);

  const DeviceStart& start() const { return start_; }
  State state(Monotonic now) const;
  // When the next poll is due. Nothing: one is under way, or there will be none any more.
  std::optional<Monotonic> due() const;

  // A poll has gone out: answered() or unreachable() follows.
  void asked(Monotonic now);
  // What the last poll brought; `random`: any, for the jitter of a back-off.
  std::optional<Tokens> answered(const IdpResponse& response, Monotonic now, std::uint32_t random,
                                 TokenType wanted = TokenType::Bearer);
  void unreachable(Monotonic now, std::uint32_t random);

  // Of the last poll that brought neither tokens nor a wait; for records and status.
  const std::optional<IdpFault>& fault() const { return fault_; }

 private:
  void back_off(Monotonic now, std::uint32_t random);

  DeviceStart start_;
  State state_ = State::Waiting;
  Monotonic asked_at_;
  std::optional<Monotonic> due_;
  unsigned failures_ = 0;
  std::optional<IdpFault> fault_;
};

}  // namespace veilwire::identity
