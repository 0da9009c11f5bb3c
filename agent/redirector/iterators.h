// Reads what only the kernel knows, by iterators loaded for the purpose: neither maps of ours nor
// the redirector's process are needed. Tested by tests/bpf/label_test.cpp and
// tests/bpf/redirect_test.cpp.
#pragma once

#include "bpf/abi.h"

#include <memory>
#include <vector>

namespace veilwire::redirector {

class Iterators {
 public:
  // Throws std::runtime_error.
  Iterators();
  ~Iterators();
  Iterators(const Iterators&) = delete;
  Iterators& operator=(const Iterators&) = delete;

  // Every process, with the start time and the executable key that the kernel uses.
  std::vector<vw_process> processes() const;
  // Every socket that was redirected and is still there. origins: the map's descriptor.
  std::vector<vw_redirected> redirected(int origins) const;
  // Every authentic listener. marks: the map's descriptor.
  std::vector<vw_marked_listener> listeners(int marks) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace veilwire::redirector
