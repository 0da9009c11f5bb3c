// Who may open the originals that a policy keeps: its certificates, which the caller has read.
// Tested by tests/unit/policy/auditors_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/policy/policy.h"
#include "userspace/sealing/auditors.h"

#include <memory>
#include <span>
#include <string>

namespace veilwire::policy {

// certificates: the texts of Policy::auditors, in that order. nullptr where there are none. The
// error stands where the policy names the certificate that is at fault.
Result<std::shared_ptr<const sealing::Auditors>, PolicyError> make_auditors(
    const Policy& policy, std::span<const std::string> certificates, WallTime now);

}  // namespace veilwire::policy
