// What the audit commands have in common: the ledger, an id as a person types it, what went wrong
// in words. Tested by tests/unit/ctl/audit_commands_test.cpp.
#pragma once

#include "agent/recorder/ledger_reader.h"

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::ctl {

inline constexpr int kAuditFailed = 1;  // the ledger cannot be read
inline constexpr int kAuditUsage = 2;
inline constexpr int kAuditUnknownId = 3;

// SESSION or SESSION.EXCHANGE; SESSION may be its first digits as long as they are unique.
struct AuditId {
  std::string session;
  std::optional<std::uint64_t> exchange;
};
std::optional<AuditId> parse_audit_id(std::string_view text);
std::string audit_id(std::string_view session, std::uint64_t exchange);

// The configured one, or where the recorder writes by default. Throws host::ConfigError.
std::string ledger_path(const std::string& config, bool config_given);

// nullopt after having said to err why.
std::optional<recorder::LedgerReader> open_ledger(const std::string& path, std::ostream& err);

struct Located {
  std::string session;
  std::uint64_t exchange = 0;
};
// The exchange that `id` names; for a bare session its only one. On failure says why and returns
// the exit code.
struct LocateResult {
  std::optional<Located> found;
  int exit_code = 0;
};
LocateResult locate(recorder::LedgerReader& ledger, std::string_view id, std::ostream& err);

}  // namespace veilwire::ctl
