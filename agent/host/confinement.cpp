#include "agent/host/confinement.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace veilwire::host {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error("confinement: " + what);
}
[[noreturn]] void fail_errno(const std::string& what) { fail(what + ": " + std::strerror(errno)); }

struct CapabilitySets {
  std::uint64_t effective = 0, permitted = 0, inheritable = 0;
};

std::uint64_t bit(int capability) { return std::uint64_t{1} << static_cast<unsigned>(capability); }

std::uint64_t mask_of(const std::vector<int>& capabilities) {
  std::uint64_t mask = 0;
  for (const int c : capabilities) mask |= bit(c);
  return mask;
}

CapabilitySets read_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  if (::syscall(SYS_capget, &header, data.data()) != 0) fail_errno("capget");
  const auto join = [](std::uint32_t low, std::uint32_t high) {
    return low | std::uint64_t{high} << 32U;
  };
  return {join(data[0].effective, data[1].effective), join(data[0].permitted, data[1].permitted),
          join(data[0].inheritable, data[1].inheritable)};
}

void write_capabilities(std::uint64_t keep) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  for (unsigned half = 0; half < 2; ++half) {
    const auto part = static_cast<std::uint32_t>(keep >> (32U * half));
    data[half].effective = part;
    data[half].permitted = part;
  }
  if (::syscall(SYS_capset, &header, data.data()) != 0) fail_errno("capset");
}

// The kernel may know more capabilities than our headers: ask it where they end.
int last_capability() {
  int c = 0;
  while (c < 64 && ::prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0) ++c;
  return c - 1;
}

void drop_bounding_set(std::uint64_t keep) {
  if ((read_capabilities().effective & bit(CAP_SETPCAP)) == 0)
    return;  // verified below all the same
  for (int c = 0; c <= last_capability(); ++c) {
    if ((keep & bit(c)) == 0 && ::prctl(PR_CAPBSET_DROP, c, 0, 0, 0) != 0)
      fail_errno("drop the bounding set");
  }
}

void change_user(const UserId& id, std::uint64_t keep) {
  if (keep != 0 && ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) fail_errno("PR_SET_KEEPCAPS");
  if (::setgroups(0, nullptr) != 0) fail_errno("drop the supplementary groups");
  if (::setresgid(id.gid, id.gid, id.gid) != 0) fail_errno("setresgid");
  if (::setresuid(id.uid, id.uid, id.uid) != 0) fail_errno("setresuid");
}

// A service manager lists a user's own group among the supplementary ones.
bool belongs_to_more_than(gid_t group) {
  const int count = ::getgroups(0, nullptr);
  if (count < 0) fail_errno("getgroups");
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  if (::getgroups(count, groups.data()) != count) fail_errno("getgroups");
  return std::any_of(groups.begin(), groups.end(), [&](gid_t g) { return g != group; });
}

// Refused to every program. A unit's filter cannot do it for all of them: systemd starts the
// program behind it, and its own sets hold most of these. io_uring makes calls that no filter sees.
constexpr int kNever[] = {
    SCMP_SYS(execve), SCMP_SYS(execveat),
    // other processes
    SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
    SCMP_SYS(process_madvise), SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp),
    // what else has been a way into the kernel
    SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
    SCMP_SYS(userfaultfd), SCMP_SYS(add_key), SCMP_SYS(keyctl), SCMP_SYS(request_key),
    SCMP_SYS(personality), SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(open_by_handle_at),
    // file systems
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
    SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(mount_setattr),
    // the machine
    SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load), SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff),
    SCMP_SYS(clock_settime), SCMP_SYS(settimeofday)};
// Who keeps capabilities is there for these.
constexpr int kPrivileged[] = {SCMP_SYS(bpf), SCMP_SYS(perf_event_open)};

class SeccompFilter {
 public:
  SeccompFilter() : context_(seccomp_init(SCMP_ACT_ALLOW)) {
    if (context_ == nullptr) fail("seccomp_init");
  }
  ~SeccompFilter() { seccomp_release(context_); }
  SeccompFilter(const SeccompFilter&) = delete;
  SeccompFilter& operator=(const SeccompFilter&) = delete;

  void refuse(std::span<const int> calls) {
    for (const int call : calls) check(seccomp_rule_add(context_, SCMP_ACT_ERRNO(EPERM), call, 0));
  }
  void refuse_sockets_but_unix(int call) {
    const scmp_arg_cmp family{0, SCMP_CMP_NE, AF_UNIX, 0};
    check(seccomp_rule_add(context_, SCMP_ACT_ERRNO(EAFNOSUPPORT), call, 1, family));
  }
  void load() { check(seccomp_load(context_)); }

 private:
  static void check(int result) {
    if (result != 0) fail(std::string("seccomp: ") + std::strerror(-result));
  }
  scmp_filter_ctx context_;
};

void filter_calls(const Confinement& confinement) {
  if (confinement.starts_programs && !confinement.forbid_network) return;
  SeccompFilter filter;
  if (!confinement.starts_programs) {
    filter.refuse(kNever);
    if (confinement.keep_capabilities.empty()) filter.refuse(kPrivileged);
  }
  if (confinement.forbid_network) {
    filter.refuse_sockets_but_unix(SCMP_SYS(socket));
    filter.refuse_sockets_but_unix(SCMP_SYS(socketpair));
  }
  filter.load();
}

// The kernel never gets as far as to look at a path that is none.
bool could_start_a_program() {
  return ::syscall(SYS_execve, nullptr, nullptr, nullptr) != 0 && errno != EPERM;
}

}  // namespace

UserId resolve_user(const std::string& user) {
  const std::size_t colon = user.find(':');
  if (colon != std::string::npos) {
    UserId id;
    const char* middle = user.data() + colon;
    const char* end = user.data() + user.size();
    const auto [p, e1] = std::from_chars(user.data(), middle, id.uid);
    const auto [q, e2] = std::from_chars(middle + 1, end, id.gid);
    if (e1 != std::errc{} || e2 != std::errc{} || p != middle || q != end)
      fail("user \"" + user + "\": use a name or uid:gid");
    return id;
  }
  errno = 0;
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr)
    fail("there is no user \"" + user + "\"; the package creates it (systemd-sysusers)");
  return {entry->pw_uid, entry->pw_gid};
}

bool lock_memory() {
  const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
  rlimit limit{};
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0) fail_errno("RLIMIT_MEMLOCK");
  // With any other limit memory would run out early: stacks of threads count as a whole.
  if (limit.rlim_cur != RLIM_INFINITY && ::setrlimit(RLIMIT_MEMLOCK, &none) != 0) return false;
  // As they are touched: most of a stack never is.
  if (::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) fail_errno("mlockall");
  return true;
}

void confine(const Confinement& confinement) {
  const unsigned uid = confinement.user.empty() ? ::geteuid() : resolve_user(confinement.user).uid;
  if (uid == 0 && !confinement.may_be_root)
    fail("user must not be root: root can do without this program");
  const std::uint64_t keep = mask_of(confinement.keep_capabilities);
  const rlimit no_core{0, 0};
  if (::setrlimit(RLIMIT_CORE, &no_core) != 0) fail_errno("RLIMIT_CORE");
  drop_bounding_set(keep);
  if (!confinement.user.empty()) {
    const UserId id = resolve_user(confinement.user);
    if (::geteuid() == 0) change_user(id, keep);
  }
  write_capabilities(keep & read_capabilities().permitted);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail_errno("no new privileges");
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) fail_errno("PR_SET_DUMPABLE");
  filter_calls(confinement);
  verify_confined(confinement);
}

void verify_confined(const Confinement& confinement) {
  const std::uint64_t keep = mask_of(confinement.keep_capabilities);
  uid_t real = 0, effective = 0, saved = 0;
  gid_t group_real = 0, group_effective = 0, group_saved = 0;
  if (::getresuid(&real, &effective, &saved) != 0 ||
      ::getresgid(&group_real, &group_effective, &group_saved) != 0)
    fail_errno("getresuid");
  if (!confinement.user.empty()) {
    const UserId id = resolve_user(confinement.user);
    if (real != id.uid || effective != id.uid || saved != id.uid)
      fail("runs as uid " + std::to_string(effective) + ", not as " + confinement.user +
           "; start it as root or as that user");
    if (group_real != id.gid || group_effective != id.gid || group_saved != id.gid)
      fail("runs with gid " + std::to_string(group_effective) + ", not with that of " +
           confinement.user);
    if (id.uid != 0 && ::setresuid(0, 0, 0) == 0) fail("could become root again");
    if (belongs_to_more_than(id.gid))
      fail("belongs to further groups; start it as root or by its unit");
  }
  const CapabilitySets sets = read_capabilities();
  if ((sets.effective & ~keep) != 0 || (sets.permitted & ~keep) != 0 || sets.inheritable != 0)
    fail("still holds capabilities that it does not need");
  if ((sets.effective & keep) != keep)
    fail("lacks a capability that it needs; start it as root or by its unit");
  for (int c = 0; c <= last_capability(); ++c) {
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, c, 0, 0) == 1 && (keep & bit(c)) == 0)
      fail("an ambient capability is left");
    if (::prctl(PR_CAPBSET_READ, c, 0, 0, 0) == 1 && (keep & bit(c)) == 0)
      fail(
          "its bounding set holds capabilities that it does not need; start it as root or by its "
          "unit");
  }
  if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) fail("could gain privileges by exec");
  if (::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) fail("its memory could be dumped");
  if (confinement.forbid_network) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
      ::close(fd);
      fail("could open a network socket");
    }
  }
  if (!confinement.starts_programs && could_start_a_program()) fail("could start another program");
}

}  // namespace veilwire::host
