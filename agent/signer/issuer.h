// Decides which certificates are made, and keeps those that are: the pure part of veilwire-signer.
// Time and randomness are arguments. Tested by tests/unit/signer/issuer_test.cpp.
#pragma once

#include "agent/host/protocol/signer.h"
#include "userspace/base/time.h"
#include "userspace/crypto/random.h"
#include "userspace/wire/leaf_cert.h"

#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace veilwire::signer {

struct IssuerOptions {
  // Exact names, or "*.example.com" for one label. Empty: whatever the CA's own constraints permit,
  // if it has any.
  std::vector<std::string> hosts;
  std::chrono::hours validity{24};
  // Kept certificates; the least recently asked for goes first.
  std::size_t cached = 512;
  // New certificates: this many at once, then this many a second. A proxy needs one for each host
  // and day; a stolen proxy must not turn us into a heater or fill logs.
  unsigned burst = 64;
  unsigned per_second = 8;
};

class Issuer {
 public:
  // Throws std::runtime_error for an authority that cannot be used: start-up only.
  Issuer(wire::CertificateAuthority authority, IssuerOptions options, crypto::RandomSource random,
         Now now);

  // Another authority signs from here on; what the former one has signed is not given again. Throws
  // as the constructor does, and changes nothing.
  void replace(wire::CertificateAuthority authority, WallTime now);

  host::protocol::SignerReply answer(const host::protocol::SignerRequest& request, Now now);

  struct Counters {
    std::uint64_t made = 0, from_cache = 0, not_permitted = 0, bad = 0, too_many = 0,
                  unavailable = 0;
  };
  const Counters& counters() const { return counters_; }
  const wire::CertificateAuthority& authority() const { return authority_; }

 private:
  struct Entry {
    std::string key;
    host::protocol::SignerReply reply;
    WallTime renew_from;
  };
  using Entries = std::list<Entry>;

  void check(const wire::CertificateAuthority& authority, WallTime now) const;
  bool permitted(std::string_view name) const;
  bool spend(Monotonic now);
  host::protocol::SignerReply make(const std::string& name, std::string_view spki, Now now);

  wire::CertificateAuthority authority_;
  IssuerOptions options_;
  crypto::RandomSource random_;
  Entries entries_;  // the most recently asked for first
  std::unordered_map<std::string_view, Entries::iterator> by_key_;
  // Credit for new certificates, in nanoseconds of waiting already done.
  std::chrono::nanoseconds credit_;
  Monotonic credited_;
  Counters counters_;
};

}  // namespace veilwire::signer
