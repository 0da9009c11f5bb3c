#include "agent/setup/agent_tables.h"

#include "agent/host/config.h"
#include "agent/setup/agent_keys.h"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <vector>

#include <toml++/toml.h>

namespace veilwire::setup {
namespace {

// Read by agent/setup/answers.cpp.
constexpr std::string_view kOwnTables[] = {"ca", "host", "policy", "services", "trust"};

[[noreturn]] void refuse(const std::string& name, const toml::source_region& where,
                         const std::string& why) {
  throw host::ConfigError(name + ":" + std::to_string(where.begin.line) + ":" +
                          std::to_string(where.begin.column) + ": " + why);
}

toml::table parse(std::string_view text, const std::string& name) {
  toml::parse_result parsed = toml::parse(text, name);
  if (!parsed) refuse(name, parsed.error().source(), std::string(parsed.error().description()));
  return std::move(parsed).table();
}

bool has_word(std::string_view words, std::string_view word) {
  for (std::size_t begin = 0; begin <= words.size();) {
    const std::size_t end = std::min(words.find(' ', begin), words.size());
    if (words.substr(begin, end - begin) == word) return true;
    begin = end + 1;
  }
  return false;
}

void check_keys(const toml::table& table, const ProgramKeys& program, const std::string& name);

void check_node(const toml::node& node, const ProgramKeys& program, const std::string& name) {
  if (const auto* inner = node.as_table()) {
    check_keys(*inner, program, name);
  } else if (const auto* list = node.as_array()) {
    for (const toml::node& element : *list) check_node(element, program, name);
  }
}

void check_keys(const toml::table& table, const ProgramKeys& program, const std::string& name) {
  for (const auto& [key, node] : table) {
    if (!has_word(program.keys, key.str()))
      refuse(name, key.source(),
             "[" + std::string(program.table) + "] " + std::string(key.str()) +
                 ": unknown key; veilwire-" + std::string(program.table) + "(8) has them all");
    check_node(node, program, name);
  }
}

const ProgramKeys* program_of(std::string_view table) {
  const auto* found = std::find_if(std::begin(kProgramKeys), std::end(kProgramKeys),
                                   [&](const ProgramKeys& one) { return one.table == table; });
  return found == std::end(kProgramKeys) ? nullptr : found;
}

std::string text_of(const toml::table& table) {
  std::ostringstream out;
  out << toml::toml_formatter{table};
  std::string text = out.str();
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text + "\n";
}

// The first name in a table's header, "[[forwarder.sink]]"; empty: the line is none.
std::string header_of(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(" \t");
  if (begin == line.npos || line[begin] != '[') return {};
  const std::size_t name = line.find_first_not_of("[ \t", begin);
  if (name == line.npos) return {};
  return std::string(line.substr(name, line.find_first_of(".] \t", name) - name));
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

bool is_remark(const std::string& line) {
  const std::size_t begin = line.find_first_not_of(" \t");
  return begin == line.npos || line[begin] == '#';
}

std::string replace_table(std::string_view text, const std::string& table,
                          const std::string& written) {
  const std::vector<std::string> lines = lines_of(text);
  std::size_t begin = 0;
  while (begin < lines.size() && header_of(lines[begin]) != table) ++begin;
  std::size_t end = begin;
  while (end < lines.size() &&
         (end == begin || header_of(lines[end]).empty() || header_of(lines[end]) == table))
    ++end;
  // What stands above the next header is about that one.
  if (end != lines.size())
    while (end > begin + 1 && is_remark(lines[end - 1])) --end;
  std::string out;
  for (std::size_t i = 0; i < begin; ++i) out += lines[i] + "\n";
  if (begin == lines.size() && !out.empty()) out += "\n";
  out += written;
  if (end < lines.size() && !lines[end].empty()) out += "\n";
  for (std::size_t i = end; i < lines.size(); ++i) out += lines[i] + "\n";
  return out;
}

bool holds(const toml::table& whole, const toml::table& part) {
  return std::all_of(part.begin(), part.end(), [&](const auto& entry) {
    const toml::node* node = whole.get(entry.first);
    if (node == nullptr) return false;
    if (entry.second.is_table())
      return node->is_table() && holds(*node->as_table(), *entry.second.as_table());
    std::ostringstream a, b;
    a << toml::toml_formatter{toml::table{{"x", *node}}};
    b << toml::toml_formatter{toml::table{{"x", entry.second}}};
    return a.str() == b.str();
  });
}

}  // namespace

std::string agent_tables(std::string_view answers, const std::string& name) {
  toml::table all = parse(answers, name);
  toml::table programs;
  for (const auto& [key, node] : all) {
    const std::string table(key.str());
    const bool own =
        std::find(std::begin(kOwnTables), std::end(kOwnTables), table) != std::end(kOwnTables);
    const ProgramKeys* program = program_of(table);
    if (!node.is_table() || (!own && program == nullptr)) {
      std::string names;
      for (const std::string_view one : kOwnTables) names += "[" + std::string(one) + "], ";
      for (const ProgramKeys& one : kProgramKeys) names += "[" + std::string(one.table) + "], ";
      refuse(name, key.source(),
             table + (node.is_table() ? ": unknown table" : ": stands outside of a table") +
                 "; tables are: " + names.substr(0, names.size() - 2));
    }
    if (program == nullptr) continue;
    check_keys(*node.as_table(), *program, name);
    programs.insert(table, node);
  }
  return programs.empty() ? std::string() : text_of(programs);
}

bool says_tables(std::string_view agent_toml, std::string_view tables, const std::string& name) {
  return holds(parse(agent_toml, name), parse(tables, name));
}

std::string with_tables(std::string_view agent_toml, std::string_view tables,
                        const std::string& name) {
  const toml::table base = parse(agent_toml, name);
  std::string text(agent_toml);
  for (const auto& [key, node] : parse(tables, name)) {
    toml::table merged;
    if (const auto* present = base[key.str()].as_table()) merged = *present;
    for (const auto& [inner, value] : *node.as_table()) merged.insert_or_assign(inner, value);
    toml::table written;
    written.insert(key.str(), std::move(merged));
    text = replace_table(text, std::string(key.str()), text_of(written));
  }
  if (!says_tables(text, tables, name))
    throw std::runtime_error(name + ": its tables cannot be told apart");
  return text;
}

AgentFacts agent_facts(std::string_view agent_toml, const std::string& name) {
  const host::Config config = host::Config::parse(agent_toml, name);
  const host::ConfigSection signer = config.section("signer"), proxy = config.section("proxy"),
                            recorder = config.section("recorder");
  AgentFacts facts;
  facts.certificate = signer.text("certificate", "/etc/veilwire/ca.pem");
  facts.key = signer.text("key", "/var/lib/veilwire-signer/ca.key");
  facts.signer_user = signer.text("user", "veilwire-signer");
  facts.site_key = proxy.text("site_key", "/var/lib/veilwire/site.key");
  facts.policy = proxy.text("policy", "/etc/veilwire/policy.toml");
  facts.proxy_user = proxy.text("user", "veilwire");
  facts.ledger = recorder.text("database", "/var/lib/veilwire-recorder/ledger.db");
  facts.recorder_user = recorder.text("user", "veilwire-recorder");
  facts.provider = config.section("identity").text("provider", "local");
  facts.cgroup = config.section("redirector").text("cgroup", "/");
  facts.has_sinks = !config.section("forwarder").tables("sink").empty();
  facts.has_credentials = !config.section("credentials").tables("source").empty();
  return facts;
}

}  // namespace veilwire::setup
