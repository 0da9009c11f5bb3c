// Who may open originals: the certificates that an administrator names, each checked at start-up,
// where a trial key is wrapped for all, and against the clock for every session. Tested by
// tests/unit/sealing/auditors_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/sealing/certificate.h"
#include "userspace/sealing/error.h"
#include "userspace/sealing/format.h"
#include "userspace/sealing/session_key.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace veilwire::sealing {

struct AuditorProblem {
  SealingError error;
  std::size_t certificate = 0;  // from 1; 0: of all together
  std::string subject;          // empty where it cannot be read
};
std::string to_string(const AuditorProblem& problem);  // "auditor 2 (CN=...): its time is over"

class Auditors {
 public:
  // One certificate in PEM each.
  static Result<Auditors, AuditorProblem> load(std::span<const std::string> certificates,
                                               WallTime now);

  const std::vector<Recipient>& recipients() const { return recipients_; }
  // What has become of a certificate since: its time may be over.
  std::optional<AuditorProblem> check(WallTime now) const;
  // Fails where check() does.
  Result<WrappedKey, AuditorProblem> wrap(const SessionKey& key, WallTime now) const;

 private:
  Auditors() = default;
  std::vector<Certificate> certificates_;
  std::vector<Recipient> recipients_;
};

}  // namespace veilwire::sealing
