// Could the kernel side run on this host? Tested by tests/unit/doctor/kernel_check_test.cpp.
#pragma once

#include "agent/doctor/finding.h"

#include <string>

namespace veilwire::doctor {

struct KernelFacts {
  std::string probe;    // the document of `veilwire-redirector probe`; "": there is none
  std::string problem;  // why not
  std::string pin_directory;
};

Findings check_kernel(const KernelFacts& facts);

}  // namespace veilwire::doctor
