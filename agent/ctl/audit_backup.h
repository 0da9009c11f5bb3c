// `veilwire audit backup`: the ledger as it is now, in a file of its own, verified. It has its name
// only once it is whole, verified and on disk; until then, and after a crash, it is
// FILE.partial-XXXXXX. Returns the exit code: 0, those of audit_ledger.h, or kAuditDisproved.
// Tested by tests/unit/ctl/audit_backup_test.cpp.
#pragma once

#include "agent/ctl/audit_views.h"

#include <string>

namespace veilwire::ctl {

struct BackupOptions {
  std::string out;        // a file that does not exist yet
  bool progress = false;  // on a terminal
};

int audit_backup(const std::string& ledger, const BackupOptions& options, const Screen& screen);

}  // namespace veilwire::ctl
