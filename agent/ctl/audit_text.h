// Recorded bytes on an auditor's screen. They were chosen by a model, a server or a client: nothing
// among them may move the cursor, set the title, answer a query of the terminal or turn the reading
// direction. Tested by tests/unit/ctl/audit_text_test.cpp over every split.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::ctl {

// Text that comes in pieces. Line feeds and tabs of a body stay; other control characters, bytes
// that are not UTF-8, and characters that turn or hide text become \xNN or \u{NNNN}, a backslash
// stays.
class VisibleText {
 public:
  std::string feed(std::string_view bytes);
  std::string finish();  // what is left of an incomplete character

 private:
  std::string held_;  // the beginning of a character, at most 3 bytes
};

// The same for one line: line feeds and tabs are escaped as well.
std::string visible_line(std::string_view bytes);
// At most `columns` characters, the last of them an ellipsis when something was cut.
std::string visible_cell(std::string_view bytes, std::size_t columns);
// JSON in another spelling: what a terminal could act on stands as \uNNNN. json must be valid.
std::string visible_json(std::string_view json);

// "2026-11-23 18:00:00.123 UTC"
std::string wall_text(std::int64_t wall_ns);
// "3.204 s"
std::string seconds_text(std::int64_t ns);

// "90s", "30m", "12h", "7d" before now; "today"; "2026-11-23"; "2026-11-23 18:00"; with seconds and
// "T" and "Z" too: all UTC. In nanoseconds since 1970; nullopt for anything else.
std::optional<std::int64_t> parse_since(std::string_view text, std::int64_t now_wall_ns);

}  // namespace veilwire::ctl
