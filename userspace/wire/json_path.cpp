// The path of a scanner's events; see json_scanner.h. Tested by tests/unit/wire/json_path_test.cpp.
#include "userspace/wire/json_scanner.h"

#include <algorithm>

namespace veilwire::wire {

void JsonPath::begin_value() {
  if (frames_.empty() || !frames_.back().is_array) return;
  Frame& top = frames_.back();
  top.index = top.set ? top.index + 1 : 0;
  top.set = true;
}

void JsonPath::on(const JsonEvent& event) {
  switch (event.kind) {
    case JsonEvent::Kind::BeginObject:
    case JsonEvent::Kind::BeginArray: {
      begin_value();
      Frame frame;
      frame.is_array = event.kind == JsonEvent::Kind::BeginArray;
      frame.key_at = keys_.size();
      frames_.push_back(frame);
      return;
    }
    case JsonEvent::Kind::EndObject:
    case JsonEvent::Kind::EndArray:
      keys_.resize(frames_.back().key_at);
      frames_.pop_back();
      return;
    case JsonEvent::Kind::BeginKey:
      keys_.resize(frames_.back().key_at);
      frames_.back().set = false;
      frames_.back().cut = false;
      key_.reset();
      in_key_ = true;
      return;
    case JsonEvent::Kind::EndKey:
      frames_.back().key_size = keys_.size() - frames_.back().key_at;
      frames_.back().set = true;
      in_key_ = false;
      return;
    case JsonEvent::Kind::Piece:
      if (in_key_) add_to_key(event.bytes);
      return;
    case JsonEvent::Kind::BeginString:
    case JsonEvent::Kind::Number:
    case JsonEvent::Kind::True:
    case JsonEvent::Kind::False:
    case JsonEvent::Kind::Null:
      return begin_value();
    case JsonEvent::Kind::EndString:
      return;
  }
}

void JsonPath::add_to_key(std::string_view raw) {
  Frame& top = frames_.back();
  if (top.cut) return;
  // The scanner has checked the escapes: decoding cannot fail.
  (void)key_.feed(raw, keys_);
  if (keys_.size() - top.key_at <= kLongestKey) return;
  keys_.resize(top.key_at + kLongestKey);
  top.cut = true;
}

std::size_t JsonPath::depth() const {
  return frames_.empty() || frames_.back().set ? frames_.size() : frames_.size() - 1;
}

JsonPath::Component JsonPath::component(std::size_t index) const {
  const Frame& frame = frames_.at(index);
  if (frame.is_array) return {true, frame.index, {}};
  return {false, 0, std::string_view(keys_).substr(frame.key_at, frame.key_size)};
}

bool JsonPath::component_matches(std::size_t index, std::string_view pattern) const {
  if (pattern == "*") return true;
  const Component own = component(index);
  if (own.is_index || pattern == "[]") return own.is_index && pattern == "[]";
  return !frames_[index].cut && own.key == pattern;
}

bool JsonPath::starts_with(Pattern pattern) const {
  if (depth() < pattern.size()) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (!component_matches(i, pattern[i])) return false;
  }
  return true;
}

bool JsonPath::matches(Pattern pattern) const {
  return depth() == pattern.size() && starts_with(pattern);
}

std::string JsonPath::to_string() const {
  std::string text;
  for (std::size_t i = 0; i < depth(); ++i) {
    const Component own = component(i);
    if (own.is_index) {
      text += "[" + std::to_string(own.index) + "]";
      continue;
    }
    if (!text.empty()) text += '.';
    text += own.key;
  }
  return text;
}

}  // namespace veilwire::wire
