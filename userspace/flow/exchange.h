// What is known of one request and its response while it lasts. Passive: the stages fill it and
// read it.
#pragma once

#include "userspace/flow/body_editor.h"
#include "userspace/flow/conversation_memory.h"
#include "userspace/flow/given_credential.h"
#include "userspace/flow/memory_budget.h"
#include "userspace/flow/originals.h"
#include "userspace/flow/ruleset.h"
#include "userspace/identity/person.h"
#include "userspace/wire/content_coding.h"
#include "userspace/wire/framing.h"
#include "userspace/wire/http.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::flow {

struct Exchange {
  std::uint64_t number = 0;  // from 1 within the connection
  policy::Service service = policy::Service::Generic;
  std::string host;
  MemoryAccount memory;
  std::shared_ptr<ConversationMemory> conversations;   // may be nullptr
  std::shared_ptr<ConversationMemory::Answer> answer;  // to a turn of one of them

  Originals* originals = nullptr;          // of the session
  policy::Keep keep = policy::Keep::None;  // of this exchange, once its request has been judged

  wire::RequestHead head;
  wire::Framing framing;
  wire::Expectation expectation;
  std::optional<GivenCredential> credential;  // that goes upstream instead of the client's own
  // The same once it has gone out, for what may repeat it; or nullptr.
  std::shared_ptr<const masking::KnownSecret> sent_credential;
  bool observes = false;   // policy only observes the request
  bool continued = false;  // we have answered Expect: 100-continue ourselves
  bool persistent = true;  // as far as the client goes
  std::string request_id;  // JSON text of a JSON-RPC id, empty when there is none
  std::string mcp_method;
  bool stream_asked = false;  // the client will read events, whatever type the answer has

  std::uint64_t request_bytes = 0;   // body, as received
  std::uint64_t response_bytes = 0;  // body, as released, decoded
  std::uint64_t masked = 0;
  std::uint64_t observed = 0;     // findings that went out as they came
  bool response_started = false;  // a byte of the final response has gone to the client

  EditorContext context(policy::Direction direction, std::string_view media_type) const {
    return {.service = service,
            .direction = direction,
            .media_type = media_type,
            .target = head.target(),
            .request_id = request_id,
            .mcp_method = mcp_method};
  }
};

// What a coding that cannot be removed means to policy: a decompression bomb is over the limit.
inline policy::Uninspected kind_of(wire::CodingError error) {
  return error == wire::CodingError::TooLarge || error == wire::CodingError::RatioTooHigh
             ? policy::Uninspected::OverLimit
             : policy::Uninspected::Malformed;
}

}  // namespace veilwire::flow
