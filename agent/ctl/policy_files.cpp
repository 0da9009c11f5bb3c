#include "agent/ctl/policy_files.h"

#include "agent/ctl/audit_text.h"
#include "agent/host/clock.h"
#include "agent/host/log.h"
#include "userspace/policy/auditors.h"
#include "userspace/policy/consistency.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <system_error>

namespace veilwire::ctl {
namespace {

// The largest public rule file has 130 kB; beyond this it is the wrong file.
constexpr std::uintmax_t kLargestFile = 16 * 1024 * 1024;

// PolicyErrors of packs carry no line when only a rule's id is known.
void add_missing_lines(Problems& problems, const std::map<std::string, std::string>& texts,
                       const std::string& id) {
  for (policy::PolicyError& problem : problems) {
    const auto text = texts.find(problem.file);
    if (problem.line != 0 || text == texts.end()) continue;
    problem.line = line_of_rule(text->second, id);
    problem.column = 1;
  }
}

std::string line_of(std::string_view text, std::uint32_t number) {
  for (std::uint32_t i = 1; i < number; ++i) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return std::string(text.substr(0, text.find('\n')));
}

}  // namespace

Result<std::string, policy::PolicyError> read_text_file(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    return Unexpected{policy::PolicyError{path, 0, 0, "is a folder, not a file"}};
  std::ifstream in(path, std::ios::binary);
  if (!in)
    return Unexpected{policy::PolicyError{path, 0, 0, std::generic_category().message(errno)}};
  std::string bytes(static_cast<std::size_t>(kLargestFile) + 1, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  if (bytes.size() > kLargestFile)
    return Unexpected{policy::PolicyError{
        path, 0, 0, "is larger than 16 MiB: this is not a policy or a rule pack"}};
  return bytes;
}

std::string beside(const std::string& file, const std::string& path) {
  return (std::filesystem::path(file).parent_path() / path).lexically_normal().string();
}

std::uint32_t line_of_rule(std::string_view text, std::string_view id) {
  std::uint32_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string line;
    for (const char c : text.substr(0, end))
      if (c != ' ' && c != '\t') line += c == '\'' ? '"' : c;
    if (line.starts_with("id=\"" + std::string(id) + "\"")) return number;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return 0;
}

EngineWish trial_wish() {
  return {[](const policy::Policy&, const masking::Rule&) { return masking::Treatment::Mask; },
          Secret(std::string(32, 'k'))};
}

Result<PolicyFiles, Problems> load_policy_files(const std::string& path, const EngineWish& wish) {
  const auto text = read_text_file(path);
  if (!text) return Unexpected{Problems{text.error()}};
  return load_policy_text(*text, path, wish);
}

Result<PolicyFiles, Problems> load_policy_text(std::string_view text, const std::string& path,
                                               const EngineWish& wish) {
  auto parsed = policy::parse_reporting_all(text, path);
  if (!parsed) return Unexpected{parsed.error()};
  PolicyFiles files;
  files.policy = std::move(parsed).value();

  Problems problems;
  std::map<std::string, std::string> texts;
  for (const std::string& name : files.policy.rule_packs) {
    const std::string pack_path = beside(path, name);
    auto pack_text = read_text_file(pack_path);
    if (!pack_text) {
      problems.push_back(pack_text.error());
      continue;
    }
    auto pack = masking::parse_rule_pack(*pack_text, pack_path);
    if (pack)
      files.packs.push_back(std::move(pack).value());
    else
      problems.push_back({pack_path, pack.error().line, pack.error().column, pack.error().message});
    texts[pack_path] = *std::move(pack_text);
  }
  std::vector<std::string> certificates;
  for (const policy::AuditorFile& auditor : files.policy.auditors) {
    files.certificates.push_back(beside(path, auditor.path));
    auto pem = read_text_file(files.certificates.back());
    if (pem)
      certificates.push_back(*std::move(pem));
    else
      problems.push_back({path, auditor.line, auditor.column,
                          "auditor " + auditor.path + ": " + pem.error().message});
  }
  if (!problems.empty()) return Unexpected{std::move(problems)};
  const auto auditors = policy::make_auditors(files.policy, certificates, host::now().wall);
  if (!auditors) return Unexpected{Problems{auditors.error()}};

  problems = policy::check_rules(files.policy, files.packs);
  if (!problems.empty()) return Unexpected{std::move(problems)};

  auto engine = masking::compile(
      files.packs, [&](const masking::Rule& rule) { return wish.treatment(files.policy, rule); },
      wish.key);
  if (!engine) {
    const masking::EngineError& error = engine.error();
    std::string file = path;
    for (const masking::RulePack& pack : files.packs)
      for (const masking::Rule& rule : pack.rules)
        if (rule.id == error.rule) file = pack.name;
    problems.push_back(
        {file, 0, 0, (error.rule.empty() ? "" : "rule \"" + error.rule + "\": ") + error.message});
    add_missing_lines(problems, texts, error.rule);
    return Unexpected{std::move(problems)};
  }
  files.engine = std::move(engine).value();
  return files;
}

std::string with_source_lines(const Problems& problems) {
  std::string out;
  for (const policy::PolicyError& problem : problems) {
    out += host::log::printable(problem.file);
    if (problem.line != 0)
      out += ":" + std::to_string(problem.line) + ":" + std::to_string(problem.column);
    out += ": error: " + visible_line(problem.message) + "\n";
    if (problem.line == 0) continue;
    const auto text = read_text_file(problem.file);
    if (!text) continue;
    std::string line = line_of(*text, problem.line);
    std::replace(line.begin(), line.end(), '\t', ' ');
    if (line.ends_with('\r')) line.pop_back();
    constexpr std::size_t kWidest = 160;
    if (line.empty() || problem.column == 0 || problem.column > kWidest) continue;
    // What is escaped in front of the column moves the caret.
    const std::string before = line.substr(0, problem.column - 1);
    const std::size_t caret = problem.column - 1 + visible_line(before).size() - before.size();
    const std::string number = std::to_string(problem.line);
    out += " " + number + " | " + visible_line(line.substr(0, kWidest)) + "\n";
    out += std::string(number.size() + 1, ' ') + " | " + std::string(caret, ' ') + "^\n";
  }
  return out;
}

}  // namespace veilwire::ctl
