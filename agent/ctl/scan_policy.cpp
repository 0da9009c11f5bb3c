#include "agent/ctl/scan_policy.h"

#include "agent/host/config.h"
#include "userspace/crypto/random.h"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include <sys/stat.h>

namespace veilwire::ctl {
namespace {

// As the proxy demands: a shorter key could be found by trying.
constexpr std::size_t kShortestKey = 32;
constexpr std::size_t kLongestKey = 64 * 1024;

policy::Action action_for(const policy::Policy& policy, const masking::Rule& rule,
                          policy::Direction direction) {
  policy::Facts facts;
  facts.direction = direction;
  facts.rule = rule.id;
  facts.category = rule.category;
  return policy::decide(policy, facts);
}

masking::Treatment treatment_of(policy::Action action, bool all) {
  switch (action) {
    case policy::Action::Pass:
      return all ? masking::Treatment::Mask : masking::Treatment::Ignore;
    case policy::Action::Mask:
      return masking::Treatment::Mask;
    case policy::Action::Block:
      return masking::Treatment::Block;
  }
  return masking::Treatment::Block;
}

}  // namespace

Result<ScanKey, std::string> scan_key(const std::string& named, const std::string& agents) {
  const std::string& path = named.empty() ? agents : named;
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    std::string why = path + ": " + std::generic_category().message(errno);
    if (!named.empty()) return Unexpected{std::move(why)};
    return ScanKey{Secret(crypto::random_bytes(crypto::system_random(), kShortestKey)),
                   std::move(why)};
  }
  std::string bytes(kLongestKey, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  Secret key(bytes.substr(0, static_cast<std::size_t>(in.gcount())));
  wipe(bytes.data(), bytes.size());
  if (key.reveal().size() < kShortestKey)
    return Unexpected{path + ": shorter than " + std::to_string(kShortestKey) + " bytes"};
  return ScanKey{std::move(key), {}};
}

std::string configured_site_key(const std::string& config, bool config_given) {
  struct stat file {};
  const bool absent = !config_given && ::stat(config.c_str(), &file) != 0;
  const host::Config settings =
      absent ? host::Config::parse("", config) : host::Config::load(config);
  return settings.section("proxy").text("site_key", "/var/lib/veilwire/site.key");
}

Result<ScanPolicy, Problems> load_scan_policy(const std::string& path, policy::Direction direction,
                                              bool all, Secret key) {
  const EngineWish wish{[&](const policy::Policy& policy, const masking::Rule& rule) {
                          return treatment_of(action_for(policy, rule, direction), all);
                        },
                        std::move(key)};
  auto files = load_policy_files(path, wish);
  if (!files) return Unexpected{files.error()};
  ScanPolicy scan;
  scan.source = path;
  scan.digest = files->policy.digest;
  for (const masking::RulePack& pack : files->packs)
    for (const masking::Rule& rule : pack.rules) {
      scan.index.emplace(rule.id, scan.rules.size());
      scan.rules.push_back(
          {rule.id, rule.category, rule.description, action_for(files->policy, rule, direction)});
    }
  scan.engine = files->engine;
  return scan;
}

}  // namespace veilwire::ctl
