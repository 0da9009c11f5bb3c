// Answers the proxy: agent/host/protocol/redirector.h is the whole of what it may ask. A socket
// handed over is marked and closed again at once: the redirector must not keep a dead proxy's
// listener alive. Tested by tests/bpf/service_test.cpp.
#pragma once

#include "agent/host/limited_log.h"
#include "agent/host/local_socket.h"
#include "agent/host/protocol/redirector.h"
#include "agent/host/unique_fd.h"
#include "agent/redirector/kernel_maps.h"
#include "agent/redirector/targets.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace veilwire::redirector {

// What a listening socket is, if it may become authentic: TCP, listening, bound to 127.0.0.1 or
// ::1.
struct ListenerFacts {
  bool six = false;
  std::uint16_t port = 0;
  std::uint64_t netns_cookie = 0;
};
std::optional<ListenerFacts> inspect_listener(int fd);

class Service {
 public:
  // registered is called for each Hello with the caller's pid and says whether the proxy could be
  // made exempt and its side be attached; it throws std::exception otherwise. maps, targets are
  // borrowed.
  Service(host::UniqueFd listener, std::uint32_t proxy_uid, KernelMaps& maps, Targets& targets,
          std::function<bool(int pid)> registered);

  int listener_fd() const { return listener_.get(); }
  int client_fd() const { return client_.get(); }  // -1: none
  bool has_proxy() const { return static_cast<bool>(client_); }

  // To the proxy, now or once there is one that has shown its listeners.
  void tell(const host::protocol::RedirectorNotice& notice);
  // Sends what a proxy that did not read could not be told.
  void send_notices();

  void handle_listener();
  void handle_client();

 private:
  using Answer = host::protocol::RedirectorAnswer;
  Answer answer(host::Message& message, std::vector<int>& descriptors);
  Answer hello(std::vector<int>& descriptors);
  Answer mark(const std::vector<host::UniqueFd>& sockets);
  Answer add_targets(const std::string& bytes);

  host::UniqueFd listener_;
  host::UniqueFd client_;
  int client_pid_ = 0;
  bool registered_client_ = false;  // has shown its listeners
  std::deque<host::protocol::RedirectorNotice> notices_;
  std::uint32_t proxy_uid_;
  KernelMaps& maps_;
  Targets& targets_;
  std::function<bool(int)> registered_;
  host::LimitedLog refusals_;
};

}  // namespace veilwire::redirector
