#include "userspace/masking/rule_pack.h"

#include "userspace/base/ascii.h"
#include "userspace/masking/boundary.h"
#include "userspace/masking/validators.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include <toml++/toml.h>

namespace veilwire::masking {
namespace {

// A number of rules and a length of an expression that no pack written by a person reaches.
constexpr std::size_t kMaxRules = 10'000;
constexpr std::size_t kMaxPattern = 64 * 1024;
constexpr std::int64_t kMaxGroup = 100;

class Reader {
 public:
  Result<RulePack, PackError> read(const toml::table& root, std::string_view name) {
    RulePack pack;
    pack.name = name;
    bool widen = false;
    for (const auto& [key, node] : root) {
      if (key == "title" || key == "description") continue;
      if (key == "allowlist" || key == "allowlists" || key == "minVersion") {
        // gitleaks' own keys. Its global allowlists are not taken over: they drop any secret that
        // contains "false".
        pack.foreign = true;
      } else if (key == "foreign") {
        if (yes(node)) pack.foreign = true;
      } else if (key == "widen_boundaries") {
        widen = yes(node);
      } else if (key == "extend") {
        fail(node, "extend: a pack stands for itself; list both packs in the policy");
      } else if (key == "rules") {
        rules(node, pack);
      } else {
        unknown(key, node);
      }
    }
    if (error_) return Unexpected{*error_};
    if (widen) {
      for (Rule& rule : pack.rules) {
        if (!rule.regex.empty()) rule.regex = widen_boundary(rule.regex);
      }
    }
    return pack;
  }

 private:
  void fail(const toml::node& at, std::string message) {
    if (error_) return;
    const auto& begin = at.source().begin;
    error_ = PackError{static_cast<std::uint32_t>(begin.line),
                       static_cast<std::uint32_t>(begin.column), std::move(message)};
  }
  void unknown(const toml::key& key, const toml::node&) {
    if (error_) return;
    const auto& begin = key.source().begin;
    error_ =
        PackError{static_cast<std::uint32_t>(begin.line), static_cast<std::uint32_t>(begin.column),
                  "unknown key '" + std::string(key.str()) + "'"};
  }

  void rules(const toml::node& node, RulePack& pack) {
    const toml::array* list = node.as_array();
    if (list == nullptr) return fail(node, "rules is written [[rules]]");
    if (list->size() > kMaxRules) return fail(node, "more than 10000 rules");
    std::set<std::string> ids;
    for (const toml::node& element : *list) {
      const toml::table* table = element.as_table();
      if (table == nullptr) return fail(element, "rules is written [[rules]]");
      auto rule = one(*table);
      if (error_) return;
      if (!rule) continue;
      if (!ids.insert(rule->id).second) return fail(element, "a second rule '" + rule->id + "'");
      pack.rules.push_back(std::move(*rule));
    }
  }

  // nullopt: a gitleaks rule that looks at file names only.
  std::optional<Rule> one(const toml::table& table) {
    Rule rule;
    bool path = false;
    const toml::node* regex = nullptr;
    for (const auto& [key, node] : table) {
      const std::string_view k = key.str();
      if (k == "id")
        text(node, rule.id);
      else if (k == "description")
        text(node, rule.description);
      else if (k == "category")
        text(node, rule.category);
      else if (k == "regex")
        regex = &node, text(node, rule.regex);
      else if (k == "secretGroup")
        rule.secret_group = static_cast<std::uint32_t>(integer(node, 0, kMaxGroup));
      else if (k == "max_length")
        rule.max_length = static_cast<std::uint32_t>(integer(node, 1, INT32_MAX));
      else if (k == "entropy")
        rule.entropy = number(node);
      else if (k == "keywords")
        texts(node, rule.keywords), lower(rule.keywords);
      else if (k == "begin")
        text(node, rule.begin);
      else if (k == "end")
        text(node, rule.end);
      else if (k == "validator")
        validator(node, rule.validator);
      else if (k == "replacement")
        text(node, rule.replacement);
      else if (k == "positive")
        texts(node, rule.positive);
      else if (k == "negative")
        texts(node, rule.negative);
      else if (k == "source")
        text(node, rule.source);
      else if (k == "path")
        path = true;
      else if (k == "tags" || k == "confidence" || k == "skipReport")
        continue;
      else if (k == "allowlist")
        allowlist(node, rule);
      else if (k == "allowlists")
        allowlists(node, rule);
      else if (k == "required")
        fail(node, "required: a rule that asks for another rule's finding is not supported");
      else
        unknown(key, node);
      if (error_) return std::nullopt;
    }
    if (rule.regex.empty() && rule.begin.empty() && rule.end.empty() && path) return std::nullopt;
    check(table, regex, rule);
    if (error_) return std::nullopt;
    if (rule.category.empty()) rule.category = "secret";
    return rule;
  }

  void check(const toml::table& table, const toml::node* regex, const Rule& rule) {
    const auto named = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    };
    if (rule.id.empty()) return fail(table, "a rule without an id");
    if (rule.id.size() > 64 || !std::all_of(rule.id.begin(), rule.id.end(), named)) {
      return fail(table, "the id '" + rule.id +
                             "' is not of lower-case letters, digits and hyphens, at most 64");
    }
    const std::string who = "rule '" + rule.id + "': ";
    if (rule.begin.empty() != rule.end.empty())
      return fail(table, who + "begin and end belong together");
    if (rule.regex.empty() == rule.begin.empty())
      return fail(table, who + "either regex, or begin and end");
    if (rule.regex.size() > kMaxPattern)
      return fail(regex != nullptr ? *regex : table, who + "regex above 64 KiB");
    if (!rule.begin.empty() && rule.secret_group != 0)
      return fail(table, who + "a begin/end rule has no secretGroup");
  }

  void allowlists(const toml::node& node, Rule& rule) {
    const toml::array* list = node.as_array();
    if (list == nullptr) return fail(node, "allowlists is written [[rules.allowlists]]");
    for (const toml::node& element : *list) allowlist(element, rule);
  }

  // What depends on file names, commits or the line around the secret has no meaning in a stream.
  // Leaving such a list out masks more, never less.
  void allowlist(const toml::node& node, Rule& rule) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return fail(node, "an allowlist is a table");
    std::vector<std::string> regexes, stopwords;
    std::string target, condition;
    bool elsewhere = false;
    for (const auto& [key, value] : *table) {
      const std::string_view k = key.str();
      if (k == "regexes")
        texts(value, regexes);
      else if (k == "stopwords")
        texts(value, stopwords), lower(stopwords);
      else if (k == "regexTarget")
        text(value, target);
      else if (k == "condition")
        text(value, condition);
      else if (k == "paths" || k == "commits")
        elsewhere = true;
      else if (k == "description")
        continue;
      else
        unknown(key, value);
    }
    std::transform(condition.begin(), condition.end(), condition.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    if (!condition.empty() && condition != "AND" && condition != "OR" && condition != "&&" &&
        condition != "||") {
      return fail(node, "condition is AND or OR");
    }
    const bool all = condition == "AND" || condition == "&&";
    if (!target.empty() && target != "secret" && target != "match" && target != "line")
      return fail(node, "regexTarget is secret, match or line");
    if (all && elsewhere) return;
    if (all && !regexes.empty() && !stopwords.empty()) {
      if (target != "line") rule.allow_both.push_back({regexes, target == "match", stopwords});
      return;
    }
    if (target.empty() || target == "secret") {
      rule.allow.insert(rule.allow.end(), regexes.begin(), regexes.end());
    } else if (target == "match") {
      rule.allow_match.insert(rule.allow_match.end(), regexes.begin(), regexes.end());
    }
    rule.stopwords.insert(rule.stopwords.end(), stopwords.begin(), stopwords.end());
  }

  void validator(const toml::node& node, std::string& out) {
    text(node, out);
    if (!error_ && find_validator(out) == nullptr) fail(node, "unknown validator '" + out + "'");
  }

  void text(const toml::node& node, std::string& out) {
    const auto value = node.value_exact<std::string>();
    if (!value) return fail(node, "expected a string");
    out = *value;
  }

  bool yes(const toml::node& node) {
    const auto value = node.value_exact<bool>();
    if (!value) fail(node, "expected true or false");
    return value.value_or(false);
  }

  void texts(const toml::node& node, std::vector<std::string>& out) {
    const toml::array* list = node.as_array();
    if (list == nullptr) return fail(node, "expected a list of strings");
    for (const toml::node& element : *list) text(element, out.emplace_back());
  }

  static void lower(std::vector<std::string>& words) {
    for (std::string& word : words) word = to_lower(word);
    std::erase(words, std::string());
  }

  std::int64_t integer(const toml::node& node, std::int64_t lo, std::int64_t hi) {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < lo || *value > hi) {
      fail(node, "expected a number from " + std::to_string(lo) + " to " + std::to_string(hi));
      return lo;
    }
    return *value;
  }

  double number(const toml::node& node) {
    const auto value = node.value<double>();
    if (!value || !std::isfinite(*value) || *value < 0 || *value > 8) {
      fail(node, "expected bits a byte, from 0 to 8");
      return 0;
    }
    return *value;
  }

  std::optional<PackError> error_;
};

}  // namespace

Result<RulePack, PackError> parse_rule_pack(std::string_view toml, std::string_view name) {
  const toml::parse_result parsed = toml::parse(toml, name);
  if (!parsed) {
    const auto& begin = parsed.error().source().begin;
    return Unexpected{PackError{static_cast<std::uint32_t>(begin.line),
                                static_cast<std::uint32_t>(begin.column),
                                std::string(parsed.error().description())}};
  }
  return Reader().read(parsed.table(), name);
}

}  // namespace veilwire::masking
