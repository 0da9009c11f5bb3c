// The rule packs that the default policy names, in its order.
#pragma once

#include "userspace/masking/rule_pack.h"

#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace veilwire::testing {

inline std::string read_shipped(const std::string& path) {
  std::ifstream file(std::string(VEILWIRE_SOURCE_DIR "/policies/") + path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// As "rules/cloud.toml".
inline std::vector<std::string> shipped_pack_names() {
  constexpr std::string_view kOpens = "\npacks = [";
  const std::string policy = read_shipped("default.toml");
  std::vector<std::string> names;
  std::size_t at = policy.find(kOpens);
  const std::size_t end = policy.find(']', at);
  if (at == std::string::npos || end == std::string::npos) return names;
  while ((at = policy.find('"', at)) < end) {
    const std::size_t close = policy.find('"', at + 1);
    names.push_back(policy.substr(at + 1, close - at - 1));
    at = close + 1;
  }
  return names;
}

// Ends the program where one cannot be read: nothing that is tested with it would mean anything.
inline std::vector<masking::RulePack> shipped_packs(bool personal = true) {
  std::vector<masking::RulePack> packs;
  for (const std::string& name : shipped_pack_names()) {
    if (!personal && name == "rules/personal.toml") continue;
    auto pack = masking::parse_rule_pack(read_shipped(name), name);
    if (!pack) {
      std::cerr << name << ':' << pack.error().line << ": " << pack.error().message << '\n';
      std::abort();
    }
    packs.push_back(*std::move(pack));
  }
  if (packs.empty()) std::abort();
  return packs;
}

}  // namespace veilwire::testing
