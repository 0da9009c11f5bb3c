// The `local` identity: a person as the operating system's user database knows them. Here is the
// pure part, from the facts to the person; agent/identity/local_source looks the facts up. Tested
// by tests/unit/identity/local_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/identity/person.h"

#include <cstdint>
#include <string>
#include <vector>

namespace veilwire::identity {

// One entry of the user database with the names of all its groups, the primary one included.
struct Account {
  std::uint32_t uid = 0;
  std::string name;
  std::vector<std::string> groups;
};

// Why nobody can be named. The text is for the person at the client and for the record.
struct Refusal {
  std::string message;
};

// Whose account answers for the peer: the one that logged in where somebody did, else the one the
// process runs as.
std::uint32_t accountable_uid(const Peer& peer);

// `running_as` is the account of peer.uid, `logged_in` that of peer.loginuid; each is nullptr where
// the database has no such entry, and the latter also where nobody has logged in.
//
// Who logged in answers for what they do as somebody else: subject and groups are theirs, so that
// neither `sudo -u` gains an exception that a policy makes for a group nor `su` escapes a
// restriction. Both names are in the person.
Result<Person, Refusal> local_person(const Peer& peer, const Account* running_as,
                                     const Account* logged_in, Monotonic valid_until);

}  // namespace veilwire::identity
