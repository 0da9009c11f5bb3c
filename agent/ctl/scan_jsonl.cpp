#include "agent/ctl/scan_jsonl.h"

#include <ostream>

#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using nlohmann::json;

std::string text_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

ScanLines::ScanLines(const ScanPolicy& policy, Chunks& chunks, bool findings, std::ostream& out)
    : policy_(policy),
      chunks_(chunks),
      list_findings_(findings),
      out_(out),
      text_(policy.engine, output_, /*locate=*/false) {}

void ScanLines::Output::found(const Sighting& sighting) {
  ++findings;
  list.push_back(sighting.finding);
}

std::optional<std::string> ScanLines::feed(std::string_view piece) {
  while (true) {
    const std::size_t end = piece.find('\n');
    if (held_.size() + std::min(end, piece.size()) > kLongestJsonLine) {
      ++line_;
      return "is longer than " + std::to_string(kLongestJsonLine >> 20U) + " MiB";
    }
    if (end == std::string_view::npos) {
      held_ += piece;
      return std::nullopt;
    }
    std::optional<std::string> error;
    if (held_.empty()) {
      error = mask(piece.substr(0, end));
    } else {
      held_ += piece.substr(0, end);
      error = mask(held_);
      held_.clear();
    }
    if (error) return error;
    piece.remove_prefix(end + 1);
  }
}

std::optional<std::string> ScanLines::finish() {
  if (held_.empty()) return std::nullopt;
  auto error = mask(held_);
  held_.clear();
  return error;
}

// A parser's own message would quote what it read.
std::optional<std::string> ScanLines::mask(std::string_view line) {
  ++line_;
  const json object = json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded()) return "is not JSON";
  if (!object.is_object()) return "is not a JSON object";
  const auto id = object.find("id"), text = object.find("text");
  if (id == object.end() || text == object.end() || !text->is_string() || id->is_structured())
    return R"(has no "id" and "text": {"id": "...", "text": "..."} is wanted)";
  ++texts_;
  output_.masked_text.clear();
  output_.list.clear();
  text_.restart();
  chunks_.cut(text->get_ref<const std::string&>(),
              [this](std::string_view piece) { text_.feed(piece); });
  text_.finish();
  out_ << R"({"id":)" << text_of(*id) << R"(,"masked":)" << text_of(output_.masked_text);
  if (list_findings_) {
    json list = json::array();
    for (const masking::Finding& f : output_.list)
      list.push_back(
          {{"rule", f.rule},
           {"category", f.category},
           {"action", policy::to_string(policy_.rules[policy_.index.find(f.rule)->second].action)},
           {"offset", f.offset},
           {"length", f.length},
           {"digest", f.digest}});
    out_ << R"(,"findings":)" << text_of(list);
  }
  out_ << "}\n";
  return std::nullopt;
}

}  // namespace veilwire::ctl
