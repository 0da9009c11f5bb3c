// Whom a sink trusts and what it shows of itself, from files that are read again when they change:
// certificates of receivers and of hosts are renewed while the program runs. Tested by
// tests/unit/forwarder/tls_files_test.cpp.
#pragma once

#include "agent/host/config.h"
#include "userspace/base/result.h"
#include "userspace/wire/tls_context.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace veilwire::forwarder {

// Keys of a sink: ca_file (the system's), certificate_file and key_file (none), all PEM.
struct TlsSettings {
  std::string roots = "/etc/ssl/certs/ca-certificates.crt";
  // Our own CA stands in the system's store and says nothing about a receiver; may be missing.
  std::string never_trust = "/etc/veilwire/ca.pem";
  std::string certificate, key;  // both or neither
  // Not with receivers that refuse to resume where they ask for a certificate, as librelp with
  // OpenSSL does: each refusal would cost an attempt.
  bool resumes = true;
};
TlsSettings read_tls_settings(const host::ConfigSection& section);

class TlsFiles {
 public:
  explicit TlsFiles(TlsSettings settings) : settings_(std::move(settings)) {}

  // The error is for an operator, and may be gone the next time.
  Result<std::shared_ptr<wire::TlsClientContext>, std::string> context();

 private:
  struct Stamp {
    std::string path;
    std::uint64_t inode = 0;
    std::int64_t size = -1, changed_ns = 0;  // -1: it is not there
    bool operator==(const Stamp&) const = default;
  };
  std::vector<Stamp> stamps() const;

  TlsSettings settings_;
  std::vector<Stamp> of_context_;
  std::shared_ptr<wire::TlsClientContext> context_;
};

}  // namespace veilwire::forwarder
