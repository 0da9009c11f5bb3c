#include "tests/bench/default_engine.h"

#include "tests/bench/exchange.h"
#include "tests/support/shipped_packs.h"
#include "userspace/policy/policy.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

namespace veilwire::bench {
namespace {

constexpr std::string_view kPolicy = R"(
[[host]]
name = "api.anthropic.com"
speaks = "anthropic"

[default]
request = "mask"
response = "mask"
)";

Secret site_key() { return Secret(std::string(32, 'k')); }

template <class T>
T must(T value, const char* what) {
  if (value) return value;
  std::fprintf(stderr, "parts_bench: %s\n", what);
  std::abort();
}

}  // namespace

std::vector<masking::RulePack> default_packs() { return testing::shipped_packs(); }

std::shared_ptr<const masking::Engine> default_engine() {
  const auto packs = default_packs();
  const auto mask = [](const masking::Rule&) { return masking::Treatment::Mask; };
  return must(masking::compile(packs, mask, site_key()), "a default rule cannot be compiled")
      .value();
}

std::shared_ptr<const flow::Ruleset> default_ruleset(std::size_t element_bytes) {
  auto policy = must(policy::parse(kPolicy, "policy.toml"), "the policy cannot be read");
  return must(flow::Ruleset::build(std::move(policy).value(), default_packs(), site_key(),
                                   element_bytes),
              "no ruleset")
      .value();
}

std::string clean_text(std::size_t bytes) {
  std::string text;
  for (std::size_t n = 0; text.size() < bytes; ++n) text += delta_text(n);
  return text;
}

}  // namespace veilwire::bench
