#include "agent/doctor/kernel_check.h"

#include "agent/doctor/json_fields.h"

#include <cstdio>
#include <map>
#include <utility>

namespace veilwire::doctor {
namespace {

constexpr std::pair<int, int> kOldest{5, 18};

Finding version(const std::string& release) {
  int major = 0, minor = 0;
  // NOLINTNEXTLINE(cert-err34-c): what is no number stays 0
  std::sscanf(release.c_str(), "%d.%d", &major, &minor);
  if (std::pair(major, minor) < kOldest)
    return critical("kernel-version", "", "the kernel is " + release + ", older than 5.18",
                    "boot a newer kernel");
  return good("kernel-version", "the kernel is " + release);
}

// The redirector's own egress program is at a hook that many use; a firewall there decides whether
// clients are refused, so it is named apart.
Findings neighbours(const Json& probe) {
  std::map<std::string, std::string> at;
  for (const Json& one : list_of(probe, "neighbours")) {
    std::string& names = at[text_of(one, "hook")];
    const std::string name = text_of(one, "name");
    names += (names.empty() ? "" : ", ") + (name.empty() ? "without a name" : name) + " (" +
             std::to_string(count_of(one, "id")) + ")";
  }
  Findings found;
  for (const auto& [hook, names] : at)
    found.push_back(note(
        "kernel-neighbours", hook, "another program runs at the same hook: " + names,
        hook == "vw_egress" ? "when_egress_filtered of [redirector] says what is done with clients "
                              "that it filters; bpftool prog show id N names its owner"
                            : "if connections are refused that should not be, ask its owner: "
                              "bpftool prog show id N"));
  return or_good(std::move(found), good("kernel-neighbours", "nobody else is at our hooks"));
}

}  // namespace

Findings check_kernel(const KernelFacts& facts) {
  if (facts.probe.empty())
    return {unseen("kernel-probe", facts.problem,
                   facts.problem == "needs root" ? "run it as root"
                                                 : "run veilwire-redirector probe by itself")};
  const Json probe = object_of(facts.probe);
  Findings found = {version(text_of(probe, "release"))};
  found.push_back(is_true(probe, "btf")
                      ? good("kernel-btf", "the kernel describes its types")
                      : critical("kernel-btf", "", "there is no /sys/kernel/btf/vmlinux",
                                 "boot a kernel with CONFIG_DEBUG_INFO_BTF=y"));
  const std::string mount = text_of(probe, "cgroup2"), cgroup = text_of(probe, "cgroup_problem");
  if (mount.empty())
    found.push_back(critical("kernel-cgroup2", "", "no cgroup2 file system is mounted",
                             "boot with systemd.unified_cgroup_hierarchy=1, or mount -t cgroup2 "
                             "none /sys/fs/cgroup"));
  else if (!cgroup.empty())
    found.push_back(critical("kernel-cgroup2", "", "the cgroup of clients is not there: " + cgroup,
                             "correct cgroup in [redirector]"));
  else
    found.push_back(good("kernel-cgroup2", "cgroup2 is at " + mount));
  found.push_back(is_true(probe, "bpffs")
                      ? good("kernel-bpffs", facts.pin_directory + " is on a bpffs")
                      : critical("kernel-bpffs", "", facts.pin_directory + " is not on a bpffs",
                                 "mount -t bpf bpf /sys/fs/bpf, or change pin_directory in "
                                 "[redirector]"));
  std::string missing;
  for (const Json& name : list_of(probe, "missing"))
    if (name.is_string()) missing += (missing.empty() ? "" : ", ") + name.get<std::string>();
  if (!missing.empty())
    found.push_back(critical("kernel-features", "", "the kernel does not have: " + missing,
                             "boot a kernel with CONFIG_CGROUP_BPF=y and CONFIG_BPF_SYSCALL=y"));
  else
    found.push_back(good("kernel-features", "the kernel has every kind of program and map"));
  found.push_back(is_true(probe, "loads")
                      ? good("kernel-load", "the kernel takes every program of veilwire")
                      : critical("kernel-load", "",
                                 "the kernel refuses the programs: " + text_of(probe, "load_error"),
                                 "look for lockdown (/sys/kernel/security/lockdown) and seccomp; "
                                 "else report it with the output of veilwire-redirector probe"));
  append(found, neighbours(probe));
  return found;
}

}  // namespace veilwire::doctor
