// The redirector's table of agent.toml. All keys with their defaults:
//
// clang-format off
//   [redirector]
//   cgroup = "/"                  # where clients are caught, below the cgroup2 mount
//   proxy_cgroup = ""             # the proxy's own cgroup, exempt as a whole; "" = only the registered process,
//                                 # and its cgroup is learnt when it registers
//   pin_directory = "/sys/fs/bpf/veilwire"       # on a bpffs
//   socket = "/run/veilwire-redirector/redirector.sock"     # where the proxy registers
//   status_socket = "/run/veilwire-redirector/redirector-status.sock"  # "": no status is given
//   status_readers = ["veilwire-metrics"]        # users who may ask there besides root; default: if there is one
//   proxy_user = "veilwire"                      # name or "uid:gid"; root is allowed too
//   ports = [443]                 # of labelled processes, and of target addresses; the policy says which are read
//   names = ["claude"]            # basename of an executable, as given to exec or as the file is called, or of
//                                 # a script that an interpreter is given by its path
//   paths = ["/claude/versions/"] # part of an executable's path, its last seven components
//   arguments = ["@anthropic-ai/claude-code"]    # part of an argument
//   interpreters = ["node", "bun", "deno"]       # run scripts: their arguments decide, they are never learnt
//   targets = []                  # "192.0.2.0/24", "2001:db8::1": any process's connects there, on `ports`
//   endpoints = []                # "127.0.0.1:3000": any process's connects there, loopback included
//   when_proxy_dead = "closed"    # "closed" refuses what is in scope, "open" lets it through and counts it
//   when_egress_filtered = "refuse"  # the client's cgroup has an egress program that the proxy's has not:
//                                 # "refuse", "pass" (the filter decides, uninspected), "redirect" (flagged)
//   refuse_quic = true            # UDP on `ports`, so that HTTP/3 falls back to TCP
//   heartbeat_seconds = 10        # a proxy that is silent for longer is dead; 0: not asked
//   check_seconds = 5             # how often links and labels are looked at
//   log_level = "info"
// clang-format on
//
// names, paths and arguments together: at most VW_NEEDLE_COUNT, each at most VW_NEEDLE_LENGTH - 2
// bytes. Tested by tests/unit/redirector/config_test.cpp.
#pragma once

#include "agent/host/config.h"
#include "agent/redirector/net_address.h"
#include "bpf/abi.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace veilwire::redirector {

struct Settings {
  std::string cgroup = "/";
  std::string proxy_cgroup;
  std::string pin_directory = "/sys/fs/bpf/veilwire";
  std::string socket = "/run/veilwire-redirector/redirector.sock";
  std::string status_socket = "/run/veilwire-redirector/redirector-status.sock";
  std::vector<std::string> status_readers;
  std::string proxy_user = "veilwire";
  std::vector<std::uint16_t> ports{443};
  std::vector<std::string> names{"claude"};
  std::vector<std::string> paths{"/claude/versions/"};
  std::vector<std::string> arguments{"@anthropic-ai/claude-code"};
  std::vector<std::string> interpreters{"node", "bun", "deno"};
  std::vector<Prefix> targets;
  std::vector<Endpoint> endpoints;
  vw_mode when_proxy_dead = VW_MODE_CLOSED;
  vw_egress_policy when_egress_filtered = VW_EGRESS_REFUSE;
  bool refuse_quic = true;
  std::chrono::seconds heartbeat{10};
  std::chrono::seconds check{5};
  std::string log_level = "info";
};

// Throws host::ConfigError.
Settings read_settings(const host::ConfigSection& section);

// What the kernel searches for; throws host::ConfigError when there are too many or one is too
// long.
std::vector<vw_needle> make_needles(const Settings& settings);

}  // namespace veilwire::redirector
