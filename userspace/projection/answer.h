// What an answer says about itself: who gave it, what it cost, how it ended, and its messages.
// Reads an answer of the Messages API or of MCP, whole or as server-sent events while they come, so
// that the figures at the end of a long stream are not lost with its middle. Tested by
// tests/unit/projection/answer_test.cpp.
#pragma once

#include "userspace/projection/value.h"
#include "userspace/wire/sse.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::projection {

struct Answer {
  // Of a model.
  std::string id, model;
  std::string stop_reason;                    // "error" where a message has none
  std::optional<std::uint64_t> input_tokens;  // with those of the cache
  std::optional<std::uint64_t> output_tokens, cache_read_tokens, cache_write_tokens;
  std::string error_type;          // "overloaded_error": an answer that is an error or ends in one
  Value messages = Value::list();  // gen_ai.output.messages
  bool cut = false;                // of a stream, more was said than was kept
  // Of an MCP server.
  std::string rpc_error;    // code of a JSON-RPC error: "-32602"
  bool tool_error = false;  // isError in a result
  Value result;             // null where there is none
};

class AnswerReader {
 public:
  // most: bytes of messages that are kept.
  explicit AnswerReader(std::size_t most) : most_(most) {}

  void begin(std::string_view content_type);
  void feed(std::string_view bytes);
  // body: the whole of it, or empty where it is not at hand; counts where it is not a stream.
  Answer finish(std::string_view body) const;

 private:
  struct Block {
    Value start;       // as content_block_start gave it
    std::string text;  // of its deltas
  };
  void take(const Value& event);
  void take_usage(const Value& usage);
  void take_message(const Value& message);
  void take_rpc(const Value& message);
  bool room(std::size_t bytes);

  std::size_t most_;
  std::size_t kept_ = 0;
  std::optional<wire::SseReader> events_;  // of a stream, until it breaks its bounds
  bool stream_ = false;
  Answer answer_;
  std::optional<std::uint64_t> uncached_tokens_;
  std::string role_ = "assistant";
  std::map<std::uint64_t, Block> blocks_;
};

}  // namespace veilwire::projection
