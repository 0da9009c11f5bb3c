// Whether who signed in at the IdP is who the account on this host belongs to. Nothing is assumed:
// a subject owns an account by a rule that somebody wrote, or is refused with the reason of each
// rule. Without this, anybody whom the IdP knows could sign in for anybody's login.
//
// A claim other than `sub` may change hands (OpenID Connect Core 1.0, 5.7), and at some IdPs people
// choose their own preferred_username or email. So claims never lead to root or to system accounts,
// and where people choose their names, only the table is safe.
//
// Tested by tests/unit/identity/subject_map_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/identity/claims.h"
#include "userspace/identity/local.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace veilwire::identity {

// This subject has this account, and no other: where a subject has entries in the table, no other
// rule is asked about it.
struct SubjectEntry {
  std::string subject;
  std::variant<std::uint32_t, std::string> account;  // uid or user name
};
// A claim that names the account: {"preferred_username"}, {"upn"}, {"ext", "unix_name"}.
struct NameClaim {
  std::vector<std::string> path;
  // Where set, the claim must end in "@" and this domain, which is taken off. A guest from another
  // domain has another one, or none.
  std::string domain = {};
};
// The part before the "@" of an address of this domain that the IdP has verified.
struct EmailClaim {
  std::string domain;  // must be there: "alice" of any domain is anybody
};
// Who is in this group may use this account: for accounts that several people share.
struct GroupAccount {
  std::string group;
  std::string user;
};
using SubjectRule = std::variant<NameClaim, EmailClaim, GroupAccount>;

// The rules for subjects of one issuer; the caller keeps them apart by issuer.
struct SubjectSettings {
  std::vector<SubjectEntry> table;
  std::vector<SubjectRule> rules;  // the first that holds counts
  // The table alone leads to ids below this one (UID_MIN of login.defs), and to 65534, which is
  // nobody's and what unmapped ids look like.
  std::uint32_t first_person = 1000;
  // User names are compared byte by byte, as the operating system does; with this, letters of ASCII
  // count without their case. Domains always do.
  bool ignore_case = false;
};

enum class SubjectFault : std::uint8_t {
  NoRule,           // there is nothing to go by
  TableSaysOther,   // the table gives the subject another account
  SystemAccount,    // below first_person: the table alone leads there
  ClaimMissing,     // or empty
  ClaimMalformed,   // not a text, or not printable
  WrongDomain,      // not of the rule's domain
  EmailUnverified,  // the IdP does not say that the address is theirs
  WrongName,        // it names another account
  NotInGroup,
  GroupForOther,  // the rule is about another account
};

struct SubjectRefusal {
  SubjectFault fault{};  // of the rule that came closest: the last one that is about this account
  std::string message;   // of every rule, for operators: it repeats what the token claims
};

// By which rule, for the record: "table", "claim preferred_username", "email", "group deployers".
struct Ownership {
  std::string rule;
};

// Whether the token's subject owns the account, which is that of accountable_uid().
Result<Ownership, SubjectRefusal> owns_account(const VerifiedToken& token, const Account& account,
                                               const SubjectSettings& settings);

}  // namespace veilwire::identity
