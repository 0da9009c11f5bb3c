// A setting that is one of a few words. Tested with what has one
// (tests/unit/identity/oidc_settings_test.cpp).
#pragma once

#include "agent/host/config.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace veilwire::agent_identity {

template <class T>
using Choice = std::pair<std::string_view, T>;

// One of the names, the first where there is none.
template <class T, std::size_t N>
T choose(const host::ConfigSection& section, std::string_view key, const Choice<T> (&choices)[N]) {
  const std::string name = section.text(key, choices[0].first);
  std::string known;
  for (const auto& [word, value] : choices) {
    if (word == name) return value;
    known += (known.empty() ? "\"" : ", \"") + std::string(word) + "\"";
  }
  section.refuse(key, "must be one of " + known);
}

}  // namespace veilwire::agent_identity
