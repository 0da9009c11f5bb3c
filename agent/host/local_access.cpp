#include "agent/host/local_access.h"

#include "agent/host/confinement.h"
#include "agent/host/log.h"

#include <bit>
#include <cerrno>
#include <cstdint>
#include <system_error>

#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <pwd.h>
#include <sys/xattr.h>

namespace veilwire::host {
namespace {

static_assert(std::endian::native == std::endian::little, "the attribute is little-endian");

constexpr uid_t kNoId = static_cast<uid_t>(ACL_UNDEFINED_ID);

// linux/posix_acl_xattr.h: a header, then entries in the order of their tags.
template <class T>
void append(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_entry(std::string& bytes, int tag, int permissions, uid_t id = kNoId) {
  append(bytes, posix_acl_xattr_entry{static_cast<std::uint16_t>(tag),
                                      static_cast<std::uint16_t>(permissions), id});
}

constexpr int kConnect = ACL_READ | ACL_WRITE;

}  // namespace

Result<void, int> let_connect(const std::string& socket, const std::set<uid_t>& users) {
  std::string list;
  append(list, posix_acl_xattr_header{POSIX_ACL_XATTR_VERSION});
  append_entry(list, ACL_USER_OBJ, kConnect);
  for (const uid_t user : users) append_entry(list, ACL_USER, kConnect, user);
  append_entry(list, ACL_GROUP_OBJ, 0);
  append_entry(list, ACL_MASK, kConnect);
  append_entry(list, ACL_OTHER, 0);
  if (::setxattr(socket.c_str(), "system.posix_acl_access", list.data(), list.size(), 0) != 0)
    return Unexpected{errno};
  return {};
}

std::vector<std::string> default_status_readers() {
  constexpr const char* kMetrics = "veilwire-metrics";
  if (::getpwnam(kMetrics) == nullptr) return {};
  return {kMetrics};
}

void let_ask(const std::string& socket, const std::vector<std::string>& users) {
  if (users.empty()) return;
  std::set<uid_t> uids;
  for (const std::string& user : users) uids.insert(resolve_user(user).uid);
  const auto admitted = let_connect(socket, uids);
  if (!admitted)
    log::warning(socket +
                 ": only root can ask: " + std::generic_category().message(admitted.error()));
}

}  // namespace veilwire::host
