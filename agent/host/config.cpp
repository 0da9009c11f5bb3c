#include "agent/host/config.h"

#include "agent/host/trusted_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>

#include <toml++/toml.h>

namespace veilwire::host {
namespace {

constexpr std::string_view kTables[] = {"credentials", "forwarder",  "identity", "metrics", "proxy",
                                        "recorder",    "redirector", "saml",     "signer"};

}  // namespace

struct Config::State {
  toml::table table;
  std::string name;
};

struct ConfigSection::State {
  std::shared_ptr<Config::State> file;
  const toml::table* table = nullptr;
  std::string name;
  std::set<std::string, std::less<>> asked;

  const toml::node* find(std::string_view key) {
    asked.emplace(key);
    return table == nullptr ? nullptr : table->get(key);
  }
  ConfigSection within(std::string_view key, const toml::table* inner) const {
    auto section = std::make_shared<State>();
    section->file = file;
    section->table = inner;
    section->name = name + "." + std::string(key);
    return ConfigSection(std::move(section));
  }
  [[noreturn]] void fail(const toml::source_region& where, std::string_view key,
                         const std::string& why) const {
    throw ConfigError(file->name + ":" + std::to_string(where.begin.line) + ":" +
                      std::to_string(where.begin.column) + ": [" + name + "] " + std::string(key) +
                      ": " + why);
  }
};

Config Config::parse(std::string_view toml, std::string_view name) {
  Config config;
  config.state_ = std::make_shared<State>();
  config.state_->name = name;
  toml::parse_result parsed = toml::parse(toml, name);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    throw ConfigError(std::string(name) + ":" + std::to_string(error.source().begin.line) + ":" +
                      std::to_string(error.source().begin.column) + ": " +
                      std::string(error.description()));
  }
  config.state_->table = std::move(parsed).table();
  return config;
}

Config Config::load(const std::string& path) { return load(path, kTables); }

Config Config::load(const std::string& path, std::span<const std::string_view> tables) {
  if (const auto why = distrust(path)) throw ConfigError(path + ": " + *why);
  std::ifstream in(path, std::ios::binary);
  if (!in) throw ConfigError(path + ": " + std::strerror(errno));
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  Config config = parse(bytes, path);
  config.check_tables(tables);
  return config;
}

void Config::check_tables(std::span<const std::string_view> tables) const {
  for (const auto& [key, node] : state_->table) {
    const bool known = std::find(tables.begin(), tables.end(), key.str()) != tables.end();
    if (known && node.is_table()) continue;
    std::string names;
    for (const std::string_view name : tables)
      names += (names.empty() ? "[" : ", [") + std::string(name) + "]";
    throw ConfigError(state_->name + ":" + std::to_string(key.source().begin.line) + ":" +
                      std::to_string(key.source().begin.column) + ": " + std::string(key.str()) +
                      (node.is_table() ? ": unknown table" : ": stands outside of a table") +
                      "; tables are: " + names);
  }
}

ConfigSection Config::section(std::string_view name) const {
  auto section = std::make_shared<ConfigSection::State>();
  section->file = state_;
  section->name = name;
  if (const toml::node* node = state_->table.get(name)) {
    if (!node->is_table())
      throw ConfigError(state_->name + ":" + std::to_string(node->source().begin.line) + ": " +
                        std::string(name) + " must be a table: [" + std::string(name) + "]");
    section->table = node->as_table();
  }
  return ConfigSection(std::move(section));
}

const std::string& ConfigSection::file() const { return state_->file->name; }

std::string ConfigSection::text(std::string_view key, std::string_view fallback) const {
  const toml::node* node = state_->find(key);
  if (node == nullptr) return std::string(fallback);
  if (const auto* value = node->as_string()) return value->get();
  state_->fail(node->source(), key, "must be a string");
}

std::string ConfigSection::required_text(std::string_view key) const {
  std::string value = text(key, "");
  if (value.empty())
    throw ConfigError(state_->file->name + ": [" + state_->name + "] " + std::string(key) +
                      " is missing");
  return value;
}

std::int64_t ConfigSection::integer(std::string_view key, std::int64_t fallback, std::int64_t low,
                                    std::int64_t high) const {
  const toml::node* node = state_->find(key);
  if (node == nullptr) return fallback;
  const auto* value = node->as_integer();
  if (value == nullptr || value->get() < low || value->get() > high)
    state_->fail(
        node->source(), key,
        "must be a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  return value->get();
}

bool ConfigSection::boolean(std::string_view key, bool fallback) const {
  const toml::node* node = state_->find(key);
  if (node == nullptr) return fallback;
  if (const auto* value = node->as_boolean()) return value->get();
  state_->fail(node->source(), key, "must be true or false");
}

std::vector<std::string> ConfigSection::texts(std::string_view key,
                                              std::vector<std::string> fallback) const {
  const toml::node* node = state_->find(key);
  if (node == nullptr) return fallback;
  const auto* array = node->as_array();
  if (array == nullptr) state_->fail(node->source(), key, "must be a list of strings");
  std::vector<std::string> result;
  for (const toml::node& element : *array) {
    const auto* value = element.as_string();
    if (value == nullptr) state_->fail(element.source(), key, "must be a list of strings");
    result.push_back(value->get());
  }
  return result;
}

std::vector<std::int64_t> ConfigSection::integers(std::string_view key,
                                                  std::vector<std::int64_t> fallback,
                                                  std::int64_t low, std::int64_t high) const {
  const toml::node* node = state_->find(key);
  if (node == nullptr) return fallback;
  const std::string allowed =
      "must be a list of whole numbers from " + std::to_string(low) + " to " + std::to_string(high);
  const auto* array = node->as_array();
  if (array == nullptr) state_->fail(node->source(), key, allowed);
  std::vector<std::int64_t> result;
  for (const toml::node& element : *array) {
    const auto* value = element.as_integer();
    if (value == nullptr || value->get() < low || value->get() > high)
      state_->fail(element.source(), key, allowed);
    result.push_back(value->get());
  }
  return result;
}

ConfigSection ConfigSection::table(std::string_view key) const {
  const toml::node* node = state_->find(key);
  if (node != nullptr && !node->is_table()) state_->fail(node->source(), key, "must be a table");
  return state_->within(key, node == nullptr ? nullptr : node->as_table());
}

std::vector<ConfigSection> ConfigSection::tables(std::string_view key) const {
  const toml::node* node = state_->find(key);
  if (node == nullptr) return {};
  const std::string allowed = "must be a list of tables";
  const auto* array = node->as_array();
  if (array == nullptr) state_->fail(node->source(), key, allowed);
  std::vector<ConfigSection> result;
  for (const toml::node& element : *array) {
    if (!element.is_table()) state_->fail(element.source(), key, allowed);
    result.push_back(state_->within(key, element.as_table()));
  }
  return result;
}

bool ConfigSection::has(std::string_view key) const { return state_->find(key) != nullptr; }

void ConfigSection::refuse(std::string_view key, const std::string& why) const {
  const toml::node* node = state_->find(key);
  if (node != nullptr) state_->fail(node->source(), key, why);
  if (state_->table != nullptr) state_->fail(state_->table->source(), key, why);
  throw ConfigError(state_->file->name + ": [" + state_->name + "] " + std::string(key) + ": " +
                    why);
}

void ConfigSection::check() const {
  if (state_->table == nullptr) return;
  for (const auto& [key, node] : *state_->table) {
    if (state_->asked.contains(key.str())) continue;
    std::string known;
    for (const std::string& name : state_->asked) known += (known.empty() ? "" : ", ") + name;
    state_->fail(key.source(), key.str(), "unknown key; known are: " + known);
  }
}

}  // namespace veilwire::host
