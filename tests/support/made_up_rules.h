// Rules that no real secret has the form of, for tests and fuzz targets of what sits above the
// masking engine:
//   token    masks `sk-` and sixteen letters or digits
//   spelled  masks what stands between quotes behind `pin = `
//   block    masks from `--BEGIN--` to `--END--`
//   refused  blocks `bk-` and sixteen letters or digits
#pragma once

#include "userspace/masking/engine.h"

#include <array>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace veilwire::testing {

// Of the rules in a pack's TOML; a pack that does not compile ends the test.
inline std::shared_ptr<const masking::Engine> compile_rules(
    std::string_view toml,
    const std::function<masking::Treatment(const masking::Rule&)>& treatment) {
  const auto pack = masking::parse_rule_pack(toml, "made up");
  if (!pack) std::abort();
  auto compiled = masking::compile({&*pack, 1}, treatment, Secret(std::string("key")));
  if (!compiled) std::abort();
  return *compiled;
}

inline std::shared_ptr<const masking::Engine> made_up_engine() {
  const auto rule = [](std::string id, std::string regex, std::string keyword) {
    masking::Rule r;
    r.id = std::move(id);
    r.category = "secret";
    r.regex = std::move(regex);
    r.keywords = {std::move(keyword)};
    return r;
  };
  masking::RulePack pack;
  pack.name = "made up";
  pack.rules.push_back(rule("token", "sk-[A-Za-z0-9]{16}", "sk-"));
  pack.rules.push_back(rule("refused", "bk-[A-Za-z0-9]{16}", "bk-"));
  pack.rules.push_back(rule("spelled", "pin = \"([^\"]{4,12})\"", "pin = "));
  pack.rules.push_back(rule("digits", "7700[0-9]{8}", "7700"));
  pack.rules.push_back(rule("refused-digits", "7711[0-9]{8}", "7711"));
  masking::Rule block = rule("block", "", "--begin--");
  block.begin = "--BEGIN--";
  block.end = "--END--";
  pack.rules.push_back(block);
  const auto treatment = [](const masking::Rule& r) {
    return r.id.starts_with("refused") ? masking::Treatment::Block : masking::Treatment::Mask;
  };
  const Secret key(std::string("0123456789abcdef0123456789abcdef"));
  auto compiled = masking::compile(std::array{pack}, treatment, key);
  if (!compiled) std::abort();
  return *compiled;
}

}  // namespace veilwire::testing
