// Finds what a client sends again with every turn: the messages of a Messages API request, and what
// stands before them, system and tools. It only pairs brackets and quotes; whether the document is
// one, and what a position means, is judged by the scanner that reads it. Tested by
// tests/unit/flow/request_elements_test.cpp.
#pragma once

#include "userspace/crypto/hash.h"
#include "userspace/message/fields.h"

#include <string_view>
#include <vector>

namespace veilwire::flow {

struct RequestElement {
  std::string_view bytes;                    // an object, or the string that "system" may be
  message::Zone zone = message::Zone::Text;  // AnthropicTurn: a message
  bool assistant = false;                    // a message whose role that is

  bool message() const { return zone == message::Zone::AnthropicTurn; }
  bool object() const { return bytes.starts_with('{'); }
};

// In order, as they stand in the document. In what is no JSON, or is not whole: those before the
// place where that shows.
std::vector<RequestElement> request_elements(std::string_view document);

// A digest of the texts in an element. What clients change about a message from turn to turn is not
// in it: where cache_control stands, and whether a text stands by itself or in a block.
crypto::Digest said_in(const RequestElement& element);

}  // namespace veilwire::flow
