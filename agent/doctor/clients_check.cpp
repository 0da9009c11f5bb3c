#include "agent/doctor/clients_check.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <sstream>
#include <string_view>
#include <utility>

namespace veilwire::doctor {
namespace {

// Since when Claude Code trusts the system's CAs by itself, and which Node can tell it of them.
constexpr const char* kTrustsSystem = "2.1.101";
constexpr const char* kNodeTellsSystem = "22.15.0";

std::vector<unsigned long> numbers_of(const std::string& version) {
  std::vector<unsigned long> numbers;
  const char* at = version.c_str();
  if (*at == 'v') ++at;
  for (;;) {
    char* end = nullptr;
    numbers.push_back(std::strtoul(at, &end, 10));
    if (end == at || *end != '.') return numbers;
    at = end + 1;
  }
}

std::string value_of(const ClientEnvironment& environment, const std::string& name) {
  const auto found = environment.variables.find(name);
  return found == environment.variables.end() ? std::string() : found->second;
}

bool is_set(const std::string& value) { return !value.empty() && value != "0" && value != "false"; }

// The host of a URL, which is no secret; what stands before an @ may be one, and is left out.
std::string host_of(std::string_view url) {
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos)
    url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const auto at = url.rfind('@'); at != std::string_view::npos) url.remove_prefix(at + 1);
  if (url.starts_with('[')) return std::string(url.substr(1, url.find(']') - 1));
  return std::string(url.substr(0, url.find(':')));
}

bool covered(const std::vector<std::string>& patterns, std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    if (!pattern.starts_with("*.")) return pattern == name;
    const auto dot = name.find('.');
    return dot != std::string::npos && dot != 0 && pattern.substr(1) == name.substr(dot);
  });
}

// Whether NO_PROXY ("a.example,.b.example,*") keeps every host of the policy from the proxy.
bool spared(const std::vector<std::string>& hosts, const std::string& list) {
  const auto covers = [&list](std::string_view host) {
    if (host.starts_with("*.")) host.remove_prefix(2);
    std::istringstream entries(list);
    for (std::string entry; std::getline(entries, entry, ',');) {
      std::erase(entry, ' ');
      if (entry == "*") return true;
      if (entry.starts_with("*.")) entry.erase(0, 1);
      if (entry.starts_with('.')) entry.erase(0, 1);
      if (!entry.empty() && (host == entry || host.ends_with("." + entry))) return true;
    }
    return false;
  };
  return !hosts.empty() && std::all_of(hosts.begin(), hosts.end(), covers);
}

// "bundled,system" is both; "bundled" alone is what breaks.
bool without_system(const std::string& store) {
  return !store.empty() && store.find("system") == std::string::npos;
}

void judge(const ClientEnvironment& environment, const ClientFacts& facts, Findings& found) {
  const std::string& where = environment.where;
  const auto value = [&](const char* name) { return value_of(environment, name); };
  if (without_system(value("CLAUDE_CODE_CERT_STORE")))
    found.push_back(warning("client-store", where,
                            "CLAUDE_CODE_CERT_STORE leaves the system's CAs out: intercepted "
                            "connections fail",
                            "unset it, or set it to bundled,system"));
  for (const char* name : {"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"}) {
    if (value(name).empty() || spared(facts.policy_hosts, value("NO_PROXY")) ||
        spared(facts.policy_hosts, value("no_proxy")))
      continue;
    found.push_back(warning("client-proxy", where,
                            std::string(name) + " sends connections to the proxy " +
                                host_of(value(name)) + ", where they are not intercepted",
                            "unset it, or name the hosts of the policy in NO_PROXY"));
    break;
  }
  if (const std::string url = value("ANTHROPIC_BASE_URL");
      !url.empty() && !covered(facts.policy_hosts, host_of(url)))
    found.push_back(
        warning("client-base-url", where,
                "ANTHROPIC_BASE_URL names " + host_of(url) + ", which is no host of the policy",
                "add it to the policy as a [[host]] that speaks anthropic, or unset "
                "the variable"));
  for (const char* name : {"CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX"})
    if (is_set(value(name)))
      found.push_back(warning("client-provider", where,
                              std::string(name) + " sends requests to a provider that is not read",
                              "unset it where answers must be inspected"));
  if (value("NODE_TLS_REJECT_UNAUTHORIZED") == "0")
    found.push_back(warning("client-unverified", where,
                            "NODE_TLS_REJECT_UNAUTHORIZED=0 takes any certificate",
                            "unset it: with the internal CA trusted nothing needs it"));
}

bool tells_node(const ClientEnvironment& environment) {
  return !value_of(environment, "NODE_EXTRA_CA_CERTS").empty() ||
         is_set(value_of(environment, "NODE_USE_SYSTEM_CA")) ||
         value_of(environment, "NODE_OPTIONS").find("--use-system-ca") != std::string::npos;
}

void judge(const ClientInstall& install, const ClientFacts& facts, Findings& found) {
  const bool managed =
      std::any_of(facts.environments.begin(), facts.environments.end(),
                  [](const ClientEnvironment& one) { return one.for_all && tells_node(one); });
  if (older(install.version, kTrustsSystem) && !managed)
    found.push_back(
        warning("client-version", install.path,
                "Claude Code " + install.version + " does not trust the system's CAs by itself",
                std::string("update it to ") + kTrustsSystem +
                    " or newer, or set NODE_EXTRA_CA_CERTS in "
                    "/etc/claude-code/managed-settings.json"));
  else if (install.on_node && facts.node_version && older(*facts.node_version, kNodeTellsSystem) &&
           !managed)
    found.push_back(warning("client-node", install.path,
                            "it runs on Node " + *facts.node_version + ", older than " +
                                kNodeTellsSystem + ", which does not know the system's CAs",
                            "update Node, or set NODE_EXTRA_CA_CERTS in "
                            "/etc/claude-code/managed-settings.json"));
}

}  // namespace

bool older(const std::string& version, const std::string& than) {
  return numbers_of(version) < numbers_of(than);
}

Findings check_clients(const ClientFacts& facts) {
  Findings found;
  for (const ClientInstall& install : facts.installs) judge(install, facts, found);
  for (const ClientEnvironment& environment : facts.environments) judge(environment, facts, found);
  for (const std::string& process : facts.unwatched.value_or(std::vector<std::string>()))
    found.push_back(warning(
        "client-unwatched", process, "it looks like a client, and the kernel does not watch it",
        "restart it; if it comes back so, look at names, paths and arguments of "
        "[redirector]"));
  if (!facts.every_home_was_read)
    found.push_back(unseen("client-homes", "only root sees everybody's clients and settings"));
  return or_good(std::move(found),
                 good("clients", std::to_string(facts.installs.size()) + " installed clients and " +
                                     std::to_string(facts.environments.size()) +
                                     " environments have nothing that gets in the way"));
}

}  // namespace veilwire::doctor
