// Who sends: the same for everything that is projected on a host. Tested by
// tests/unit/projection/otlp_test.cpp.
#pragma once

#include <string>

namespace veilwire::projection {

struct Source {
  std::string version;    // of veilwire
  std::string host_id;    // machine id
  std::string host_name;  // empty where it is not to be said
};

}  // namespace veilwire::projection
