#include "agent/doctor/interception_check.h"

#include "agent/ctl/status_concerns.h"
#include "agent/doctor/json_fields.h"

#include <utility>

namespace veilwire::doctor {
namespace {

struct Counted {
  const char* counter;
  const char* means;
};
// What should stay at zero on a host that works, and lets something by or cuts it where it does
// not.
constexpr Counted kLosses[] = {
    {"handoff_full", "the table of hand-offs was full"},
    {"label_full", "the table of labels was full"},
    {"event_lost", "events of processes were lost"},
    {"no_socket_storage", "sockets got no storage"},
    {"listener_not_authentic", "somebody else listens on the proxy's port"},
    {"heartbeat_stale", "the proxy was silent for too long"},
    {"passed_proxy_dead", "connections passed uninspected while the proxy was dead"},
    {"egress_filtered_refused", "connections were refused because of an egress filter"},
    {"no_listener_in_namespace", "connections of containers or namespaces found no listener"},
};

Finding programs(const Json& kernel) {
  std::string lost;
  std::size_t count = 0;
  for (const Json& link : list_of(kernel, "links")) {
    ++count;
    if (is_true(link, "attached") && is_true(link, "effective")) continue;
    lost += (lost.empty() ? "" : ", ") + text_of(link, "program");
  }
  if (!lost.empty() && is_true(kernel, "effective"))
    return note("interception-programs", "", "links of a former cgroup are left: " + lost,
                "nothing: they go with the next start of veilwire-redirector");
  if (!lost.empty())
    return critical("interception-programs", "", "the kernel does not run: " + lost,
                    "veilwire-redirector attaches them again within seconds; if it does not, read "
                    "journalctl -u veilwire-redirector");
  return good("interception-programs",
              "the kernel runs all " + std::to_string(count) + " programs");
}

Finding mode(const Json& kernel) {
  const std::string text = text_of(kernel, "mode");
  if (text == "off")
    return critical("interception-mode", "", "interception is switched off",
                    "systemctl restart veilwire-redirector");
  if (text == "open")
    return note("interception-mode", "", "while the proxy is dead, connections pass uninspected",
                "set when_proxy_dead = \"closed\" in [redirector] if they must not");
  return good("interception-mode", "while the proxy is dead, connections are refused");
}

Finding listeners(const Json& kernel) {
  bool four = false, six = false;
  for (const Json& listener : list_of(kernel, "listeners")) {
    if (!is_true(listener, "listening")) continue;
    (count_of(listener, "family") == 6 ? six : four) = true;
  }
  if (!four && !six)
    return critical("interception-listeners", "", "no marked listener of the proxy listens",
                    "systemctl restart veilwire-proxy");
  if (!four || !six)
    return warning("interception-listeners", "",
                   std::string("the proxy listens for IPv") + (four ? "4" : "6") + " alone",
                   "read journalctl -u veilwire-proxy; IPv6 may be disabled on the loopback");
  return good("interception-listeners", "the proxy's listeners are marked, IPv4 and IPv6");
}

Findings counters(const Json& kernel) {
  Findings found;
  const Json counts = member(kernel, "counters");
  for (const auto& [counter, means] : kLosses)
    if (const auto count = count_of(counts, counter); count != 0)
      found.push_back(note(
          "interception-losses", counter,
          std::string(means) + ", " + std::to_string(count) + " since the kernel side was loaded",
          "watch whether it grows: veilwire status"));
  return or_good(std::move(found), good("interception-losses", "nothing was lost at a hook"));
}

}  // namespace

Findings check_interception(const ctl::StatusReport& report) {
  if (report.kernel.empty() || !report.kernel_note.empty())
    return {unseen("interception", report.kernel_note.empty() ? "the kernel's pins say nothing"
                                                              : report.kernel_note)};
  const Json kernel = object_of(report.kernel);
  if (!is_true(kernel, "loaded"))
    return {critical("interception", "", "no program of veilwire is loaded: nothing is intercepted",
                     "systemctl start veilwire.target, on a new host after veilwire setup")};
  Findings found = {programs(kernel), mode(kernel), listeners(kernel)};
  found.push_back(is_true(kernel, "proxy_alive")
                      ? good("interception-proxy", "the proxy takes connections")
                      : critical("interception-proxy", "", "the kernel takes the proxy for dead",
                                 "systemctl restart veilwire-proxy; it beats at least every "
                                 "heartbeat_seconds"));
  append(found, counters(kernel));
  Findings differences;
  for (const std::string& concern : ctl::concerns_of(report)) {
    // Hosts that the CA forbids are authority_check's, and edited packs policy_check's: both look
    // at the files, so that they see them while the proxy is down.
    if (concern.starts_with("port ") || concern.starts_with("endpoint "))
      differences.push_back(warning("interception-ports", "", concern,
                                    "make ports of [redirector] and of the policy agree"));
  }
  append(found, or_good(std::move(differences),
                        good("interception-ports", "what the policy reads is redirected")));
  return found;
}

}  // namespace veilwire::doctor
