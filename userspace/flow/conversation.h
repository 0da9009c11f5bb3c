// One request of the Messages API as the continuation of a conversation: what was sent before is
// read as it was read then, and what the client brings back masked leaves as the provider wrote it.
//
// Words that the assistant is said to have spoken are read like an answer where they stand behind a
// turn that is remembered: what the answer was allowed to show may go back. All else is read like a
// request. Tested by tests/unit/flow/conversation_test.cpp.
#pragma once

#include "userspace/flow/conversation_memory.h"
#include "userspace/flow/element_cache.h"
#include "userspace/flow/request_elements.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::flow {

class Conversation {
 public:
  // All outlive it.
  struct Setting {
    ElementCache& elements;
    ConversationMemory& memory;
    std::uint32_t user = 0;
    std::string_view host;
    ConversationMemory::Engines engines;  // of now
    Monotonic now;
    bool observed = false;  // the engines change nothing
  };
  Conversation(std::string_view document, const Setting& setting);

  struct Element {
    RequestElement where;
    crypto::Digest digest{};  // for the cache, of one that is long enough for it
    crypto::Digest said{};
    ConversationMemory::EnginePtr engine;  // by which it is to be read
    bool cached() const { return where.object() && where.bytes.size() >= ElementCache::kShortest; }
  };
  // Whether `bytes` are the document itself, so that its elements can be read one by one.
  bool is(std::string_view bytes) const {
    return bytes.data() == document_.data() && bytes.size() == document_.size();
  }
  const std::vector<Element>& elements() const { return elements_; }
  ElementCache& cache() const { return setting_.elements; }
  std::uint32_t user() const { return setting_.user; }

  // The same document, every element read by one engine: for a record.
  Conversation read_by(const ConversationMemory::EnginePtr& engine) const;
  // Every element is read by the request's engine of now.
  bool plain() const;
  // released: what an editor has made of the document. Puts back what masks in it stand for, in the
  // answers to turns that are remembered. nullopt: there are none.
  std::optional<std::string> restored(std::string_view released) const;
  // It goes out now. Where to say what the masks in its answer stand for; nullptr: no conversation.
  std::shared_ptr<ConversationMemory::Answer> sent() const;

 private:
  std::string_view document_;
  Setting setting_;
  std::vector<Element> elements_;
  // For each message: the end of the turn that it answers, where it is the assistant's and the turn
  // is remembered.
  std::vector<std::optional<crypto::Digest>> answers_;
  std::vector<crypto::Digest> ends_;  // behind each message; the first is before all of them
  std::shared_ptr<const ConversationMemory::Turn> last_;  // the last that is remembered
};

}  // namespace veilwire::flow
