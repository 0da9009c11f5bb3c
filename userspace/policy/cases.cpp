#include "userspace/policy/cases.h"

#include "userspace/policy/strict_reader.h"

#include <algorithm>
#include <utility>

namespace veilwire::policy {
namespace {

constexpr std::int64_t kMostMinutes = std::int64_t{365} * 24 * 60;

std::string named(StrictReader& reader) {
  reader.require("name", "one sentence that says what the policy must do");
  return reader.text("name").value_or("");
}

DecideCase read_decide(const Value& entry, Errors& errors) {
  StrictReader reader(entry, "[[decide]]", errors);
  DecideCase c;
  c.line = reader.place().line;
  c.name = named(reader);
  c.host = reader.text("host").value_or("");
  reader.require("direction", "\"request\" or \"response\"");
  if (auto direction = reader.choice<Direction>(
          "direction", {{"request", Direction::Request}, {"response", Direction::Response}}))
    c.direction = *direction;
  c.rule = reader.text("rule").value_or("");
  c.category = reader.text("category").value_or("");
  if (reader.has("groups")) c.groups.emplace();
  for (const Value* group : reader.texts("groups")) c.groups->push_back(group->text);
  reader.require("expect", "\"pass\", \"mask\" or \"block\"");
  if (auto action = reader.choice<Action>(
          "expect", {{"pass", Action::Pass}, {"mask", Action::Mask}, {"block", Action::Block}}))
    c.expect = *action;
  reader.close();
  return c;
}

InterceptCase read_intercept(const Value& entry, Errors& errors) {
  StrictReader reader(entry, "[[intercept]]", errors);
  InterceptCase c;
  c.line = reader.place().line;
  c.name = named(reader);
  reader.require("server_name", "the name that a client asks for in TLS");
  c.server_name = reader.text("server_name").value_or("");
  reader.require("expect", "\"anthropic\", \"mcp\", \"generic\" or \"pass\"");
  if (auto service =
          reader.choice<std::optional<Service>>("expect", {{"anthropic", Service::Anthropic},
                                                           {"mcp", Service::Mcp},
                                                           {"generic", Service::Generic},
                                                           {"pass", std::nullopt}}))
    c.expect = *service;
  reader.close();
  return c;
}

UninspectedCase read_uninspected(const Value& entry, Errors& errors) {
  StrictReader reader(entry, "[[uninspected]]", errors);
  UninspectedCase c;
  c.line = reader.place().line;
  c.name = named(reader);
  reader.require("what", "one of the keys of [uninspected] in a policy");
  std::pair<std::string_view, Uninspected> kinds[kUninspectedKinds];
  for (std::size_t i = 0; i < kUninspectedKinds; ++i) {
    const auto what = static_cast<Uninspected>(i);
    kinds[i] = {to_string(what), what};
  }
  if (auto what = reader.choice<Uninspected>("what", kinds)) c.what = *what;
  reader.require("expect", "\"pass\" or \"block\"");
  if (auto action =
          reader.choice<Action>("expect", {{"pass", Action::Pass}, {"block", Action::Block}}))
    c.expect = *action;
  reader.close();
  return c;
}

StaleCase read_stale(const Value& entry, Errors& errors) {
  StrictReader reader(entry, "[[stale]]", errors);
  StaleCase c;
  c.line = reader.place().line;
  c.name = named(reader);
  c.host = reader.text("host").value_or("");
  for (const Value* group : reader.texts("groups")) c.groups.push_back(group->text);
  reader.require("age_minutes", "how old the last word on the person is");
  if (const Value* age = reader.of_kind("age_minutes", Value::Kind::Integer)) {
    if (age->number < 0 || age->number > kMostMinutes)
      errors.add(age->place,
                 "age_minutes is a whole number from 0 to " + std::to_string(kMostMinutes));
    c.age = std::chrono::minutes(age->number);
  }
  reader.require("expect", "\"pass\" or \"block\"");
  if (auto action =
          reader.choice<Action>("expect", {{"pass", Action::Pass}, {"block", Action::Block}}))
    c.expect = *action;
  reader.close();
  return c;
}

void expect_equal(std::string_view file, std::uint32_t line, std::string_view name,
                  std::string_view expected, std::string_view got,
                  std::vector<PolicyError>& failures) {
  if (expected == got) return;
  failures.push_back({std::string(file), line, 1,
                      std::string(name) + ": expected \"" + std::string(expected) +
                          "\", the policy answers \"" + std::string(got) + "\""});
}

}  // namespace

Result<Cases, std::vector<PolicyError>> parse_cases(std::string_view toml, std::string_view file) {
  const auto document = parse_document(toml, file);
  if (!document) return Unexpected{std::vector<PolicyError>{document.error()}};
  Errors errors(file);
  StrictReader root(*document, "", errors);
  Cases cases;
  cases.file = file;
  if (!root.has("policy"))
    errors.add({1, 1}, "policy is missing: the path of the policy that the cases are about");
  cases.policy = root.text("policy").value_or("");
  for (const Value* entry : root.tables("decide"))
    cases.decide.push_back(read_decide(*entry, errors));
  for (const Value* entry : root.tables("intercept"))
    cases.intercept.push_back(read_intercept(*entry, errors));
  for (const Value* entry : root.tables("uninspected"))
    cases.uninspected.push_back(read_uninspected(*entry, errors));
  for (const Value* entry : root.tables("stale")) cases.stale.push_back(read_stale(*entry, errors));
  root.close();
  if (cases.size() == 0 && errors.count() == 0)
    errors.add({1, 1}, "no case: write [[decide]], [[intercept]], [[uninspected]] or [[stale]]");
  auto list = std::move(errors).take();
  if (!list.empty()) return Unexpected{std::move(list)};
  return cases;
}

std::vector<PolicyError> run(const Policy& policy, const Cases& cases) {
  std::vector<PolicyError> failures;
  for (const DecideCase& c : cases.decide) {
    identity::Person person;
    if (c.groups) person.groups = *c.groups;
    Facts facts;
    facts.direction = c.direction;
    facts.host = c.host;
    facts.person = c.groups ? &person : nullptr;
    facts.rule = c.rule;
    facts.category = c.category;
    expect_equal(cases.file, c.line, c.name, to_string(c.expect), to_string(decide(policy, facts)),
                 failures);
  }
  for (const InterceptCase& c : cases.intercept) {
    const Host* host = find_host(policy, c.server_name);
    expect_equal(cases.file, c.line, c.name, c.expect ? to_string(*c.expect) : "pass",
                 host != nullptr ? to_string(host->speaks) : "pass", failures);
  }
  for (const UninspectedCase& c : cases.uninspected)
    expect_equal(cases.file, c.line, c.name, to_string(c.expect),
                 to_string(uninspected_action(policy, c.what)), failures);
  for (const StaleCase& c : cases.stale) {
    identity::Person person;
    person.groups = c.groups;
    const bool passes = Monotonic{c.age} < stale_until(policy, c.host, person);
    expect_equal(cases.file, c.line, c.name, to_string(c.expect), passes ? "pass" : "block",
                 failures);
  }
  std::stable_sort(failures.begin(), failures.end(),
                   [](const PolicyError& a, const PolicyError& b) { return a.line < b.line; });
  return failures;
}

}  // namespace veilwire::policy
