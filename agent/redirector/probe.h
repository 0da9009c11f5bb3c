// Could the kernel side run here, and who else is at its hooks? Loads the programs once without
// attaching or pinning anything, because only the verifier knows: a list of features says that a
// helper exists, not that our use of it passes. Told as JSON to `veilwire doctor`. Tested by
// tests/bpf/program_test.cpp.
#pragma once

#include "agent/redirector/kernel_programs.h"

#include <string>
#include <vector>

namespace veilwire::redirector {

struct Probe {
  std::string release;  // of the kernel
  bool btf = false;
  std::string cgroup2;         // mount point; "": none
  std::string cgroup_problem;  // of the configured cgroup; "": it is there
  bool bpffs = false;          // the pin directory lies on one
  bool loads = false;
  std::string load_error;            // the loader's last words
  std::vector<std::string> missing;  // program and map types that the kernel does not have
  std::vector<Neighbour> neighbours;
};

Probe probe(const std::string& pin_directory, const std::string& cgroup);
std::string to_json(const Probe& probe);  // one object

}  // namespace veilwire::redirector
