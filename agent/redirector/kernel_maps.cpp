#include "agent/redirector/kernel_maps.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <system_error>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

namespace veilwire::redirector {
namespace {

host::UniqueFd open_map(const std::string& directory, const char* name) {
  const std::string path = directory + "/" + name;
  host::UniqueFd fd(::bpf_obj_get(path.c_str()));
  if (!fd) throw std::system_error(errno, std::generic_category(), path);
  return fd;
}

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// A key that is deleted while we stand on it makes the kernel start over: bounded, for a busy host
// would otherwise keep us here. Callers bear a key that comes twice.
constexpr std::size_t kMostKeys = 256 * 1024;

template <class Key>
std::vector<Key> keys_of(const host::UniqueFd& map) {
  std::vector<Key> keys;
  Key key{};
  const Key* previous = nullptr;
  while (keys.size() < kMostKeys && ::bpf_map_get_next_key(map.get(), previous, &key) == 0) {
    keys.push_back(key);
    previous = &keys.back();
  }
  return keys;
}

// An entry that goes away while we read is not an error: it is not there.
template <class Key, class Value>
std::vector<std::pair<Key, Value>> entries_of(const host::UniqueFd& map) {
  std::vector<std::pair<Key, Value>> entries;
  for (const Key& key : keys_of<Key>(map)) {
    Value value{};
    if (::bpf_map_lookup_elem(map.get(), &key, &value) == 0) entries.emplace_back(key, value);
  }
  return entries;
}

constexpr std::uint32_t kZero = 0;
constexpr std::uint32_t kPresent = 1;

vw_endpoint key_of(const Endpoint& endpoint) {
  vw_endpoint key{};
  std::copy(endpoint.address.begin(), endpoint.address.end(), key.address);
  key.port = endpoint.port;
  return key;
}

// IPv4 prefixes live in a trie of their own, without the mapped form's first 96 bits.
struct TargetKey {
  bool four;
  vw_prefix4 key4{};
  vw_prefix6 key6{};
  const void* data() const {
    return four ? static_cast<const void*>(&key4) : static_cast<const void*>(&key6);
  }
};
TargetKey key_of(const Prefix& prefix) {
  TargetKey key{is_mapped4(prefix.address) && prefix.bits >= 96, {}, {}};
  if (key.four) {
    key.key4.bits = prefix.bits - 96;
    std::memcpy(key.key4.address, prefix.address.data() + 12, sizeof(key.key4.address));
  } else {
    key.key6.bits = prefix.bits;
    std::copy(prefix.address.begin(), prefix.address.end(), key.key6.address);
  }
  return key;
}

#define VW_REASON_TEXT(name, text) text,
constexpr std::array<std::string_view, VW_REASON_COUNT> kReasonNames{VW_REASONS(VW_REASON_TEXT)};
#undef VW_REASON_TEXT

}  // namespace

KernelMaps::KernelMaps(const std::string& directory)
    : settings_(open_map(directory, "settings")),
      heartbeat_(open_map(directory, "heartbeat")),
      counters_(open_map(directory, "counters")),
      labels_(open_map(directory, "labels")),
      executables_(open_map(directory, "executables")),
      needles_(open_map(directory, "needles")),
      events_(open_map(directory, "events")),
      ports_(open_map(directory, "ports")),
      targets4_(open_map(directory, "targets4")),
      targets6_(open_map(directory, "targets6")),
      endpoints_(open_map(directory, "endpoints")),
      listeners_(open_map(directory, "listeners")),
      marks_(open_map(directory, "marks")),
      origins_(open_map(directory, "origins")),
      handoff_(open_map(directory, "handoff")) {}

vw_settings KernelMaps::settings() const {
  vw_settings settings{};
  if (::bpf_map_lookup_elem(settings_.get(), &kZero, &settings) != 0) fail("settings map");
  return settings;
}

void KernelMaps::set_settings(const vw_settings& settings) {
  if (::bpf_map_update_elem(settings_.get(), &kZero, &settings, BPF_ANY) != 0) fail("settings map");
}

std::vector<std::pair<std::string_view, std::uint64_t>> KernelMaps::counters() const {
  std::vector<std::pair<std::string_view, std::uint64_t>> result;
  for (std::uint32_t i = 0; i < VW_REASON_COUNT; ++i)
    result.emplace_back(kReasonNames[i], counter(static_cast<vw_reason>(i)));
  return result;
}

std::uint64_t KernelMaps::counter(vw_reason reason) const {
  std::vector<std::uint64_t> per_cpu(static_cast<std::size_t>(::libbpf_num_possible_cpus()));
  const auto key = static_cast<std::uint32_t>(reason);
  if (::bpf_map_lookup_elem(counters_.get(), &key, per_cpu.data()) != 0) fail("counters map");
  std::uint64_t sum = 0;
  for (const std::uint64_t count : per_cpu) sum += count;
  return sum;
}

std::vector<std::pair<std::uint32_t, vw_label>> KernelMaps::labels() const {
  return entries_of<std::uint32_t, vw_label>(labels_);
}

std::optional<vw_label> KernelMaps::label(std::uint32_t tgid) const {
  vw_label label{};
  if (::bpf_map_lookup_elem(labels_.get(), &tgid, &label) != 0) return std::nullopt;
  return label;
}

bool KernelMaps::insert_label(std::uint32_t tgid, const vw_label& label) {
  return ::bpf_map_update_elem(labels_.get(), &tgid, &label, BPF_NOEXIST) == 0;
}

void KernelMaps::add_executable(const vw_exe& exe) {
  if (::bpf_map_update_elem(executables_.get(), &exe, &kPresent, BPF_ANY) != 0)
    fail("executables map");
}

std::vector<vw_exe> KernelMaps::executables() const { return keys_of<vw_exe>(executables_); }

void KernelMaps::set_needles(const std::vector<vw_needle>& needles) {
  for (std::uint32_t i = 0; i < VW_NEEDLE_COUNT; ++i) {
    const vw_needle needle = i < needles.size() ? needles[i] : vw_needle{};
    if (::bpf_map_update_elem(needles_.get(), &i, &needle, BPF_ANY) != 0) fail("needles map");
  }
  vw_settings settings = this->settings();
  std::memset(settings.needle_first, 0, sizeof(settings.needle_first));
  for (const vw_needle& needle : needles) {
    const std::uint8_t first = needle.text[0];
    settings.needle_first[first / 8] =
        static_cast<std::uint8_t>(settings.needle_first[first / 8] | (1U << (first % 8)));
  }
  set_settings(settings);
}

void KernelMaps::set_ports(const std::map<std::uint16_t, std::uint32_t>& ports) {
  for (const auto& [port, flags] : ports)
    if (::bpf_map_update_elem(ports_.get(), &port, &flags, BPF_ANY) != 0) fail("ports map");
  for (const std::uint16_t port : keys_of<std::uint16_t>(ports_))
    if (!ports.contains(port)) ::bpf_map_delete_elem(ports_.get(), &port);
}

std::vector<std::uint16_t> KernelMaps::ports() const {
  auto ports = keys_of<std::uint16_t>(ports_);
  std::sort(ports.begin(), ports.end());
  return ports;
}

bool KernelMaps::add_target(const Prefix& prefix) {
  const TargetKey key = key_of(prefix);
  const int map = (key.four ? targets4_ : targets6_).get();
  if (::bpf_map_update_elem(map, key.data(), &kPresent, BPF_ANY) == 0) return true;
  if (errno == ENOSPC) return false;
  fail("targets map");
}

void KernelMaps::remove_target(const Prefix& prefix) {
  const TargetKey key = key_of(prefix);
  ::bpf_map_delete_elem((key.four ? targets4_ : targets6_).get(), key.data());
}

std::vector<Prefix> KernelMaps::targets() const {
  std::vector<Prefix> targets;
  for (const vw_prefix4& key : keys_of<vw_prefix4>(targets4_)) {
    Prefix prefix{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, key.bits + 96};
    std::memcpy(prefix.address.data() + 12, key.address, sizeof(key.address));
    targets.push_back(prefix);
  }
  for (const vw_prefix6& key : keys_of<vw_prefix6>(targets6_)) {
    Prefix prefix{{}, key.bits};
    std::memcpy(prefix.address.data(), key.address, sizeof(key.address));
    targets.push_back(prefix);
  }
  return targets;
}

void KernelMaps::set_endpoints(const std::vector<Endpoint>& endpoints) {
  for (const Endpoint& endpoint : endpoints) {
    const vw_endpoint key = key_of(endpoint);
    if (::bpf_map_update_elem(endpoints_.get(), &key, &kPresent, BPF_ANY) != 0)
      fail("endpoints map");
  }
  for (const Endpoint& old : this->endpoints()) {
    if (std::find(endpoints.begin(), endpoints.end(), old) != endpoints.end()) continue;
    const vw_endpoint key = key_of(old);
    ::bpf_map_delete_elem(endpoints_.get(), &key);
  }
}

std::vector<Endpoint> KernelMaps::endpoints() const {
  std::vector<Endpoint> endpoints;
  for (const vw_endpoint& key : keys_of<vw_endpoint>(endpoints_)) {
    Endpoint endpoint{{}, key.port};
    std::memcpy(endpoint.address.data(), key.address, sizeof(key.address));
    endpoints.push_back(endpoint);
  }
  return endpoints;
}

std::optional<vw_listener> KernelMaps::listener(std::uint64_t netns_cookie) const {
  vw_listener listener{};
  if (::bpf_map_lookup_elem(listeners_.get(), &netns_cookie, &listener) != 0) return std::nullopt;
  return listener;
}

void KernelMaps::set_listener(std::uint64_t netns_cookie, const vw_listener& listener) {
  if (::bpf_map_update_elem(listeners_.get(), &netns_cookie, &listener, BPF_ANY) != 0)
    fail("listeners map");
}

std::vector<std::pair<std::uint64_t, vw_listener>> KernelMaps::listeners() const {
  return entries_of<std::uint64_t, vw_listener>(listeners_);
}

void KernelMaps::mark_listener(int listening_socket) {
  const vw_listener_mark mark{VW_LISTENER_MARK};
  if (::bpf_map_update_elem(marks_.get(), &listening_socket, &mark, BPF_ANY) != 0)
    fail("marks map");
}

std::uint64_t KernelMaps::heartbeat() const {
  vw_heartbeat beat{};
  if (::bpf_map_lookup_elem(heartbeat_.get(), &kZero, &beat) != 0) fail("heartbeat map");
  return beat.beat_ns;
}

std::size_t KernelMaps::handoffs() const { return keys_of<vw_tuple>(handoff_).size(); }

}  // namespace veilwire::redirector
