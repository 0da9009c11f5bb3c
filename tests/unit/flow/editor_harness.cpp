#include "tests/unit/flow/editor_harness.h"

#include "tests/support/made_up_rules.h"
#include "userspace/masking/engine.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>

namespace veilwire::flow {

using nlohmann::json;

std::shared_ptr<const masking::Engine> engine() {
  static const std::shared_ptr<const masking::Engine> kEngine = testing::made_up_engine();
  return kEngine;
}

std::shared_ptr<const masking::Engine> engine_of(const std::string& id, const std::string& regex,
                                                 masking::Treatment treatment) {
  masking::Rule rule;
  rule.id = id;
  rule.category = "secret";
  rule.regex = regex;
  masking::RulePack pack;
  pack.rules.push_back(rule);
  auto compiled = masking::compile(
      std::array{pack}, [&](const masking::Rule&) { return treatment; },
      Secret(std::string("0123456789abcdef0123456789abcdef")));
  if (!compiled) ADD_FAILURE() << compiled.error().message;
  return *compiled;
}

std::string masked(std::string_view text) { return masking::mask_all(*engine(), text); }

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  out << outcome.bytes;
  for (const std::string& mask : outcome.masks) out << "\n  mask " << mask;
  return out << "\n  blocked '" << outcome.blocked << "' malformed " << outcome.malformed << "\n";
}

Outcome run(const EditorContext& context, const testing::Pieces& pieces) {
  const std::unique_ptr<BodyEditor> editor = make_body_editor(context, engine());
  if (!editor) return {.bytes = "no editor", .masks = {}, .blocked = {}};
  Outcome outcome;
  Released step;
  const auto collect = [&] {
    outcome.bytes += step.bytes;
    for (const audit::MaskedSpan& mask : step.masks) {
      outcome.masks.push_back(mask.rule + " " + std::to_string(mask.offset) + " " +
                              std::to_string(mask.length) + " " +
                              std::to_string(mask.released_length));
    }
    if (step.blocked)
      outcome.blocked = step.blocked->rule + " " + std::to_string(step.blocked->offset);
    outcome.malformed |= step.malformed.has_value();
    step = {};
  };
  for (const std::string_view piece : pieces) {
    editor->feed(piece, step);
    collect();
  }
  editor->finish(step);
  collect();
  return outcome;
}

std::string cut_short(const EditorContext& context, std::string_view beginning,
                      std::string_view notice) {
  const std::unique_ptr<BodyEditor> editor = make_body_editor(context, engine());
  Released out;
  editor->feed(beginning, out);
  editor->end_early(notice, out);
  return out.bytes;
}

std::string source_file(const std::string& path) {
  std::ifstream in(std::filesystem::path(VEILWIRE_SOURCE_DIR) / path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}
std::string golden(const std::string& name) { return source_file("tests/golden/" + name); }

std::vector<std::string> golden_files(const std::string& folder, const std::string& extension) {
  const std::filesystem::path root =
      std::filesystem::path(VEILWIRE_SOURCE_DIR) / "tests" / "golden";
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(root / folder)) {
    if (entry.path().extension() == extension)
      names.push_back(folder + "/" + entry.path().filename().string());
  }
  std::ranges::sort(names);
  EXPECT_FALSE(names.empty()) << folder;
  return names;
}

namespace {
std::string with_line_ends(const std::string& text, std::string_view end) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += end;
    } else if (c != '\r') {
      out += c;
    }
  }
  return out;
}
}  // namespace
std::string with_crlf(std::string text) { return with_line_ends(text, "\r\n"); }
std::string with_cr(std::string text) { return with_line_ends(text, "\r"); }

std::string without_masks(const Outcome& outcome) {
  std::string bytes = outcome.bytes;
  for (auto mask = outcome.masks.rbegin(); mask != outcome.masks.rend(); ++mask) {
    std::istringstream in(*mask);
    std::string rule;
    std::size_t offset = 0, length = 0, released = 0;
    in >> rule >> offset >> length >> released;
    bytes.erase(offset, released);
  }
  return bytes;
}

std::vector<Event> read_events(std::string_view stream) {
  std::vector<Event> events;
  if (stream.starts_with("\xEF\xBB\xBF")) stream.remove_prefix(3);
  Event event;
  bool has_data = false;
  while (!stream.empty()) {
    const std::size_t end = stream.find_first_of("\r\n");
    if (end == std::string_view::npos) break;
    const std::string_view line = stream.substr(0, end);
    stream.remove_prefix(stream.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
    if (line.empty()) {
      if (has_data) events.push_back(event);
      event.name.clear();
      event.data.clear();
      has_data = false;
      continue;
    }
    const std::size_t colon = line.find(':');
    const std::string_view field = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "event") event.name = value;
    if (field == "id") event.id = value;
    if (field == "data") {
      if (has_data) event.data += '\n';
      event.data += value;
      has_data = true;
    }
  }
  return events;
}

std::string without_lone_surrogates(std::string text) {
  for (std::size_t at = 0; (at = text.find('\\', at)) != std::string::npos;) {
    const auto half = [&](std::size_t where) {
      const bool is_half =
          where + 6 <= text.size() && text.compare(where, 3, "\\ud") == 0 && text[where + 3] >= '8';
      return !is_half ? '\0' : text[where + 3] >= 'c' ? 'l' : 'h';
    };
    if (half(at) == 'h' && half(at + 6) == 'l') {
      at += 12;
    } else if (half(at) != '\0') {
      text.replace(at + 2, 4, "fffd");
      at += 6;
    } else {
      at += 2;
    }
  }
  return text;
}

Message read_message(std::string_view stream) {
  Message message;
  const auto wrong = [&message](const std::string& what) {
    if (message.wrong.empty()) message.wrong = what;
  };
  for (const Event& event : read_events(stream)) {
    if (event.data.empty()) continue;
    const json data = json::parse(without_lone_surrogates(event.data), nullptr, false);
    if (data.is_discarded()) {
      wrong("data is not JSON: " + event.data);
      continue;
    }
    const std::string type = data.value("type", event.name);
    message.order.push_back(type);
    if (!event.name.empty() && event.name != type) wrong("name is not type: " + event.name);
    if (message.stopped) wrong("an event behind the end: " + type);
    if (type == "message_start") {
      if (message.started) wrong("started twice");
      message.started = true;
    } else if (type == "content_block_start") {
      if (!message.started) wrong("a block before the message");
      if (data["index"] != message.blocks.size()) wrong("a block out of order");
      if (!message.stop_reason.empty()) wrong("a block behind message_delta");
      Block block;
      block.start = data["content_block"];
      block.type = block.start.value("type", "");
      for (const char* member : {"text", "thinking"}) {
        if (block.start.contains(member)) block.text[member] = block.start[member];
      }
      message.blocks.push_back(block);
    } else if (type == "content_block_delta" || type == "content_block_stop") {
      const std::size_t index = data["index"];
      if (index >= message.blocks.size() || !message.blocks[index].open) {
        wrong("no such block is open");
        continue;
      }
      Block& block = message.blocks[index];
      if (type == "content_block_stop") {
        block.open = false;
        continue;
      }
      const json& delta = data["delta"];
      const std::string kind = delta["type"];
      if (kind == "text_delta") block.text["text"] += delta["text"].get<std::string>();
      if (kind == "thinking_delta") block.text["thinking"] += delta["thinking"].get<std::string>();
      if (kind == "input_json_delta")
        block.text["partial_json"] += delta["partial_json"].get<std::string>();
      if (kind == "compaction_delta") {
        // Whole, as @anthropic-ai/sdk 1.12 takes it (lib/BetaMessageStream.mjs).
        block.text["compaction"] = delta["content"].get<std::string>();
        block.encrypted_content = delta["encrypted_content"];
      }
      if (kind == "signature_delta") block.signature = delta["signature"];
      if (kind == "citations_delta") block.citations.push_back(delta["citation"]);
    } else if (type == "message_delta") {
      for (const Block& block : message.blocks) {
        if (block.open) wrong("message_delta before the end of a block");
      }
      if (!data["usage"].contains("output_tokens")) wrong("no usage");
      message.stop_reason = data["delta"].value("stop_reason", "");
    } else if (type == "message_stop") {
      if (message.stop_reason.empty()) wrong("stopped without a reason");
      message.stopped = true;
    } else if (type == "error") {
      message.error = true;
    }
  }
  return message;
}

}  // namespace veilwire::flow
