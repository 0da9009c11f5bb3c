#include "agent/redirector/status.h"

#include "agent/host/log.h"
#include "agent/redirector/iterators.h"
#include "agent/redirector/kernel_maps.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>
#include <system_error>

namespace veilwire::redirector {
namespace {

std::uint64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

std::string_view mode_text(vw_mode mode) {
  switch (mode) {
    case VW_MODE_OFF:
      return "off";
    case VW_MODE_CLOSED:
      return "closed";
    case VW_MODE_OPEN:
      return "open";
  }
  return "unknown";
}

std::string_view state_text(const vw_label& label) {
  switch (static_cast<vw_label_state>(label.word & VW_LABEL_STATE_MASK)) {
    case VW_LABEL_NONE:
      return "none";
    case VW_LABEL_SUSPECT:
      return "suspect";
    case VW_LABEL_CONFIRMED:
      return "confirmed";
    case VW_LABEL_CLEARED:
      return "cleared";
    case VW_LABEL_EXEMPT:
      return "exempt";
  }
  return "unknown";
}

Address address_of(const std::uint8_t (&bytes)[16]) {
  Address address{};
  std::copy(std::begin(bytes), std::end(bytes), address.begin());
  return address;
}

std::string comm_of(const vw_origin& origin) {
  const std::string_view whole(origin.comm, sizeof(origin.comm));
  return host::log::printable(whole.substr(0, whole.find('\0')));
}

// Only what this file needs: keys are ours, texts are printable already.
class Json {
 public:
  Json& open(char bracket) { return separate().raw({&bracket, 1}).first(); }
  Json& close(char bracket) {
    separate_ = false;
    raw({&bracket, 1});
    separate_ = true;
    return *this;
  }
  Json& key(std::string_view name) {
    quote(name);
    raw(":");
    separate_ = false;
    return *this;
  }
  Json& text(std::string_view value) { return quote(value); }
  template <class N>
  Json& number(N value) {
    separate().raw(std::to_string(value));
    return *this;
  }
  Json& boolean(bool value) {
    separate().raw(value ? "true" : "false");
    return *this;
  }
  std::string take() && { return std::move(out_); }

 private:
  Json& first() {
    separate_ = false;
    return *this;
  }
  Json& separate() {
    if (separate_) out_ += ',';
    separate_ = true;
    return *this;
  }
  Json& raw(std::string_view text) {
    out_ += text;
    return *this;
  }
  Json& quote(std::string_view text) {
    separate().raw("\"");
    for (const char c : text) {
      if (c == '"' || c == '\\') out_ += '\\';
      out_ += c;
    }
    return raw("\"");
  }
  std::string out_;
  bool separate_ = false;
};

// 0: it is outside of our PID namespace, or gone.
std::uint32_t own_tgid(const Status& status, std::uint32_t tgid) {
  if (!status.own_tgids) return tgid;
  const auto at = status.own_tgids->find(tgid);
  return at == status.own_tgids->end() ? 0 : at->second;
}

void write_links(Json& json, const Status& status) {
  json.key("links").open('[');
  for (const LinkState& link : status.links)
    json.open('{')
        .key("program")
        .text(link.name)
        .key("link_id")
        .number(link.link_id)
        .key("program_id")
        .number(link.program_id)
        .key("cgroup_id")
        .number(link.cgroup_id)
        .key("attached")
        .boolean(link.attached)
        .key("effective")
        .boolean(link.effective)
        .close('}');
  json.close(']');
}

void write_redirected(Json& json, const Status& status) {
  json.key("redirected").open('[');
  for (const vw_redirected& socket : status.redirected) {
    const vw_origin& origin = socket.origin;
    json.open('{')
        .key("source")
        .text(to_string(Endpoint{address_of(socket.source), socket.source_port}))
        .key("destination")
        .text(to_string(Endpoint{address_of(origin.destination), origin.destination_port}))
        .key("tgid")
        .number(origin.own_tgid)
        .key("uid")
        .number(origin.uid)
        .key("comm")
        .text(comm_of(origin))
        .key("flags")
        .number(origin.flags)
        .close('}');
  }
  json.close(']');
}

}  // namespace

Status read_status(const std::string& pin_directory) {
  Status status;
  // Whoever looks while pins are made, restored or removed finds some of them: not loaded, as
  // without.
  std::optional<KernelMaps> pinned;
  try {
    pinned.emplace(versioned_directory(pin_directory) + "/maps");
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::no_such_file_or_directory) throw;
    return status;
  }
  const KernelMaps& maps = *pinned;
  const Iterators iterators;
  status.loaded = true;
  const vw_settings settings = maps.settings();
  status.mode = static_cast<vw_mode>(settings.mode);
  status.links = look_at_links(pin_directory);
  status.effective = status.mode != VW_MODE_OFF && all_effective(status.links);
  status.listeners = iterators.listeners(maps.marks_fd());
  const std::uint64_t beat = maps.heartbeat();
  const std::uint64_t now = monotonic_ns();
  if (beat != 0)
    status.heartbeat_age_ms =
        (static_cast<std::int64_t>(now) - static_cast<std::int64_t>(beat)) / 1'000'000;
  const bool beats = settings.heartbeat_limit_ns == 0 ||
                     (beat != 0 && (beat > now || now - beat <= settings.heartbeat_limit_ns));
  status.proxy_alive =
      beats && std::any_of(status.listeners.begin(), status.listeners.end(),
                           [](const vw_marked_listener& l) { return l.listening != 0; });
  status.counters = maps.counters();
  status.labels = maps.labels();
  if (settings.pid_level != 0) {
    status.own_tgids.emplace();
    for (const vw_process& process : iterators.processes())
      status.own_tgids->emplace(process.tgid, process.own_tgid);
  }
  status.ports = maps.ports();
  status.targets = maps.targets();
  status.endpoints = maps.endpoints();
  status.redirected = iterators.redirected(maps.origins_fd());
  return status;
}

std::string to_json(const Status& status) {
  Json json;
  json.open('{')
      .key("loaded")
      .boolean(status.loaded)
      .key("effective")
      .boolean(status.effective)
      .key("proxy_alive")
      .boolean(status.proxy_alive)
      .key("mode")
      .text(mode_text(status.mode))
      .key("heartbeat_age_ms")
      .number(status.heartbeat_age_ms);
  write_links(json, status);
  json.key("listeners").open('[');
  for (const vw_marked_listener& listener : status.listeners)
    json.open('{')
        .key("netns_cookie")
        .number(listener.netns_cookie)
        .key("port")
        .number(listener.port)
        .key("family")
        .number(listener.six != 0 ? 6 : 4)
        .key("listening")
        .boolean(listener.listening != 0)
        .close('}');
  json.close(']').key("counters").open('{');
  for (const auto& [name, count] : status.counters) json.key(name).number(count);
  json.close('}').key("labels").open('[');
  for (const auto& [tgid, label] : status.labels)
    json.open('{')
        .key("tgid")
        .number(own_tgid(status, tgid))
        .key("state")
        .text(state_text(label))
        .key("root_tgid")
        .number(own_tgid(status, label.root_tgid))
        .close('}');
  json.close(']').key("ports").open('[');
  for (const std::uint16_t port : status.ports) json.number(port);
  json.close(']').key("targets").open('[');
  for (const Prefix& target : status.targets) json.text(to_string(target));
  json.close(']').key("endpoints").open('[');
  for (const Endpoint& endpoint : status.endpoints) json.text(to_string(endpoint));
  json.close(']');
  write_redirected(json, status);
  json.close('}');
  return std::move(json).take();
}

std::string to_text(const Status& status) {
  if (!status.loaded) return "veilwire is not loaded: nothing is intercepted\n";
  std::string text;
  text += std::string("interception  ") + (status.effective ? "effective" : "NOT EFFECTIVE") + "\n";
  text += std::string("proxy         ") + (status.proxy_alive ? "alive" : "DEAD") +
          ", when dead: " + std::string(mode_text(status.mode)) + "\n";
  for (const LinkState& link : status.links)
    if (!link.attached || !link.effective) text += "  lost        " + link.name + "\n";
  text += "labelled      " + std::to_string(status.labels.size()) + " processes\n";
  text += "targets       " + std::to_string(status.targets.size()) + " prefixes, " +
          std::to_string(status.endpoints.size()) + " endpoints\n";
  text += "redirected    " + std::to_string(status.redirected.size()) + " open connections\n";
  for (const vw_redirected& socket : status.redirected)
    text +=
        "  " + comm_of(socket.origin) + " (" + std::to_string(socket.origin.own_tgid) + ", uid " +
        std::to_string(socket.origin.uid) + ") to " +
        to_string(Endpoint{address_of(socket.origin.destination), socket.origin.destination_port}) +
        "\n";
  for (const auto& [name, count] : status.counters)
    if (count != 0) text += "  " + std::string(name) + " " + std::to_string(count) + "\n";
  return text;
}

}  // namespace veilwire::redirector
