#include "agent/ctl/anthropic_text.h"

#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using Json = nlohmann::json;

const Json& member(const Json& object, const char* name) {
  static const Json none;
  if (!object.is_object()) return none;
  const auto it = object.find(name);
  return it == object.end() ? none : *it;
}

std::string text_of(const Json& object, const char* name) {
  const Json& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

}  // namespace

std::string AnthropicText::feed(std::string_view bytes) {
  std::string out;
  line_.append(bytes);
  std::size_t begin = 0;
  for (std::size_t end; (end = line_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    std::string_view text = std::string_view(line_).substr(begin, end - begin);
    if (text.ends_with('\r')) text.remove_suffix(1);
    line(text, out);
  }
  line_.erase(0, begin);
  return out;
}

std::string AnthropicText::finish() {
  std::string out;
  // An event without its blank line was cut; clients ignore it, but what arrived is shown.
  if (!line_.empty()) line(line_, out);
  line("", out);
  line_.clear();
  if (wrote_) out += '\n';
  wrote_ = false;
  return out;
}

void AnthropicText::line(std::string_view text, std::string& out) {
  if (text.empty()) {
    if (!data_.empty()) event(data_, out);
    data_.clear();
  } else if (text.starts_with("data:")) {
    text.remove_prefix(5);
    if (text.starts_with(' ')) text.remove_prefix(1);
    if (!data_.empty()) data_ += '\n';
    data_ += text;
  }
}

void AnthropicText::event(std::string_view data, std::string& out) {
  const Json json = Json::parse(data.begin(), data.end(), nullptr, /*allow_exceptions=*/false);
  const std::string type = text_of(json, "type");
  std::string text;
  if (type == "content_block_start") {
    const Json& block = member(json, "content_block");
    const std::string kind = text_of(block, "type");
    if (wrote_) text = "\n";
    if (kind == "text") {
      text += text_of(block, "text");
    } else if (kind == "thinking") {
      text += "[thinking] " + text_of(block, "thinking");
    } else {
      const std::string name = text_of(block, "name");
      text += "[" + kind + (name.empty() ? "" : " " + name) + "] ";
    }
  } else if (type == "content_block_delta") {
    const Json& delta = member(json, "delta");
    text = text_of(delta, "text") + text_of(delta, "thinking") + text_of(delta, "partial_json");
  } else if (type == "error") {
    const Json& error = member(json, "error");
    text = (wrote_ ? "\n[error] " : "[error] ") + text_of(error, "type") + ": " +
           text_of(error, "message");
  }
  if (!text.empty()) wrote_ = true;
  out += text;
}

}  // namespace veilwire::ctl
