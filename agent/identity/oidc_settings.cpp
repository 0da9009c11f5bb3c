#include "agent/identity/oidc_settings.h"

#include "agent/host/confinement.h"
#include "agent/host/protocol/identity.h"
#include "agent/identity/choice.h"
#include "userspace/identity/oidc_provider.h"
#include "userspace/identity/printable.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace veilwire::agent_identity {
namespace {

using host::ConfigSection;
using identity::CiRule;
using identity::ClaimCondition;
using identity::DerivedUse;

constexpr Choice<DerivedUse> kDerived[] = {{"of_login", DerivedUse::OfLogin},
                                           {"separate", DerivedUse::Separate},
                                           {"refused", DerivedUse::Refused}};

std::string printable(const ConfigSection& section, std::string_view key, std::string text) {
  if (!identity::printable(text)) section.refuse(key, "must be printable text");
  return text;
}

// [[identity.account]]: one of subject, claim, email_domain, group.
void read_accounts(const ConfigSection& parent, identity::SubjectSettings& subjects) {
  for (const ConfigSection& section : parent.tables("account")) {
    const int ways = int{section.has("subject")} + int{section.has("claim")} +
                     int{section.has("email_domain")} + int{section.has("group")};
    if (ways != 1)
      section.refuse("account", "needs exactly one of subject, claim, email_domain and group");
    if (section.has("subject")) {
      if (section.has("uid") == section.has("user"))
        section.refuse("subject", "needs either user or uid");
      identity::SubjectEntry entry{
          .subject = printable(section, "subject", section.text("subject", "")), .account = 0U};
      if (section.has("uid"))
        entry.account = static_cast<std::uint32_t>(section.integer("uid", 0, 0, UINT32_MAX - 1));
      else
        entry.account = printable(section, "user", section.text("user", ""));
      subjects.table.push_back(std::move(entry));
    } else if (section.has("claim")) {
      identity::NameClaim claim{.path = section.texts("claim", {}),
                                .domain = section.text("domain", "")};
      if (claim.path.empty()) section.refuse("claim", "needs a name");
      subjects.rules.emplace_back(std::move(claim));
    } else if (section.has("email_domain")) {
      subjects.rules.emplace_back(identity::EmailClaim{
          printable(section, "email_domain", section.text("email_domain", ""))});
    } else {
      subjects.rules.emplace_back(
          identity::GroupAccount{printable(section, "group", section.text("group", "")),
                                 printable(section, "user", section.text("user", ""))});
    }
    section.check();
  }
  if (subjects.table.empty() && subjects.rules.empty())
    parent.refuse("account",
                  "is missing: without a rule whose account is whose, nobody can sign in; for "
                  "example [[identity.account]] with claim = [\"preferred_username\"]");
}

ClaimCondition read_condition(const ConfigSection& section) {
  ClaimCondition condition{.claim = section.texts("claim", {})};
  const int ways =
      int{section.has("is")} + int{section.has("matches")} + int{section.has("is_true")};
  if (ways != 1) section.refuse("when", "needs exactly one of is, matches and is_true");
  if (section.has("is_true")) {
    condition.kind = ClaimCondition::Kind::IsTrue;
    if (!section.boolean("is_true", false)) section.refuse("is_true", "must be true");
  } else if (section.has("matches")) {
    condition.kind = ClaimCondition::Kind::Glob;
    condition.values = section.texts("matches", {});
  } else {
    condition.values = section.texts("is", {});
  }
  section.check();
  return condition;
}

// [[identity.ci]].
std::vector<CiRule> read_ci_rules(const ConfigSection& parent) {
  std::vector<CiRule> rules;
  for (const ConfigSection& section : parent.tables("ci")) {
    CiRule rule;
    rule.name = section.text("name", "");
    rule.issuer = section.text("issuer", "");
    rule.audience = section.text("audience", "");
    rule.groups = section.texts("groups", {});
    rule.display = section.text("display", "{sub}");
    for (const ConfigSection& when : section.tables("when"))
      rule.conditions.push_back(read_condition(when));
    section.check();
    if (!identity::parse_issuer(rule.issuer))
      section.refuse("issuer", "must be an https address without a query");
    if (const auto checked = identity::check_ci_rules({rule}); !checked)
      section.refuse(
          "ci", "rule \"" + rule.name + "\": " + std::string(to_string(checked.error().fault)));
    rules.push_back(std::move(rule));
  }
  return rules;
}

identity::BindingSettings read_bindings(const ConfigSection& section) {
  identity::BindingSettings bindings;
  bindings.derived = choose<DerivedUse>(section, "derived", kDerived);
  bindings.job_may_fill_unit = section.boolean("job_may_fill_unit", false);
  for (const std::string& user : section.texts("runner_users", {})) {
    try {
      bindings.runner_uids.push_back(host::resolve_user(user).uid);
    } catch (const std::exception&) {
      section.refuse("runner_users", "there is no user \"" + user + "\"");
    }
  }
  return bindings;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// Keys that do nothing with one provider: whoever wrote them expects that they do.
constexpr const char* kSamlKeys[] = {"saml_socket", "subject_attribute", "groups_attribute",
                                     "name_attribute"};
constexpr const char* kIssuerKeys[] = {"issuer",
                                       "client_id",
                                       "client_authentication",
                                       "client_secret_file",
                                       "client_key_file",
                                       "client_key_id",
                                       "client_key_algorithm",
                                       "client_key_audience",
                                       "scopes",
                                       "groups_claim",
                                       "redirect_path",
                                       "cached_seconds",
                                       "sender_constrained"};

template <std::size_t N>
void refuse_all(const ConfigSection& section, const char* const (&keys)[N], const char* why) {
  for (const char* const key : keys)
    if (section.has(key)) section.refuse(key, why);
}

std::string printable_if_any(const ConfigSection& section, std::string_view key, std::string text) {
  return text.empty() ? text : printable(section, key, std::move(text));
}

// What does not depend on who says who people are. people: whether they sign in.
void read_common(const ConfigSection& section, OidcSettings& s, bool people, int session_hours) {
  s.subjects.first_person = static_cast<std::uint32_t>(
      section.integer("first_person", 1000, 1, std::int64_t{UINT32_MAX} - 1));
  s.subjects.ignore_case = section.boolean("ignore_case", false);
  if (people) read_accounts(section, s.subjects);
  s.machines = read_machines(section, s.issuer);
  s.transmitters = read_transmitters(section, s.issuer);
  s.bindings = read_bindings(section);

  s.times.fresh_for = std::chrono::seconds(section.integer("fresh_seconds", 90, 1, 600));
  s.times.longest = std::chrono::hours(section.integer("session_hours", session_hours, 1, 24 * 30));
  s.hold = std::chrono::seconds(
      section.integer("hold_seconds", 5, 0, host::protocol::kIdentityLongestHold.count()));
  s.idp_patience = std::chrono::seconds(section.integer("idp_seconds", 10, 1, 60));

  s.roots = section.text("roots", "/etc/ssl/certs/ca-certificates.crt");
  s.people_socket = section.text("people_socket", "/run/veilwire-identity/people.sock");
  s.operator_group = section.text("operator_group", "");
  s.state_file = section.text("state_file", "/var/lib/veilwire-identity/sessions");
  s.key_file = section.text("key_file", "/var/lib/veilwire-identity/sessions.key");
}

}  // namespace

OidcSettings read_oidc_settings(const ConfigSection& section) {
  refuse_all(section, kSamlKeys, "is of no use but with provider = \"saml\"");
  OidcSettings s;
  s.ci_rules = read_ci_rules(section);
  s.client = read_client(section);
  s.client.constraint = read_constraint(section, s.client.method);
  const std::string issuer = section.text("issuer", "");
  if (issuer.empty() && s.ci_rules.empty() && section.tables("machine").empty())
    section.refuse("issuer", "is missing: the address of the identity provider");
  if (!issuer.empty()) {
    s.issuer = identity::parse_issuer(issuer);
    if (!s.issuer) section.refuse("issuer", "must be an https address without a query");
    if (s.client.id.empty())
      section.refuse("client_id", "is missing: the name that the identity provider knows us by");
  }
  const auto scopes = section.texts("scopes", {"openid", "offline_access", "profile"});
  if (std::find(scopes.begin(), scopes.end(), "openid") == scopes.end())
    section.refuse("scopes", "must have \"openid\": without it there is no word about a person");
  s.scope = joined(scopes);
  s.groups_claim = section.texts("groups_claim", {"groups"});
  s.redirect_path = section.text("redirect_path", "/callback");
  if (!s.redirect_path.starts_with('/')) section.refuse("redirect_path", "must begin with /");
  read_common(section, s, s.issuer.has_value(), 12);
  s.times.cached_for = std::chrono::seconds(section.integer("cached_seconds", 900, 0, 86400));
  if (s.times.cached_for < s.times.fresh_for)
    section.refuse("cached_seconds", "must not be below fresh_seconds");
  return s;
}

OidcSettings read_saml_settings(const ConfigSection& section) {
  refuse_all(section, kIssuerKeys, "is of no use with provider = \"saml\"");
  OidcSettings s;
  s.ci_rules = read_ci_rules(section);
  // Nobody can be asked about a session, so that it must not last long.
  read_common(section, s, true, 8);
  s.saml = SamlSource{
      .socket = section.text("saml_socket", "/run/veilwire-saml/saml.sock"),
      .person = {.subject_attribute = printable_if_any(section, "subject_attribute",
                                                       section.text("subject_attribute", "")),
                 .groups_attribute = printable_if_any(section, "groups_attribute",
                                                      section.text("groups_attribute", "")),
                 .name_attribute = printable_if_any(section, "name_attribute",
                                                    section.text("name_attribute", "")),
                 .session = s.times.longest}};
  return s;
}

bool needs_network(const OidcSettings& settings) {
  return settings.issuer || !settings.ci_rules.empty() || !settings.machines.empty() ||
         !settings.transmitters.empty();
}

}  // namespace veilwire::agent_identity
