// Work in a process of its own that can be ended whatever it does: a resolver that hangs, a home on
// a server that is away. Tested by tests/unit/doctor/bounded_child_test.cpp.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include <sys/types.h>

namespace veilwire::doctor {

// Called while there is one thread.
struct BoundedWork {
  std::chrono::milliseconds patience{10'000};
  std::optional<uid_t> as = {};  // the user that it runs as, where root asks
  // Gets a function to tell by where it is.
  std::function<std::string(const std::function<void(const std::string&)>& tell)> work;
};
struct BoundedResult {
  std::optional<std::string> bytes;  // what it returned; nullopt: not in time, or it died
  std::string last_told;             // "": nothing
};
BoundedResult in_bounded_child(const BoundedWork& work);

}  // namespace veilwire::doctor
