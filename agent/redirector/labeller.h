// The user-space half of labelling: finds the clients that were running before us, and confirms or
// clears what the kernel only suspects. A verdict is swapped in by the kernel and only if nothing
// was executed since; it then spreads to everything that the process has forked.
//
// In a PID namespace of its own the redirector sees the processes in it and below it. Who is
// outside cannot be looked at: it keeps the label that the kernel gave it, so that a suspect stays
// one, and in scope, wherever the programs catch it. Tested by tests/bpf/label_test.cpp and
// tests/bpf/pid_namespace_test.cpp.
#pragma once

#include "agent/redirector/config.h"
#include "agent/redirector/iterators.h"
#include "agent/redirector/kernel_maps.h"
#include "agent/redirector/kernel_programs.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace veilwire::redirector {

class Labeller {
 public:
  // Everything is borrowed and must outlive this object. Throws std::runtime_error.
  Labeller(const Settings& settings, KernelMaps& maps, const KernelPrograms& programs,
           const Iterators& iterators, std::string proc = "/proc");
  ~Labeller();
  Labeller(const Labeller&) = delete;
  Labeller& operator=(const Labeller&) = delete;

  // Parents first, until a pass finds nothing new. The fork and exec programs must be attached
  // before: whoever is started meanwhile is theirs.
  void scan();
  // Readable when events wait.
  int events_fd() const;
  void handle_events();
  // Suspects that no event told of: it was lost, or we were away.
  void sweep();
  // The proxy itself, by its number in our PID namespace. false: there is no such process there.
  bool exempt(std::uint32_t own_tgid);

 private:
  struct Events;
  bool scan_once();
  void handle(const vw_event& event);
  void judge(std::uint32_t tgid, std::uint32_t own_tgid);
  void judge_orphan(std::uint32_t tgid, std::uint32_t own_tgid, const vw_label& label);
  bool swap(std::uint32_t tgid, const vw_label& label, vw_label_state state) const;
  void spread(std::uint32_t root_tgid, std::uint64_t root_start, vw_label_state state);
  const vw_process* find(const std::vector<vw_process>& processes, std::uint32_t tgid) const;

  const Settings& settings_;
  KernelMaps& maps_;
  const KernelPrograms& programs_;
  const Iterators& iterators_;
  std::string proc_;
  std::unique_ptr<Events> events_;
};

}  // namespace veilwire::redirector
