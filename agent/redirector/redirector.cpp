#include "agent/redirector/redirector.h"

#include "agent/host/log.h"
#include "agent/redirector/detach.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <exception>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

#include <poll.h>

namespace veilwire::redirector {
namespace {

std::uint32_t milliseconds_of(std::chrono::seconds time) {
  return static_cast<std::uint32_t>(std::chrono::milliseconds(time).count());
}

}  // namespace

Redirector::Redirector(const Settings& settings, host::UniqueFd listener, std::uint32_t proxy_uid,
                       std::unique_ptr<host::protocol::StatusSocket> status)
    : settings_(settings),
      programs_(settings_.pin_directory),
      maps_(versioned_directory(settings_.pin_directory) + "/maps"),
      labeller_(settings_, maps_, programs_, iterators_),
      targets_(maps_, settings_.targets, Targets::Time::clock::now()),
      service_(std::move(listener), proxy_uid, maps_, targets_,
               [this](int pid) { return register_proxy(pid); }),
      status_(std::move(status)),
      clients_(open_cgroup(settings_.cgroup)) {
  // Half of a set would redirect nothing, or what nobody accepts. What an earlier run attached
  // stays, though.
  const std::vector<LinkState> before = look_at_links(settings_.pin_directory);
  const bool first = std::none_of(before.begin(), before.end(),
                                  [](const LinkState& link) { return link.link_id != 0; });
  try {
    attach();
  } catch (...) {
    if (first) detach_this_layout(settings_.pin_directory);
    throw;
  }
  // What somebody detached while we were away.
  for (const LinkState& link : before) {
    if (first || of_proxy_side(program_of(link)) || (link.attached && link.effective)) continue;
    ++losses_;
    host::log::error(link.name + " was not in force when this program started; it is again");
    tell(link.name, true, UINT32_MAX);
  }
  for (const std::string& left : detach_other_layouts(settings_.pin_directory))
    host::log::error("of an older version: " + left);
}

void Redirector::attach() {
  check_proc();
  write_settings();
  programs_.attach_labels();
  labeller_.scan();
  take_over_proxy();
  share_egress();
  programs_.attach_client_side(clients_);
}

void Redirector::write_settings() {
  maps_.set_needles(make_needles(settings_));
  std::map<std::uint16_t, std::uint32_t> ports;
  for (const std::uint16_t port : settings_.ports)
    ports[port] = VW_PORT_LABELLED | VW_PORT_TARGET | (settings_.refuse_quic ? VW_PORT_QUIC : 0U);
  maps_.set_ports(ports);
  maps_.set_endpoints(settings_.endpoints);
  const vw_place place = programs_.look_around();
  vw_settings kernel = maps_.settings();
  kernel.pid_level = place.pid_level;
  kernel.pid_namespace = place.pid_namespace;
  kernel.mode = settings_.when_proxy_dead;
  kernel.egress_policy = settings_.when_egress_filtered;
  kernel.heartbeat_limit_ns = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(settings_.heartbeat).count());
  kernel.proxy_cgroup_id = 0;
  kernel.proxy_cgroup_level = 0;
  maps_.set_settings(kernel);
}

void Redirector::attach_proxy(const std::string& name) {
  Cgroup cgroup = open_cgroup(name);
  programs_.attach_proxy_side(cgroup);
  // A cgroup that holds the clients as well must not be exempt; one that was merely learnt may.
  const bool holds_clients =
      cgroup.id == clients_.id || clients_.path.starts_with(cgroup.path + "/");
  if (!settings_.proxy_cgroup.empty() && !holds_clients) {
    vw_settings kernel = maps_.settings();
    kernel.proxy_cgroup_level = programs_.look_around().cgroup_level + cgroup.level;
    kernel.proxy_cgroup_id = cgroup.id;
    maps_.set_settings(kernel);
  }
  proxy_ = std::move(cgroup);
  share_egress();
}

// The proxy goes on while we are away: what it attached is replaced by our programs, and its cgroup
// known again.
void Redirector::take_over_proxy() {
  if (!settings_.proxy_cgroup.empty()) {
    try {
      attach_proxy(settings_.proxy_cgroup);
    } catch (const std::exception& error) {
      host::log::info(std::string("the proxy's cgroup is not there yet: ") + error.what());
    }
    return;
  }
  programs_.update_proxy_side();
  for (const LinkState& link : look_at_links(settings_.pin_directory))
    if (program_of(link) == "vw_getsockopt" && link.effective && !proxy_)
      proxy_ = open_cgroup_by_id(link.cgroup_id);
}

bool Redirector::register_proxy(int pid) {
  const std::string configured = settings_.proxy_cgroup;
  const std::string name = configured.empty() ? cgroup_of(pid).value_or(std::string()) : configured;
  if (name.empty() || !labeller_.exempt(static_cast<std::uint32_t>(pid))) return false;
  attach_proxy(name);
  host::log::info("the proxy has registered, process " + std::to_string(pid));
  return true;
}

// Egress programs that bind the proxy as well are no filter that a redirect would evade, nor is our
// own.
void Redirector::share_egress() {
  // During an upgrade both the old program of ours and the new one are met.
  std::vector<std::uint32_t> ids{programs_.egress_program_id()};
  for (const LinkState& link : look_at_links(settings_.pin_directory))
    if (link.name == "vw_egress" && link.program_id != 0) ids.push_back(link.program_id);
  if (proxy_)
    for (const std::uint32_t id : effective_egress(*proxy_)) ids.push_back(id);
  ids.resize(VW_SHARED_EGRESS_COUNT);
  vw_settings kernel = maps_.settings();
  if (std::equal(ids.begin(), ids.end(), kernel.shared_egress)) return;
  std::copy(ids.begin(), ids.end(), kernel.shared_egress);
  maps_.set_settings(kernel);
}

// By `detach`: what is gone shall be gone.
void Redirector::note_switched_off() {
  if (std::exchange(switched_off_, true)) return;
  ++losses_;
  host::log::warning("switched off by veilwire-redirector detach: nothing is intercepted");
  tell("interception", false, UINT32_MAX);
}

// Root can detach us; what matters is that it does not go unseen. What can be is attached again.
void Redirector::note_losses() {
  // There has been no proxy yet: its side is not lost.
  const std::vector<std::string> gone = programs_.not_in_force(proxy_.has_value());
  std::vector<std::string> left;
  if (!gone.empty()) {
    try {
      mend();
    } catch (const std::exception& error) {
      if (lost_.empty()) host::log::error(std::string("cannot attach again: ") + error.what());
    }
    left = programs_.not_in_force(proxy_.has_value());
  }
  const std::set<std::string> still(left.begin(), left.end());
  for (const std::string& program : gone) {
    if (lost_.contains(program)) continue;
    ++losses_;
    const bool restored = !still.contains(program);
    host::log::error(program +
                     " was no longer in force: connections were not intercepted as they should. "
                     "Find out who detached it" +
                     (restored ? "; it is attached again" : ""));
    tell(program, restored, restored ? milliseconds_of(settings_.check) : UINT32_MAX);
  }
  for (const std::string& program : lost_) {
    if (still.contains(program)) continue;
    host::log::info(program + " is in force again");
    tell(program, true, UINT32_MAX);
  }
  lost_ = still;
}

void Redirector::check() {
  if (maps_.settings().mode == VW_MODE_OFF) {
    note_switched_off();
  } else {
    note_losses();
  }
  service_.send_notices();
  share_egress();
  labeller_.sweep();
  targets_.expire(Targets::Time::clock::now());
}

// Numbers alone, for who counts: who is redirected is told by read_status().
std::string Redirector::kernel_numbers() const {
  const std::vector<LinkState> links = look_at_links(settings_.pin_directory);
  const auto effective = std::count_if(links.begin(), links.end(), [](const LinkState& link) {
    return link.attached && link.effective;
  });
  const vw_settings kernel = maps_.settings();
  const bool on = kernel.mode != VW_MODE_OFF;
  std::string counters;
  for (const auto& [name, count] : maps_.counters())
    counters +=
        (counters.empty() ? "\"" : ",\"") + std::string(name) + "\":" + std::to_string(count);
  return std::string(R"({"effective":)") + (on && all_effective(links) ? "true" : "false") +
         R"(,"mode":")" +
         (!on                           ? "off"
          : kernel.mode == VW_MODE_OPEN ? "open"
                                        : "closed") +
         R"(","programs":)" + std::to_string(links.size()) + R"(,"programs_effective":)" +
         std::to_string(effective) + R"(,"heartbeat":)" + std::to_string(maps_.heartbeat()) +
         R"(,"labels":)" + std::to_string(maps_.labels().size()) + R"(,"counters":{)" + counters +
         "}}";
}

// What is in force is told by read_status(); this is about the program itself.
std::string Redirector::status() const {
  std::string lost;
  for (const std::string& program : lost_) lost += (lost.empty() ? "\"" : ",\"") + program + "\"";
  const auto word = [](bool value) { return value ? "true" : "false"; };
  return std::string(R"({"program":"veilwire-redirector","healthy":)") +
         word(lost_.empty() && !switched_off_) + R"(,"proxy_connected":)" +
         word(service_.has_proxy()) + R"(,"losses":)" + std::to_string(losses_) + R"(,"lost":[)" +
         lost + R"(],"kernel":)" + kernel_numbers() + "}";
}

// As a start does, consumers before producers; what is in its place is updated.
void Redirector::mend() {
  programs_.restore_pins();
  programs_.attach_labels();
  labeller_.scan();
  if (proxy_) programs_.attach_proxy_side(*proxy_);
  share_egress();
  programs_.attach_client_side(clients_);
}

void Redirector::tell(const std::string& program, bool restored, std::uint32_t away_ms) {
  host::protocol::RedirectorNotice notice{host::protocol::kRedirectorVersion,
                                          static_cast<std::uint16_t>(restored ? 1 : 0),
                                          away_ms,
                                          {}};
  program.copy(notice.program, sizeof(notice.program) - 1);
  service_.tell(notice);
}

void Redirector::run(int stop) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point next_check = Clock::now();
  for (;;) {
    if (Clock::now() >= next_check) {
      try {
        check();
      } catch (const std::exception& error) {
        host::log::error(std::string("check: ") + error.what());
      }
      next_check = Clock::now() + settings_.check;
    }
    const auto wait =
        std::chrono::duration_cast<std::chrono::milliseconds>(next_check - Clock::now()).count();
    std::array<pollfd, 5> ready{{{stop, POLLIN, 0},
                                 {labeller_.events_fd(), POLLIN, 0},
                                 {service_.listener_fd(), POLLIN, 0},
                                 {service_.client_fd(), POLLIN, 0},
                                 {status_ ? status_->descriptor() : -1, POLLIN, 0}}};
    if (::poll(ready.data(), ready.size(), static_cast<int>(std::max<long>(wait, 0) + 1)) < 0) {
      if (errno == EINTR) continue;
      throw std::system_error(errno, std::generic_category(), "poll");
    }
    if (ready[0].revents != 0) return;
    try {
      if (ready[1].revents != 0) labeller_.handle_events();
      if (ready[3].revents != 0) service_.handle_client();
      if (ready[2].revents != 0) service_.handle_listener();
      if (ready[4].revents != 0) status_->answer([this] { return status(); });
    } catch (const std::exception& error) {
      host::log::error(error.what());
    }
  }
}

}  // namespace veilwire::redirector
