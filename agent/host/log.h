// One line a thing an operator wants to know, to standard error, where the journal takes it. Never
// a byte of a body, a credential or a secret: those have no formatter, and a test scans for them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace veilwire::host::log {

enum class Level : std::uint8_t { Debug, Info, Warning, Error };

// program prefixes each line; "debug", "info", "warning" or "error" from configuration. Throws on
// another name.
void start(std::string_view program, std::string_view level);

// From any thread. Throws on another name, and changes nothing.
void set_level(std::string_view level);

void write(Level level, std::string_view line);
inline void debug(std::string_view line) { write(Level::Debug, line); }
inline void info(std::string_view line) { write(Level::Info, line); }
inline void warning(std::string_view line) { write(Level::Warning, line); }
inline void error(std::string_view line) { write(Level::Error, line); }

// Text from outside, made safe for a terminal and a line: control bytes as \xNN, cut at 256 bytes.
std::string printable(std::string_view untrusted);

}  // namespace veilwire::host::log
