#include "agent/identity/local_source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include <grp.h>
#include <pwd.h>

namespace veilwire::agent_identity {
namespace {

using identity::Account;
using identity::Refusal;

// A group with very many members is one long entry; beyond this NSS is taken to be broken, not big.
constexpr std::size_t kLargestEntry = 16 * 1024 * 1024;
constexpr int kMostGroups = 65536;  // the kernel's NGROUPS_MAX

// Calls one of NSS's reentrant functions until its buffer is large enough. 0: look at what it
// found; else errno.
template <class Call>
int with_growing_buffer(std::size_t first, std::vector<char>& buffer, Call call) {
  buffer.resize(std::max<std::size_t>(first, 1));
  while (true) {
    const int error = call(buffer.data(), buffer.size());
    if (error == EINTR) continue;
    if (error != ERANGE || buffer.size() >= kLargestEntry) return error;
    buffer.resize(buffer.size() * 2);
  }
}

// getpwuid_r(3): these say that there is no such entry, as a missing result does.
bool means_absent(int error) {
  return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

Unexpected<Refusal> unreadable(std::uint32_t uid, int error) {
  return Unexpected{Refusal{"the user database of this host could not be read for user id " +
                            std::to_string(uid) + ": " + std::generic_category().message(error)}};
}

std::vector<gid_t> group_ids(const passwd& entry) {
  std::vector<gid_t> ids(64);
  while (true) {
    int count = static_cast<int>(ids.size());
    if (::getgrouplist(entry.pw_name, entry.pw_gid, ids.data(), &count) >= 0) {
      ids.resize(static_cast<std::size_t>(count));
      return ids;
    }
    if (ids.size() >= kMostGroups) return ids;
    // glibc says how many there are; other implementations leave count as it was.
    ids.resize(std::min<std::size_t>(
        kMostGroups, std::max(ids.size() * 2, static_cast<std::size_t>(std::max(count, 0)))));
  }
}

}  // namespace

Result<std::optional<Account>, Refusal> look_up_account(std::uint32_t uid,
                                                        std::size_t first_buffer) {
  std::vector<char> buffer;
  passwd entry{};
  passwd* found = nullptr;
  int error = with_growing_buffer(first_buffer, buffer, [&](char* data, std::size_t size) {
    return ::getpwuid_r(uid, &entry, data, size, &found);
  });
  if (found == nullptr) {
    if (means_absent(error)) return std::optional<Account>{};
    return unreadable(uid, error);
  }
  Account account;
  account.uid = uid;
  account.name = entry.pw_name;
  std::vector<char> group_buffer;
  for (const gid_t gid : group_ids(entry)) {
    group group_entry{};
    group* group_found = nullptr;
    error = with_growing_buffer(first_buffer, group_buffer, [&](char* data, std::size_t size) {
      return ::getgrgid_r(gid, &group_entry, data, size, &group_found);
    });
    // A group id without a name is no group that a policy could speak of; one that cannot be read
    // might be.
    if (group_found != nullptr)
      account.groups.emplace_back(group_entry.gr_name);
    else if (!means_absent(error))
      return unreadable(uid, error);
  }
  return std::optional(std::move(account));
}

Result<identity::Person, Refusal> LocalSource::identify(const identity::Peer& peer) {
  const auto running_as = look_up_account(peer.uid, first_buffer_);
  if (!running_as) return Unexpected{running_as.error()};
  Result<std::optional<Account>, Refusal> logged_in = std::optional<Account>{};
  if (peer.loginuid != identity::kUnsetAuditId) {
    if (peer.loginuid == peer.uid)
      logged_in = *running_as;
    else
      logged_in = look_up_account(peer.loginuid, first_buffer_);
    if (!logged_in) return Unexpected{logged_in.error()};
  }
  const auto pointer = [](const std::optional<Account>& account) {
    return account ? &*account : nullptr;
  };
  return identity::local_person(peer, pointer(*running_as), pointer(*logged_in), Monotonic{});
}

std::string LocalSource::key(const identity::Peer& peer) const {
  return std::to_string(peer.uid) + ":" + std::to_string(peer.loginuid);
}

}  // namespace veilwire::agent_identity
