#include "userspace/identity/local.h"

#include "userspace/identity/printable.h"

#include <algorithm>
#include <string_view>

namespace veilwire::identity {
namespace {

Unexpected<Refusal> no_account(std::uint32_t uid, std::string_view role) {
  return Unexpected{
      Refusal{"the user id " + std::to_string(uid) + " that this process " + std::string(role) +
              " has no entry in the user database of this host, so nobody can be named for it"}};
}

}  // namespace

std::uint32_t accountable_uid(const Peer& peer) {
  return peer.loginuid == kUnsetAuditId ? peer.uid : peer.loginuid;
}

Result<Person, Refusal> local_person(const Peer& peer, const Account* running_as,
                                     const Account* logged_in, Monotonic valid_until) {
  if (running_as == nullptr) return no_account(peer.uid, "runs as");
  const bool somebody_logged_in = peer.loginuid != kUnsetAuditId;
  if (somebody_logged_in && logged_in == nullptr)
    return no_account(peer.loginuid, "was logged in as");

  const Account& accountable = somebody_logged_in ? *logged_in : *running_as;
  if (!printable(running_as->name) || !printable(accountable.name))
    return Unexpected{Refusal{"the user database names user id " + std::to_string(accountable.uid) +
                              " with control characters or not at all"}};
  Person person;
  person.issuer = "local";
  person.method = "local";
  person.subject = std::to_string(accountable.uid);
  person.name = accountable.name;
  for (const std::string& group : accountable.groups)
    if (printable(group)) person.groups.push_back(group);
  std::sort(person.groups.begin(), person.groups.end());
  person.groups.erase(std::unique(person.groups.begin(), person.groups.end()), person.groups.end());
  person.valid_until = valid_until;
  if (!somebody_logged_in) {
    person.person_class = PersonClass::Service;
  } else if (peer.uid != peer.loginuid) {
    person.person_class = PersonClass::Derived;
    person.running_as = running_as->name;
  } else {
    person.person_class = PersonClass::Human;
  }
  return person;
}

}  // namespace veilwire::identity
