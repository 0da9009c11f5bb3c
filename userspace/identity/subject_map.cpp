#include "userspace/identity/subject_map.h"

#include "userspace/base/ascii.h"
#include "userspace/base/limits.h"
#include "userspace/identity/printable.h"

#include <algorithm>

namespace veilwire::identity {
namespace {

constexpr std::uint32_t kNobody = 65'534;

struct Miss {
  SubjectFault fault{};
  std::string why;
};
using Verdict = Result<Ownership, Miss>;

Verdict miss(SubjectFault fault, std::string why) {
  return Unexpected{Miss{fault, std::move(why)}};
}

std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

std::string joined(const std::vector<std::string>& path) {
  std::string out;
  for (const std::string& name : path) out.append(out.empty() ? "" : ".").append(name);
  return out;
}

class Judge {
 public:
  Judge(const VerifiedToken& token, const Account& account, const SubjectSettings& settings)
      : token_(token), account_(account), settings_(settings) {}

  Verdict operator()(const NameClaim& rule) const {
    const std::string claim = "claim " + joined(rule.path);
    const JsonValue* const value = token_.claims.find(rule.path);
    if (rule.path.empty() || value == nullptr || value->kind == JsonValue::Kind::Null)
      return miss(SubjectFault::ClaimMissing, claim + " is missing");
    if (value->kind != JsonValue::Kind::String || !printable(value->text) ||
        value->text.size() > limits::kTokenText)
      return miss(SubjectFault::ClaimMalformed, claim + " is not a name");
    return named(value->text, rule.domain, claim);
  }

  Verdict operator()(const EmailClaim& rule) const {
    if (token_.email.empty()) return miss(SubjectFault::ClaimMissing, "claim email is missing");
    if (!token_.email_verified)
      return miss(SubjectFault::EmailUnverified, "the IdP has not verified the email address");
    if (rule.domain.empty())
      return miss(SubjectFault::WrongDomain, "the rule for email names no domain");
    return named(token_.email, rule.domain, "email");
  }

  Verdict operator()(const GroupAccount& rule) const {
    if (!same_name(rule.user))
      return miss(SubjectFault::GroupForOther,
                  "group " + rule.group + " is for user " + quoted(rule.user));
    if (std::find(token_.groups.begin(), token_.groups.end(), rule.group) == token_.groups.end())
      return miss(SubjectFault::NotInGroup, "not in group " + rule.group);
    return Ownership{"group " + rule.group};
  }

 private:
  // What is taken off is what stands behind the last "@": whatever else is in front is part of the
  // name, and no account has such a one.
  Verdict named(std::string_view value, std::string_view domain, const std::string& claim) const {
    std::string_view name = value;
    if (!domain.empty()) {
      const std::size_t at = value.rfind('@');
      if (at == std::string_view::npos || !equal_ignoring_case(value.substr(at + 1), domain))
        return miss(SubjectFault::WrongDomain,
                    claim + " is " + quoted(value) + ", not of domain " + std::string(domain));
      name = value.substr(0, at);
    }
    if (!same_name(name)) return miss(SubjectFault::WrongName, claim + " is " + quoted(value));
    return Ownership{claim};
  }

  bool same_name(std::string_view name) const {
    if (name.empty()) return false;
    return settings_.ignore_case ? equal_ignoring_case(name, account_.name) : name == account_.name;
  }

  const VerifiedToken& token_;
  const Account& account_;
  const SubjectSettings& settings_;
};

bool is_entry_for(const SubjectEntry& entry, const Account& account) {
  if (const auto* uid = std::get_if<std::uint32_t>(&entry.account)) return *uid == account.uid;
  const std::string& name = std::get<std::string>(entry.account);
  return !name.empty() && name == account.name;
}

}  // namespace

Result<Ownership, SubjectRefusal> owns_account(const VerifiedToken& token, const Account& account,
                                               const SubjectSettings& settings) {
  const auto refuse = [&](SubjectFault fault, const std::string& why) {
    return Unexpected{SubjectRefusal{fault, "subject " + quoted(token.subject) +
                                                " does not own user " + quoted(account.name) +
                                                " (" + std::to_string(account.uid) + "): " + why}};
  };
  // A logout token may have none, and is no proof of a sign-in anyway.
  if (token.subject.empty()) return refuse(SubjectFault::ClaimMissing, "claim sub is missing");

  bool in_table = false;
  for (const SubjectEntry& entry : settings.table) {
    if (entry.subject != token.subject) continue;
    if (is_entry_for(entry, account)) return Ownership{"table"};
    in_table = true;
  }
  if (in_table) return refuse(SubjectFault::TableSaysOther, "the table gives it another account");
  if (account.uid < settings.first_person || account.uid == kNobody)
    return refuse(SubjectFault::SystemAccount,
                  "this is a system account, which the table alone leads to");
  if (settings.rules.empty())
    return refuse(SubjectFault::NoRule, "it is not in the table, and there is no rule");

  SubjectFault closest = SubjectFault::NoRule;
  std::string why;
  const Judge judge(token, account, settings);
  for (const SubjectRule& rule : settings.rules) {
    const Verdict verdict = std::visit(judge, rule);
    if (verdict) return *verdict;
    const SubjectFault fault = verdict.error().fault;
    if (fault != SubjectFault::GroupForOther || closest == SubjectFault::NoRule) closest = fault;
    why.append(why.empty() ? "" : "; ").append(verdict.error().why);
  }
  return refuse(closest, why);
}

}  // namespace veilwire::identity
