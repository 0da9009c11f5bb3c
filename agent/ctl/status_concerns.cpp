#include "agent/ctl/status_concerns.h"

#include "agent/host/log.h"

#include <cstdlib>
#include <set>

#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using nlohmann::json;

json object_of(const std::string& document) {
  json parsed = json::parse(document, nullptr, false);
  return parsed.is_object() ? parsed : json::object();
}

// A member of an object; null when there is none.
json member(const json& object, std::string_view key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found != object.end() ? *found : json();
}

json report_of(const StatusReport& report, std::string_view program) {
  for (const ProgramReport& one : report.programs)
    if (one.name == program) return object_of(one.document);
  return json::object();
}

std::set<unsigned> numbers_of(const json& list) {
  std::set<unsigned> numbers;
  if (!list.is_array()) return numbers;
  for (const json& item : list)
    if (item.is_number_unsigned()) numbers.insert(item.get<unsigned>());
  return numbers;
}

// "127.0.0.1:3000", "[::1]:3001"
unsigned port_of(const std::string& endpoint) {
  const std::size_t colon = endpoint.rfind(':');
  return colon == std::string::npos
             ? 0
             : static_cast<unsigned>(std::strtoul(endpoint.c_str() + colon + 1, nullptr, 10));
}

// A port that the policy reads and the kernel does not redirect is not intercepted at all; an
// endpoint that is redirected on a port that the policy does not read is spliced.
void compare_ports(const json& kernel, const json& policy, std::vector<std::string>& concerns) {
  const std::set<unsigned> read = numbers_of(member(policy, "ports"));
  std::set<unsigned> caught = numbers_of(member(kernel, "ports"));
  if (read.empty() || caught.empty()) return;
  const json endpoints = member(kernel, "endpoints");
  for (const json& endpoint : endpoints.is_array() ? endpoints : json::array()) {
    if (!endpoint.is_string()) continue;
    const std::string text = endpoint.get<std::string>();
    caught.insert(port_of(text));
    if (!read.contains(port_of(text)))
      concerns.push_back("endpoint " + host::log::printable(text) +
                         " passes unread: its port is not among the policy's ports");
  }
  for (const unsigned port : read)
    if (!caught.contains(port))
      concerns.push_back("port " + std::to_string(port) +
                         " of the policy is not redirected: list it in ports of [redirector]");
}

}  // namespace

std::vector<std::string> concerns_of(const StatusReport& report) {
  std::vector<std::string> concerns;
  const json policy = member(report_of(report, "proxy"), "policy");
  compare_ports(object_of(report.kernel), policy, concerns);
  const json refused = member(policy, "not_permitted");
  for (const json& host : refused.is_array() ? refused : json::array())
    if (host.is_string())
      concerns.push_back("host " + host::log::printable(host.get<std::string>()) +
                         " of the policy fails: the CA's name constraints do not permit it; add "
                         "one that names it: veilwire-signer add-ca");
  for (const std::string& pack : report.edited_packs)
    concerns.push_back("rule pack " + host::log::printable(pack) +
                       " was edited and is not in force: try veilwire policy check " +
                       report.policy_file);
  return concerns;
}

}  // namespace veilwire::ctl
