// What the tests of all editors share: an engine with made-up rules, a run over pieces, and a
// client that reads the Messages API's stream on its own.
#pragma once

#include "tests/support/every_split.h"
#include "userspace/flow/body_editor.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace veilwire::flow {

// Of tests/support/made_up_rules.h.
std::shared_ptr<const masking::Engine> engine();
// Of one rule.
std::shared_ptr<const masking::Engine> engine_of(
    const std::string& id, const std::string& regex,
    masking::Treatment treatment = masking::Treatment::Mask);
// The text with its findings replaced, as a whole.
std::string masked(std::string_view text);

inline constexpr std::string_view kToken = "sk-Abcdefgh01234567";
inline constexpr std::string_view kRefused = "bk-Abcdefgh01234567";

struct Outcome {
  std::string bytes;
  std::vector<std::string> masks;  // "rule offset original-length released-length"
  std::string blocked;
  bool malformed = false;
  bool operator==(const Outcome&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Outcome& outcome);

// Feeds and finishes.
Outcome run(const EditorContext& context, const testing::Pieces& pieces);
inline Outcome run(const EditorContext& context, std::string_view body) {
  return run(context, testing::Pieces{body});
}
// Feeds the beginning of a body and ends it early.
std::string cut_short(const EditorContext& context, std::string_view beginning,
                      std::string_view notice);

std::string source_file(const std::string& path);  // of the project
std::string golden(const std::string& name);
std::vector<std::string> golden_files(const std::string& folder, const std::string& extension);
std::string with_crlf(std::string text);
std::string with_cr(std::string text);

// JSON with halves of surrogate pairs, which clients take and the parser of the tests does not,
// made readable for it.
std::string without_lone_surrogates(std::string text);

// Each mask stands where it says: returns the text with every replacement taken out by offset and
// released length.
std::string without_masks(const Outcome& outcome);

// Reads server-sent events as WHATWG says, without any of the code under test.
struct Event {
  std::string name, data, id;
};
std::vector<Event> read_events(std::string_view stream);

// What a client has in its hands behind a stream of the Messages API.
struct Block {
  std::string type;
  std::map<std::string, std::string> text;  // "text", "thinking", "partial_json", "compaction"
  nlohmann::json start;
  std::vector<nlohmann::json> citations;
  std::string signature;
  nlohmann::json encrypted_content;
  bool open = true;
};
struct Message {
  std::vector<Block> blocks;
  std::vector<std::string> order;  // event names
  bool started = false, stopped = false, error = false;
  std::string stop_reason;
  std::string wrong;  // a rule of the protocol that the stream breaks, or data that does not parse
};
Message read_message(std::string_view stream);

}  // namespace veilwire::flow
