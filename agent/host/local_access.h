// Who may connect to a local socket, said to the kernel: the connect of anybody else fails, and
// costs the program behind it neither a wake-up nor a place in its queue. An access control list
// and no group: each program runs as a user of its own without further groups, so it could not give
// its socket to the proxy's. Tested by tests/unit/host/local_access_test.cpp.
#pragma once

#include "userspace/base/result.h"

#include <set>
#include <string>
#include <vector>

#include <sys/types.h>

namespace veilwire::host {

// Besides the owner and root, who always can. The error is an errno value: EOPNOTSUPP where the
// file system has no such lists.
Result<void, int> let_connect(const std::string& socket, const std::set<uid_t>& users);

// Who may ask for what is counted, where the configuration names nobody: the user of
// veilwire-metrics, where there is one.
std::vector<std::string> default_status_readers();
// The same for users by their names. What cannot be given is only logged: a status that an asker
// cannot have keeps no program from its work. Throws std::exception for a name that nobody has.
void let_ask(const std::string& socket, const std::vector<std::string>& users);

}  // namespace veilwire::host
