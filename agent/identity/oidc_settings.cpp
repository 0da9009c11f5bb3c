#include "agent/identity/oidc_settings.h"

#include "agent/host/confinement.h"
#include "agent/host/protocol/identity.h"
#include "userspace/identity/oidc_provider.h"
#include "userspace/identity/printable.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include <sys/stat.h>

namespace veilwire::agent_identity {
namespace {

using crypto::SignatureAlgorithm;
using host::ConfigSection;
using identity::AssertionAudience;
using identity::CiRule;
using identity::ClaimCondition;
using identity::ClientMethod;
using identity::DerivedUse;

template <class T>
using Choice = std::pair<std::string_view, T>;

// One of the names, the first where there is none.
template <class T, std::size_t N>
T choose(const ConfigSection& section, std::string_view key, const Choice<T> (&choices)[N]) {
  const std::string name = section.text(key, choices[0].first);
  std::string known;
  for (const auto& [word, value] : choices) {
    if (word == name) return value;
    known += (known.empty() ? "\"" : ", \"") + std::string(word) + "\"";
  }
  section.refuse(key, "must be one of " + known);
}

constexpr Choice<ClientMethod> kMethods[] = {{"none", ClientMethod::None},
                                             {"secret_basic", ClientMethod::SecretBasic},
                                             {"secret_post", ClientMethod::SecretPost},
                                             {"private_key_jwt", ClientMethod::PrivateKeyJwt}};
constexpr Choice<SignatureAlgorithm> kAlgorithms[] = {{"ES256", SignatureAlgorithm::Es256},
                                                      {"ES384", SignatureAlgorithm::Es384},
                                                      {"EdDSA", SignatureAlgorithm::EdDsa},
                                                      {"PS256", SignatureAlgorithm::Ps256},
                                                      {"RS256", SignatureAlgorithm::Rs256}};
constexpr Choice<AssertionAudience> kAudiences[] = {
    {"issuer", AssertionAudience::Issuer}, {"token_endpoint", AssertionAudience::TokenEndpoint}};
constexpr Choice<DerivedUse> kDerived[] = {{"of_login", DerivedUse::OfLogin},
                                           {"separate", DerivedUse::Separate},
                                           {"refused", DerivedUse::Refused}};

// A key that only some method uses is a mistake with any other: it would do nothing.
void only_with(const ConfigSection& section, std::string_view key, bool used, const char* method) {
  if (used && section.text(key, "").empty())
    section.refuse(key, std::string("is missing, which ") + method + " needs");
  if (!used && section.has(key))
    section.refuse(key, std::string("is of no use but with client_authentication = ") + method);
}

ClientSettings read_client(const ConfigSection& section) {
  ClientSettings client;
  client.id = section.text("client_id", "");
  client.method = choose<ClientMethod>(section, "client_authentication", kMethods);
  const bool has_key = client.method == ClientMethod::PrivateKeyJwt;
  only_with(section, "client_secret_file",
            client.method == ClientMethod::SecretBasic || client.method == ClientMethod::SecretPost,
            "\"secret_basic\" or \"secret_post\"");
  only_with(section, "client_key_file", has_key, "\"private_key_jwt\"");
  client.secret_file = section.text("client_secret_file", "");
  client.key_file = section.text("client_key_file", "");
  client.key_id = section.text("client_key_id", "");
  client.algorithm = choose<SignatureAlgorithm>(section, "client_key_algorithm", kAlgorithms);
  client.audience = choose<AssertionAudience>(section, "client_key_audience", kAudiences);
  return client;
}

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
constexpr const char* kIssuerKeys[] = {
    "issuer",          "client_id",     "client_authentication", "client_secret_file",
    "client_key_file", "client_key_id", "client_key_algorithm",  "client_key_audience",
    "scopes",          "groups_claim",  "redirect_path",         "cached_seconds"};

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

// Who can read a secret can be us. Throws.
std::string read_private(const std::string& path) {
  struct stat status {};
  std::ifstream in(path, std::ios::binary);
  if (!in || ::stat(path.c_str(), &status) != 0)
    throw std::runtime_error(path + ": " + std::strerror(errno));
  if ((status.st_mode & S_IRWXO) != 0)
    throw std::runtime_error(path + ": everybody may read it; use mode 0400");
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

OidcSettings read_oidc_settings(const ConfigSection& section) {
  refuse_all(section, kSamlKeys, "is of no use but with provider = \"saml\"");
  OidcSettings s;
  s.ci_rules = read_ci_rules(section);
  s.client = read_client(section);
  const std::string issuer = section.text("issuer", "");
  if (issuer.empty() && s.ci_rules.empty())
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
  return settings.issuer || !settings.ci_rules.empty() || !settings.transmitters.empty();
}

Secret read_secret(const std::string& path) {
  std::string secret = read_private(path);
  while (secret.ends_with('\n') || secret.ends_with('\r')) secret.pop_back();
  if (secret.empty()) throw std::runtime_error(path + ": is empty");
  return Secret(std::move(secret));
}

identity::OidcClient make_client(const ClientSettings& settings) {
  using identity::OidcClient;
  switch (settings.method) {
    case ClientMethod::SecretBasic:
    case ClientMethod::SecretPost: {
      Secret secret = read_secret(settings.secret_file);
      return settings.method == ClientMethod::SecretBasic
                 ? OidcClient::with_secret_basic(settings.id, std::move(secret))
                 : OidcClient::with_secret_post(settings.id, std::move(secret));
    }
    case ClientMethod::PrivateKeyJwt: {
      const Secret pem(read_private(settings.key_file));
      auto key = crypto::PrivateKey::from_pem(pem.reveal());
      if (!key)
        throw std::runtime_error(settings.key_file +
                                 ": holds no private key in PEM without a "
                                 "passphrase");
      auto client = OidcClient::with_key(settings.id, *std::move(key), settings.algorithm,
                                         settings.key_id, settings.audience);
      if (!client)
        throw std::runtime_error(settings.key_file +
                                 ": does not serve the algorithm of client_key_algorithm");
      return *std::move(client);
    }
    case ClientMethod::None:
    case ClientMethod::Certificate:
      break;
  }
  return OidcClient::without_secret(settings.id);
}

}  // namespace veilwire::agent_identity
