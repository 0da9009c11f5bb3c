#include "agent/redirector/config.h"

#include "agent/host/local_access.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>

namespace veilwire::redirector {
namespace {

[[noreturn]] void fail(const std::string& what) { throw host::ConfigError("[redirector] " + what); }

template <class T, class Parse>
std::vector<T> parse_all(const std::vector<std::string>& texts, const char* key, Parse parse) {
  std::vector<T> values;
  for (const std::string& text : texts) {
    const auto value = parse(text);
    if (!value) fail(std::string(key) + ": \"" + text + "\" is not one");
    values.push_back(*value);
  }
  return values;
}

template <class T>
T choose(const host::ConfigSection& section, const char* key, const std::string& fallback,
         std::initializer_list<std::pair<std::string_view, T>> choices) {
  const std::string text = section.text(key, fallback);
  std::string allowed;
  for (const auto& [name, value] : choices) {
    if (name == text) return value;
    allowed += (allowed.empty() ? "\"" : ", \"") + std::string(name) + "\"";
  }
  fail(std::string(key) + ": \"" + text + "\" is not one of " + allowed);
}

vw_needle make_needle(std::string_view text, unsigned where) {
  if (text.empty() || text.size() > VW_NEEDLE_LENGTH)
    fail("\"" + std::string(text) + "\" is empty or longer than " +
         std::to_string(VW_NEEDLE_LENGTH) + " bytes with its ends");
  vw_needle needle{};
  needle.where = where;
  needle.length = static_cast<unsigned>(text.size());
  std::memcpy(needle.text, text.data(), text.size());
  std::memset(needle.mask, 0xff, text.size());
  return needle;
}

void check_ports(const std::vector<std::uint16_t>& ports) {
  // Names must resolve whatever happens to the proxy.
  for (const std::uint16_t port : ports)
    if (port == 53 || port == 853) fail("ports: DNS is never intercepted");
}

}  // namespace

Settings read_settings(const host::ConfigSection& section) {
  Settings s;
  s.cgroup = section.text("cgroup", s.cgroup);
  s.proxy_cgroup = section.text("proxy_cgroup", s.proxy_cgroup);
  s.pin_directory = section.text("pin_directory", s.pin_directory);
  s.socket = section.text("socket", s.socket);
  s.status_socket = section.text("status_socket", s.status_socket);
  s.status_readers = section.texts("status_readers", host::default_status_readers());
  s.proxy_user = section.text("proxy_user", s.proxy_user);
  const std::vector<std::int64_t> ports =
      section.integers("ports", {s.ports.begin(), s.ports.end()}, 1, 65535);
  s.ports.clear();
  for (const std::int64_t port : ports) s.ports.push_back(static_cast<std::uint16_t>(port));
  check_ports(s.ports);
  s.names = section.texts("names", s.names);
  s.paths = section.texts("paths", s.paths);
  s.arguments = section.texts("arguments", s.arguments);
  s.interpreters = section.texts("interpreters", s.interpreters);
  s.targets = parse_all<Prefix>(section.texts("targets", {}), "targets", parse_prefix);
  s.endpoints = parse_all<Endpoint>(section.texts("endpoints", {}), "endpoints", parse_endpoint);
  s.when_proxy_dead = choose<vw_mode>(section, "when_proxy_dead", "closed",
                                      {{"closed", VW_MODE_CLOSED}, {"open", VW_MODE_OPEN}});
  s.when_egress_filtered = choose<vw_egress_policy>(
      section, "when_egress_filtered", "refuse",
      {{"refuse", VW_EGRESS_REFUSE}, {"pass", VW_EGRESS_PASS}, {"redirect", VW_EGRESS_REDIRECT}});
  s.refuse_quic = section.boolean("refuse_quic", s.refuse_quic);
  s.heartbeat =
      std::chrono::seconds(section.integer("heartbeat_seconds", s.heartbeat.count(), 0, 3600));
  s.check = std::chrono::seconds(section.integer("check_seconds", s.check.count(), 1, 3600));
  s.log_level = section.text("log_level", s.log_level);
  section.check();
  make_needles(s);
  return s;
}

std::vector<vw_needle> make_needles(const Settings& settings) {
  std::vector<vw_needle> needles;
  for (const std::string& name : settings.names) {
    if (name.empty() || name.find('/') != std::string::npos)
      fail("names: \"" + name + "\" is no basename");
    std::string whole = "/" + name;
    whole.push_back('\0');
    // As an argument, too: `node /usr/local/bin/claude` executes node.
    needles.push_back(make_needle(whole, VW_NEEDLE_PATH | VW_NEEDLE_ARGUMENT));
  }
  for (const std::string& path : settings.paths)
    needles.push_back(make_needle(path, VW_NEEDLE_PATH));
  for (const std::string& argument : settings.arguments)
    needles.push_back(make_needle(argument, VW_NEEDLE_ARGUMENT));
  if (needles.size() > VW_NEEDLE_COUNT)
    fail("names, paths and arguments are more than " + std::to_string(VW_NEEDLE_COUNT));
  return needles;
}

}  // namespace veilwire::redirector
