// What @anthropic-ai/sdk 1.12 has in its hands behind a stream of the Messages API: its line
// decoder (core/streaming.mjs) and its accumulator (lib/BetaMessageStream.mjs), ported with what
// JavaScript makes of odd values. It shares nothing with the code under test. Characters outside of
// ASCII are all read as "?".
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace veilwire::fuzz {

class MessagesClient {
 public:
  using json = nlohmann::json;

  explicit MessagesClient(std::string_view stream) {
    while (!stream.empty() && !thrown_) {
      const std::size_t end = std::min(stream.find_first_of("\r\n"), stream.size());
      take_line(stream.substr(0, end));
      stream.remove_prefix(end);
      stream.remove_prefix(stream.starts_with("\r\n") ? 2 : stream.empty() ? 0 : 1);
    }
  }

  // The texts of all blocks, in order, and what its reader joins of completions.
  std::vector<std::string> texts() const {
    std::vector<std::string> all;
    if (!completion_.empty()) all.push_back(completion_);
    for (const json& block : content_) {
      if (!block.is_object()) continue;
      for (const char* member : {"text", "thinking", "content", "__json_buf"}) {
        if (block.contains(member) && block[member].is_string()) all.push_back(block[member]);
      }
    }
    return all;
  }

 private:
  void take_line(std::string_view line) {
    if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    if (line.empty()) {
      if ((!name_ || name_->empty()) && data_.empty()) return;
      std::string data;
      for (const std::string& part : data_) data += (&part == &data_.front() ? "" : "\n") + part;
      const std::optional<std::string> name = std::exchange(name_, std::nullopt);
      data_.clear();
      if (!name || name == "ping") return;
      if (name == "error") {
        thrown_ = true;
      } else if (!data.empty()) {
        const json event = json::parse(readable(data), nullptr, false);
        if (const json text = member(event, "completion"); name == "completion" && text.is_string())
          completion_ += text.get<std::string>();
        on_event(event);
      }
      return;
    }
    const std::size_t colon = line.find(':');
    std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (line.substr(0, colon) == "event") name_ = value;
    if (line.substr(0, colon) == "data") data_.emplace_back(value);
  }

  // For a parser that takes neither halves of surrogate pairs nor what is no UTF-8.
  static std::string readable(std::string text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (static_cast<unsigned char>(text[i]) >= 0x80) text[i] = '?';
      if (text[i] != '\\') continue;
      if (i + 5 < text.size() && text[i + 1] == 'u' && (text[i + 2] == 'd' || text[i + 2] == 'D') &&
          text[i + 3] >= '8')
        text.replace(i + 2, 4, "003f");
      ++i;
    }
    return text;
  }

  static json member(const json& of, const char* name) {
    return of.is_object() && of.contains(name) ? of[name] : json(json::value_t::discarded);
  }

  // String(value); what is discarded is undefined.
  static std::string text_of(const json& value) {
    if (value.is_string()) return value;
    if (value.is_discarded()) return "undefined";
    if (value.is_object()) return "[object Object]";
    if (value.is_number_float() && std::trunc(value.get<double>()) == value.get<double>() &&
        std::abs(value.get<double>()) < 1e15)
      return std::to_string(static_cast<long long>(value.get<double>()));
    if (!value.is_array()) return value.dump();
    std::string all;
    for (const json& part : value)
      all += (&part == &value.front() ? "" : ",") + (part.is_null() ? "" : text_of(part));
    return all;
  }
  // value || ""
  static std::string text_or_nothing(const json& value) {
    const bool falsy = value.is_discarded() || value.is_null() || value == false ||
                       (value.is_number() && value == 0);
    return falsy ? "" : text_of(value);
  }

  // content.at(index): whatever is no number is 0, and below 0 counts from the end.
  json* at(const json& index) {
    double number = 0;
    if (index.is_number()) {
      number = std::trunc(index.get<double>());
    } else if (index == true) {
      number = 1;
    } else if (index.is_string() || index.is_array()) {
      number = std::trunc(std::strtod(text_of(index).c_str(), nullptr));
    }
    if (number < 0) number += static_cast<double>(content_.size());
    if (!(number >= 0) || number >= static_cast<double>(content_.size())) return nullptr;
    return &content_[static_cast<std::size_t>(number)];
  }
  // content[index] = block: nobody reads what is no place in it.
  void put(const json& index, json block) {
    const std::string key = text_of(index);
    for (std::size_t i = 0; i < content_.size(); ++i) {
      if (key == std::to_string(i)) content_[i] = std::move(block);
    }
  }

  void on_event(const json& event) {
    if (event.is_discarded()) {
      thrown_ = true;
      return;
    }
    const json type = member(event, "type");
    if (type == "message_start") {
      const json content = member(member(event, "message"), "content");
      thrown_ = started_ || !content.is_array();
      started_ = true;
      if (content.is_array()) content_ = content.get<std::vector<json>>();
    } else if (started_ && type == "content_block_start") {
      content_.push_back(member(event, "content_block"));
      thrown_ = !content_.back().is_object();
    } else if (started_ && type == "content_block_delta") {
      on_delta(member(event, "index"), member(event, "delta"));
    }
  }

  void on_delta(const json& index, const json& delta) {
    const json* const found = at(index);
    if (found == nullptr || !found->is_object()) return;
    json block = *found;
    const json of = member(block, "type"), type = member(delta, "type");
    const auto next = [&](const char* name) { return text_of(member(delta, name)); };
    if (type == "text_delta" && of == "text") {
      block["text"] = text_or_nothing(member(block, "text")) + next("text");
    } else if (type == "thinking_delta" && of == "thinking") {
      block["thinking"] = text_of(member(block, "thinking")) + next("thinking");
    } else if (type == "input_json_delta" &&
               (of == "tool_use" || of == "server_tool_use" || of == "mcp_tool_use")) {
      block["__json_buf"] = text_or_nothing(member(block, "__json_buf")) + next("partial_json");
    } else if (type == "compaction_delta" && of == "compaction") {
      const json content = member(delta, "content");
      block["content"] = content.is_discarded() ? json() : content;
    } else {
      return;
    }
    put(index, std::move(block));
  }

  std::optional<std::string> name_;
  std::vector<std::string> data_;
  bool thrown_ = false;
  std::string completion_;
  bool started_ = false;
  std::vector<json> content_;
};

// A secret of the rule `token` (tests/support/made_up_rules.h).
inline bool has_token(std::string_view text) {
  const auto is_tail = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  for (std::size_t at = 0; (at = text.find("sk-", at)) != std::string_view::npos; at += 3) {
    const std::string_view tail = text.substr(at + 3, 16);
    if (tail.size() == 16 && std::ranges::all_of(tail, is_tail)) return true;
  }
  return false;
}

}  // namespace veilwire::fuzz
