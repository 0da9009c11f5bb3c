// What people say to veilwire-identity, and what it says to them: signing in and out, who one is,
// and for operators who else is. Any user may connect: who one is, the daemon asks the kernel.
//
// JSON, one object a message over a local SOCK_SEQPACKET socket, so that a hook of a build system
// or a shell can speak it without us. A message of another version is refused with the versions
// of both. Tested by tests/unit/identity/people_protocol_test.cpp and
// tests/fuzz/people_protocol.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/secret.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::host::protocol {

inline constexpr int kPeopleVersion = 1;
// A response of SAML (limits::kSamlResponse) with room for what frames it: anybody may send as
// much.
inline constexpr std::size_t kPeopleAsk = 120 * 1024;
inline constexpr std::size_t kPeopleAnswer = 96 * 1024;

enum class PeopleProtocolError : std::uint8_t { OtherVersion, Malformed };

struct PeopleAsk {
  enum class What : std::uint8_t {
    WhoAmI,       // Session or Nobody
    Login,        // in a browser, which comes back to `port` on loopback: Address, then Callback
    Callback,     // with `text`, the target of a request to there: Session, Refused or Again
    Response,     // of SAML, with `text` and `relay_state` as they were posted to the callback: the
                  // same
    LoginDevice,  // Device, and later Session or Refused
    Logout,       // Done or Nobody
    Attach,       // this job, with `text`, its ID token: Session or Refused
    Sessions,     // a Session each, then Done; for operators
    Revoke,       // all of the subject `text`: Done with how many; for operators
  };
  What what = What::WhoAmI;
  std::uint16_t port = 0;
  Secret text = {};
  std::string relay_state = {};
};

struct PeopleSession {
  std::string issuer, subject, name;
  std::vector<std::string> groups = {};
  bool groups_cut = false;  // there are more than fit
  std::string person_class, method;
  std::string binding;              // of what it is, in words
  std::string standing;             // identity::to_string(Standing)
  std::chrono::seconds age{0};      // since the IdP last stood by it
  std::chrono::seconds expires{0};  // from now
};

struct PeopleAnswer {
  enum class What : std::uint8_t {
    Session,
    Nobody,   // text: why, and what to do
    Address,  // text: what a browser is to open; callback: where it comes back to, if not to `port`
    Device,   // text: what to open, code: what to type there, complete: both in one, or empty
    Done,     // count: of Revoke
    Refused,  // text: why
    Again,    // that was not the browser that we wait for: the next request may be
  };
  What what = What::Done;
  std::optional<PeopleSession> session = {};
  std::string text = {};
  std::string code = {};
  std::string complete = {};
  std::string callback = {};
  std::chrono::seconds expires{0};  // of Device
  std::uint32_t count = 0;
};

Secret encode(const PeopleAsk& ask);
Result<PeopleAsk, PeopleProtocolError> decode_people_ask(std::string_view message);

// At most kPeopleAnswer: groups that do not fit are left out.
std::string encode(const PeopleAnswer& answer);
Result<PeopleAnswer, PeopleProtocolError> decode_people_answer(std::string_view message);

}  // namespace veilwire::host::protocol
