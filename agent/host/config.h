// The agent's own configuration, /etc/veilwire/agent.toml: one file, a table a program. Errors are
// for a person: file, line, column, and what is allowed. Read at start, and log_level again on
// SIGHUP; policy is what changes at run time. Tested by tests/unit/host/config_test.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::host {

inline constexpr const char* kDefaultConfig = "/etc/veilwire/agent.toml";

class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// One table. A missing key gives the default; a key of another type throws; check() throws on a key
// that nobody asked for.
class ConfigSection {
 public:
  std::string text(std::string_view key, std::string_view fallback) const;
  std::string required_text(std::string_view key) const;
  std::int64_t integer(std::string_view key, std::int64_t fallback, std::int64_t low,
                       std::int64_t high) const;
  bool boolean(std::string_view key, bool fallback) const;
  std::vector<std::string> texts(std::string_view key, std::vector<std::string> fallback) const;
  std::vector<std::int64_t> integers(std::string_view key, std::vector<std::int64_t> fallback,
                                     std::int64_t low, std::int64_t high) const;
  // A table in it, and the tables of a list ([[NAME.KEY]]); each is to be checked by itself. An
  // absent one is an empty table, or no tables.
  ConfigSection table(std::string_view key) const;
  std::vector<ConfigSection> tables(std::string_view key) const;
  bool has(std::string_view key) const;
  const std::string& file() const;  // as it was loaded by
  // For what a value means and its type does not tell: throws, with the place of the key, or of the
  // table where the key is not there.
  [[noreturn]] void refuse(std::string_view key, const std::string& why) const;
  // Throws for the first key that no call above has named: a typing error must not silently mean
  // the default.
  void check() const;

 private:
  friend class Config;
  struct State;
  explicit ConfigSection(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

class Config {
 public:
  // Throws ConfigError, also when the file cannot be read, is not to be trusted (trusted_file.h),
  // or has a table of no program: a mistyped one must not silently mean the defaults.
  static Config load(const std::string& path);
  // Of a program that has a file of its own, with these tables.
  static Config load(const std::string& path, std::span<const std::string_view> tables);
  static Config parse(std::string_view toml, std::string_view name);
  // An absent table is an empty one.
  ConfigSection section(std::string_view name) const;

  struct State;  // opaque

 private:
  void check_tables(std::span<const std::string_view> tables) const;
  std::shared_ptr<State> state_;
};

}  // namespace veilwire::host
