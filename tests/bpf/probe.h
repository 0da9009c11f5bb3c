// The tests' own kernel programs (probe.bpf.c): predicates to call, and foreign programs to attach
// beside ours.
#pragma once

#include "agent/host/unique_fd.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace veilwire::tests {

class Probe {
 public:
  // maps of the redirector's pins are used where given ("" loads maps of its own).
  explicit Probe(const std::string& maps = "");
  ~Probe();
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  // Runs a program over a context, which it may change. Throws if it cannot run.
  int call(const char* program, void* context, std::size_t size) const;
  int call_with_packet(const char* program, const void* packet, std::size_t size) const;
  // A link as long as the descriptor lives. flags: 0 attaches as a link (multi);
  // BPF_F_ALLOW_OVERRIDE and the like attach the old way, which is exclusive.
  host::UniqueFd attach(const char* program, const std::string& cgroup) const;
  void attach_exclusive(const char* program, const std::string& cgroup) const;
  void detach_exclusive(const char* program, const std::string& cgroup) const;
  bool is_effective(const char* program, const std::string& cgroup) const;
  // As an administrator could.
  void detach_pinned(const std::string& pin) const;
  void replace_pinned(const std::string& pin, const char* program) const;
  bool link_exists(std::uint32_t id) const;
  static std::string program_name(std::uint32_t id);  // its first 15 bytes; "" when there is none

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace veilwire::tests
