// Loads the kernel side, attaches it with pinned links, replaces it in place on an upgrade, and
// looks whether it is still there. Closing this object detaches nothing: pins keep programs and
// maps alive. Tested by tests/bpf/lifecycle_test.cpp.
#pragma once

#include "agent/redirector/places.h"
#include "bpf/abi.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::redirector {

// BASE/vN, N being VW_LAYOUT_VERSION: maps of another layout are never reused.
std::string versioned_directory(const std::string& pin_directory);

struct LinkState {
  std::string name;  // of the pin: the program's, and for the proxy's side the cgroup's id
  std::uint32_t link_id = 0;
  std::uint32_t program_id = 0;
  std::uint64_t cgroup_id = 0;  // 0: not a cgroup's, or detached
  bool attached = false;        // the pinned link is there and bound to something
  bool effective = false;       // and the kernel lists its program among those it runs
};

class KernelPrograms {
 public:
  // Loads, reusing the maps pinned in the versioned directory, which is created. Attaches nothing.
  // Throws std::runtime_error with the verifier's last words.
  explicit KernelPrograms(const std::string& pin_directory);
  ~KernelPrograms();
  KernelPrograms(const KernelPrograms&) = delete;
  KernelPrograms& operator=(const KernelPrograms&) = delete;

  // A pinned link to the same cgroup gets our program by an atomic update, anything else a new
  // link. Throws std::runtime_error; what the failing call attached anew is detached again.
  // On a start: labels, then the proxy's side if it is known, then the clients': consumers before
  // producers.
  void attach_labels();
  // One link for each cgroup: a listener that outlives its service in a descriptor store stays in
  // the cgroup that it was created in, although that is removed. Links of cgroups without sockets
  // are dropped.
  void attach_proxy_side(const Cgroup& proxy);
  // Replaces the programs of the proxy's side wherever they are attached.
  void update_proxy_side();
  void attach_client_side(const Cgroup& clients);

  // Makes the pin directories and the pins of maps anew where they were removed; maps that we hold
  // are the same ones.
  void restore_pins() const;
  // Programs that the kernel does not run anywhere, or runs another one in place of. Those of the
  // proxy's side are left out unless `proxy_side`: there may not have been a proxy yet.
  std::vector<std::string> not_in_force(bool proxy_side) const;

  // The kernel compares and swaps a label's word. false: the process is gone or has executed
  // something since.
  bool judge(const vw_judgement& judgement) const;

  // Where this process stands among PID and cgroup namespaces. Throws std::runtime_error.
  vw_place look_around() const;

  std::uint32_t egress_program_id() const { return program_id("vw_egress"); }

 private:
  std::uint32_t program_id(const char* name) const;

  struct State;
  std::unique_ptr<State> state_;
};

// From pins alone: one entry for every program that should be attached, several for those of the
// proxy's side if it has lived in several cgroups.
std::vector<LinkState> look_at_links(const std::string& pin_directory);
// Is every program effective somewhere?
bool all_effective(const std::vector<LinkState>& links);
// The program that a pin is of.
std::string_view program_of(const LinkState& link);
// Is it attached to the proxy's cgroup, and so only once there has been a proxy?
bool of_proxy_side(std::string_view program);

// A program of somebody else that the kernel runs at one of our hooks.
struct Neighbour {
  std::string hook;  // the name of our program there
  std::uint32_t id = 0;
  std::string name = {};  // as its loader called it; may be empty
};
// Programs that are not ours and that the kernel runs at a hook of ours for the tasks of a cgroup.
std::vector<Neighbour> neighbours_at(const Cgroup& cgroup, const std::string& pin_directory);

// Ids of the egress programs effective at a cgroup, the nearest first.
std::vector<std::uint32_t> effective_egress(const Cgroup& cgroup);

}  // namespace veilwire::redirector
