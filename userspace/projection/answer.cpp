#include "userspace/projection/answer.h"

#include "userspace/base/ascii.h"
#include "userspace/base/limits.h"
#include "userspace/projection/conversation.h"
#include "userspace/projection/json_tree.h"
#include "userspace/projection/otel_names.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace veilwire::projection {
namespace {

void replace(std::string& by, const Value& value) {
  if (!text_of(value).empty()) by = prefix(text_of(value), kLongestText);
}

void replace(std::optional<std::uint64_t>& by, const Value& value) {
  if (const auto number = number_of(value)) by = number;
}

// The member in which a block of this type has what its deltas go on with.
std::string_view goes_on_in(std::string_view type) {
  if (type == "text") return "text";
  if (type == "thinking") return "thinking";
  if (type == "compaction") return "content";
  return "input";
}

// The block as it would stand in an answer that is no stream.
Value completed(const Value& start, const std::string& text) {
  if (text.empty()) return start;
  const std::string_view name = goes_on_in(text_of(member(start, "type")));
  Value out = Value::map();
  if (const auto* members = std::get_if<Value::Members>(&start.any())) {
    for (const auto& [n, value] : *members) {
      if (n != name) out.add_foreign(n, value);
    }
  }
  if (name == "input") {
    // JSON that was written in pieces; a stream that was cut leaves a beginning.
    std::optional<Value> input = parse_json(text);
    out.add(name, input ? *std::move(input) : Value::content(text));
  } else {
    out.add(name, Value::content(std::string(text_of(member(start, name))) + text));
  }
  return out;
}

// finish_reason stands in gen_ai.response.finish_reasons as well; the conventions asked for it here
// until v1.41.
Value output_message(std::string_view role, Value parts, std::string_view finish_reason) {
  Value out = Value::map();
  out.add("role", Value::content(role));
  out.add("parts", std::move(parts));
  out.add("finish_reason", Value::content(finish_reason));
  return out;
}

}  // namespace

void AnswerReader::begin(std::string_view content_type) {
  stream_ = to_lower(content_type).starts_with("text/event-stream");
  // What begins a message has to fit, however little of it is kept.
  constexpr std::size_t kLeastEvent = 64 * 1024;
  if (stream_) events_.emplace(std::clamp(most_, kLeastEvent, limits::kSseEvent));
}

void AnswerReader::feed(std::string_view bytes) {
  if (!events_) return;
  std::vector<wire::SseEvent> events;
  const bool good = events_->feed(bytes, events).has_value();
  for (const wire::SseEvent& event : events) {
    if (!event.dispatches()) continue;
    if (const std::optional<Value> json = parse_json(event.data_text())) take(*json);
  }
  if (good) return;
  events_.reset();
  answer_.cut = true;
}

bool AnswerReader::room(std::size_t bytes) {
  if (answer_.cut || bytes > most_ - kept_) answer_.cut = true;
  if (!answer_.cut) kept_ += bytes;
  return !answer_.cut;
}

void AnswerReader::take(const Value& event) {
  const std::string_view type = text_of(member(event, "type"));
  if (type == "message_start") return take_message(member(event, "message"));
  if (type == "message_delta") {
    replace(answer_.stop_reason, member(member(event, "delta"), "stop_reason"));
    return take_usage(member(event, "usage"));
  }
  if (type == "error") return replace(answer_.error_type, member(member(event, "error"), "type"));
  if (!is_null(member(event, "jsonrpc"))) return take_rpc(event);

  const auto index = number_of(member(event, "index"));
  if (!index) return;
  if (type == "content_block_start") {
    const Value& block = member(event, "content_block");
    if (room(to_json(block).size())) blocks_[*index].start = block;
  } else if (type == "content_block_delta") {
    const auto block = blocks_.find(*index);
    const Value& delta = member(event, "delta");
    for (const char* name : {"text", "thinking", "partial_json", "content"}) {
      const std::string_view piece = text_of(member(delta, name));
      if (block != blocks_.end() && room(piece.size())) block->second.text += piece;
    }
  }
}

void AnswerReader::take_message(const Value& message) {
  replace(answer_.id, member(message, "id"));
  replace(answer_.model, member(message, "model"));
  replace(answer_.stop_reason, member(message, "stop_reason"));
  replace(role_, member(message, "role"));
  take_usage(member(message, "usage"));
}

// Later figures of a stream take the place of earlier ones, each by itself.
void AnswerReader::take_usage(const Value& usage) {
  replace(uncached_tokens_, member(usage, "input_tokens"));
  replace(answer_.output_tokens, member(usage, "output_tokens"));
  replace(answer_.cache_read_tokens, member(usage, "cache_read_input_tokens"));
  replace(answer_.cache_write_tokens, member(usage, "cache_creation_input_tokens"));
}

// Of several messages in one stream, notifications among them, the last response counts: a server
// sends it and ends the stream.
void AnswerReader::take_rpc(const Value& message) {
  if (const Value& error = member(message, "error"); !is_null(error))
    answer_.rpc_error = rpc_id(member(error, "code"));
  if (const Value& result = member(message, "result"); !is_null(result)) {
    answer_.tool_error = is_true(member(result, "isError"));
    answer_.result = flatten(result);
  }
}

Answer AnswerReader::finish(std::string_view body) const {
  AnswerReader all = *this;
  Answer& out = all.answer_;
  Value parts = Value::list();
  if (!stream_) {
    const Value json = parse_json(body).value_or(Value());
    const std::string_view type = text_of(member(json, "type"));
    if (type == "error") replace(out.error_type, member(member(json, "error"), "type"));
    if (!is_null(member(json, "jsonrpc"))) all.take_rpc(json);
    if (type == "message") {
      all.take_message(json);
      parts = parts_of(member(json, "content"));
    }
  }
  for (const auto& [index, block] : blocks_)
    parts.push(part_of(completed(block.start, block.text)));
  // One that was expected and has not come is an error of the generation.
  if (!out.id.empty() && out.stop_reason.empty()) out.stop_reason = otel::kFinishError;
  if (!parts.empty())
    out.messages.push(output_message(all.role_, std::move(parts), out.stop_reason));
  // The API counts cached tokens beside input_tokens, the conventions within it.
  if (all.uncached_tokens_) {
    out.input_tokens = *all.uncached_tokens_ + out.cache_read_tokens.value_or(0) +
                       out.cache_write_tokens.value_or(0);
  }
  return std::move(out);
}

}  // namespace veilwire::projection
