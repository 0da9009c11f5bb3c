// What records have of one response's body: its text as it was released, without what nobody has
// read, which could be a secret in clear. That such a part passed is on record. Tested by
// tests/unit/flow/http_relay_test.cpp and recorded_editor_test.cpp.
#pragma once

#include "userspace/flow/body_editor.h"
#include "userspace/flow/exchange.h"
#include "userspace/flow/http_relay.h"
#include "userspace/policy/policy.h"
#include "userspace/wire/utf8.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace veilwire::flow {

class ResponseRecord {
 public:
  // Both outlive it.
  ResponseRecord(const Exchange& exchange, RelaySink& sink) : exchange_(exchange), sink_(sink) {}

  // Its bytes are to be text in UTF-8: others are said once.
  void wants_utf8() { utf8_.emplace(wire::Utf8::Strict); }
  // facts: of the response, for what policy does with a finding that only the record masks.
  void content(const Released& released, const policy::Policy& policy, policy::Facts facts);
  // bytes: of the body, decoded, that the gap is behind or about. passes: what policy says;
  // observes: it passes all the same.
  void gap(policy::Uninspected kind, std::string_view detail, bool passes, std::uint64_t bytes,
           bool observes = false);
  // Where findings begin to pass in the middle of a body, nobody has read its beginning for the
  // record alone, and what comes would be in it in clear.
  void leave_out_the_rest();

 private:
  void read(std::string_view bytes, std::uint64_t offset, const EditedText& text);

  const Exchange& exchange_;
  RelaySink& sink_;
  std::uint64_t released_ = 0;                // bytes, decoded, of this body
  std::optional<std::uint64_t> unread_from_;  // where what nobody has read begins in it
  std::optional<wire::Utf8Checker> utf8_;     // until a byte is none
};

}  // namespace veilwire::flow
