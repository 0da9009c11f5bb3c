// `veilwire audit verify` and `export`: is the ledger what the recorder has signed, and records
// that prove it elsewhere. Each returns the exit code: 0, those of audit_ledger.h, or
// kAuditDisproved. Tested by tests/unit/ctl/audit_proof_test.cpp and, against
// golang.org/x/mod/sumdb, by tests/evidence.
#pragma once

#include "agent/ctl/audit_views.h"
#include "agent/ctl/projection_writer.h"
#include "userspace/proof/signed_note.h"

#include <string>
#include <vector>

namespace veilwire::ctl {

inline constexpr int kAuditDisproved = 4;  // something does not hold

struct VerifyOptions {
  std::vector<proof::NoteVerifier> keys;       // of the log, that the caller trusts
  std::vector<proof::NoteVerifier> witnesses;  // likewise
  bool json = false;
  bool progress = false;  // on a terminal, while it reads the ledger
};

int audit_verify(recorder::LedgerReader& ledger, const VerifyOptions& options,
                 const Screen& screen);
int audit_verify_bundle(const std::string& path, const VerifyOptions& options,
                        const Screen& screen);

struct ExportOptions {
  std::vector<std::string> ids;     // exchanges, as for show; none: what the filter finds
  recorder::ExchangeFilter filter;  // not used for `all`
  bool all = false;                 // every record of the ledger
  std::string out;                  // "-": standard output
  ExportFormat format = ExportFormat::Bundle;
  projection::Level level = projection::Level::Masked;  // a bundle is always all of it
  std::string version = {};                             // of this program, for those who read it
};
// Of a bundle, what is newer than the last checkpoint is not proven yet and stays behind; that is
// said.
int audit_export(recorder::LedgerReader& ledger, const ExportOptions& options,
                 const Screen& screen);

}  // namespace veilwire::ctl
