// What ties a sealed original to the record that heads its body: whoever opens it sees that it
// belongs to that request or answer and to no other. Tested by
// tests/unit/audit/head_digest_test.cpp.
#pragma once

#include "userspace/audit/record.h"
#include "userspace/crypto/hash.h"

#include <string_view>

namespace veilwire::audit {

// SHA-256 of canonical bytes without their members "seq" and "writer", which are not known yet when
// a body is sealed. Of bytes that are not canonical: of all of them.
crypto::Digest head_digest(std::string_view canonical);
// The same of a record that will be written.
crypto::Digest head_digest(const Record& record);

}  // namespace veilwire::audit
