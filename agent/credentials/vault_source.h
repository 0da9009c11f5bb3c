// A credential in a key-value store of version 2 (KV v2) of HashiCorp Vault, OpenBao or what else
// speaks their HTTP: one read with a token, over TLS. Tested by
// tests/unit/credentials/vault_source_test.cpp against a server of its own.
#pragma once

#include "agent/credentials/source.h"

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace veilwire::credentials {

struct VaultPlace {
  std::string url;    // of the secret: https, but for a loopback address
  std::string field;  // of its data
  // Reads the token; the error is for an operator.
  std::function<Result<Secret, std::string>()> token;
  std::string roots;        // file of trust anchors, PEM
  std::string never_trust;  // file of our own CA, which vouches for nobody; may be missing
};

class VaultSource final : public Source {
 public:
  VaultSource(VaultPlace place, std::chrono::milliseconds patience)
      : place_(std::move(place)), patience_(patience) {}
  Result<Fetched, std::string> fetch() const override;

 private:
  VaultPlace place_;
  std::chrono::milliseconds patience_;
};

// {"data":{"data":{FIELD:value}},"lease_duration":seconds}
Result<Fetched, std::string> read_vault_answer(std::string_view json, std::string_view field);

}  // namespace veilwire::credentials
