// Where a credential comes from. Whatever is behind it may be slow: a source is asked on a thread
// of its own, one question at a time.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/secret.h"

#include <chrono>
#include <optional>
#include <string>

namespace veilwire::credentials {

struct Fetched {
  Secret value;
  // How long its source lets it be used; nullopt: it does not say.
  std::optional<std::chrono::seconds> lease = {};
};

class Source {
 public:
  Source() = default;
  virtual ~Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  // Blocks for as long as its own time limit at most. The error is for an operator, without a byte
  // of what was read.
  virtual Result<Fetched, std::string> fetch() const = 0;
};

}  // namespace veilwire::credentials
