// What is in force, read from pins and the kernel alone: true also while the redirector is away.
// Tested by tests/bpf/lifecycle_test.cpp.
#pragma once

#include "agent/redirector/kernel_programs.h"
#include "agent/redirector/net_address.h"
#include "bpf/abi.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace veilwire::redirector {

struct Status {
  bool loaded = false;       // our maps are pinned; everything below is empty otherwise
  bool effective = false;    // every program is attached and the kernel runs it
  bool proxy_alive = false;  // an authentic listener listens and the heart beats
  vw_mode mode = VW_MODE_OFF;
  std::int64_t heartbeat_age_ms = -1;  // -1: never
  std::vector<LinkState> links;
  std::vector<vw_marked_listener> listeners;
  std::vector<std::pair<std::string_view, std::uint64_t>> counters;
  std::vector<std::pair<std::uint32_t, vw_label>> labels;  // by the kernel's own number
  // From that number to the one in our PID namespace, for all whom we see; nothing: they are the
  // same.
  std::optional<std::map<std::uint32_t, std::uint32_t>> own_tgids;
  std::vector<std::uint16_t> ports;
  std::vector<Prefix> targets;
  std::vector<Endpoint> endpoints;
  std::vector<vw_redirected> redirected;
};

// Throws std::exception when the kernel does not let us look.
Status read_status(const std::string& pin_directory);

// One JSON object, and the same for people.
std::string to_json(const Status& status);
std::string to_text(const Status& status);

}  // namespace veilwire::redirector
