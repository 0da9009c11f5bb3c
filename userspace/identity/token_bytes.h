// The tokens of a session as bytes, to be sealed: what asking the IdP again takes, and no more. The
// ID token has said what it had to say. Tested by tests/unit/identity/token_bytes_test.cpp.
#pragma once

#include "userspace/base/secret.h"
#include "userspace/identity/token_request.h"

#include <optional>
#include <string_view>

namespace veilwire::identity {

// Times are of this boot, as those of a session.
Secret encode_tokens(const Tokens& tokens);
// nullopt: not what encode_tokens() writes.
std::optional<Tokens> decode_tokens(std::string_view bytes);

}  // namespace veilwire::identity
