// The operating system's users and groups, through NSS, so that files, LDAP, SSSD and systemd's
// dynamic users all count. Tested by tests/unit/identity/local_source_test.cpp.
#pragma once

#include "agent/identity/source.h"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace veilwire::agent_identity {

// The account with the names of all its groups; no value: there is none. Blocks as NSS does.
// first_buffer: bytes that an entry is expected to need; it grows as NSS asks for more.
Result<std::optional<identity::Account>, identity::Refusal> look_up_account(
    std::uint32_t uid, std::size_t first_buffer = 4096);

class LocalSource : public IdentitySource {
 public:
  explicit LocalSource(std::size_t first_buffer = 4096) : first_buffer_(first_buffer) {}
  Result<identity::Person, identity::Refusal> identify(const identity::Peer& peer) override;
  std::string key(const identity::Peer& peer) const override;

 private:
  std::size_t first_buffer_;
};

}  // namespace veilwire::agent_identity
