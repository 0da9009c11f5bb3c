// `veilwire audit open`: originals, for who has an auditor's key. Tested by
// tests/unit/ctl/audit_open_test.cpp.
#pragma once

#include "agent/ctl/audit_views.h"
#include "agent/recorder/ledger_reader.h"
#include "userspace/audit/parse.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::ctl {

inline constexpr int kAuditLocked = 5;  // the key that was given does not open them

struct OpenOptions {
  std::string id;         // SESSION, or SESSION.EXCHANGE
  std::string direction;  // "request", "response"; "": both
  // An auditor's, or the key of the session itself, which `openssl cms -decrypt` gives.
  std::string key, certificate, passphrase_file;
  std::string session_key;
  bool json = false;
  bool coded = false;  // with its content coding, as it came
};

// Records of one session, those of the session itself (exchange 0) first; may be read twice.
struct SessionRecords {
  std::string session;
  std::optional<std::uint64_t> exchange;  // only of this one
  using Visit = std::function<void(const audit::Parsed&, std::string_view canonical)>;
  std::function<void(const Visit&)> read;
};

// 0, or: what is asked for is not there (kAuditUnknownId), it does not hold (kAuditDisproved), or
// kAuditLocked, kAuditFailed, kAuditUsage.
int audit_open(const SessionRecords& records, const OpenOptions& options, const Screen& screen);
int audit_open(recorder::LedgerReader& ledger, const OpenOptions& options, const Screen& screen);
// From a bundle that has been exported; only what its proofs hold for is read.
int audit_open_bundle(const std::string& path, const OpenOptions& options, const Screen& screen);

}  // namespace veilwire::ctl
