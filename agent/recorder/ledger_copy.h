// A ledger as it was at one moment, in a file of its own that needs no write-ahead log beside it.
// The recorder may go on writing meanwhile: it is not made to wait, but what it writes stays in its
// write-ahead log until the copy is done. Tested by tests/unit/ctl/audit_backup_test.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace veilwire::recorder {

// to: an empty file. progress: pages that are copied, of all. Throws SqliteError, and leaves a file
// that is to be thrown away. What returns is not on disk yet.
void copy_ledger(const std::string& from, const std::string& to,
                 const std::function<void(std::uint64_t done, std::uint64_t all)>& progress);

}  // namespace veilwire::recorder
