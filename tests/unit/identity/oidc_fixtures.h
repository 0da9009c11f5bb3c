// An IdP that has everything, and randomness that can be foretold.
#pragma once

#include "tests/unit/identity/idp_responses.h"
#include "userspace/crypto/random.h"
#include "userspace/identity/client_authentication.h"
#include "userspace/identity/form.h"
#include "userspace/identity/oidc_provider.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace veilwire::identity {

inline OidcProvider provider() {
  const auto read = read_discovery(answer(R"({"issuer":"https://idp.example",
    "jwks_uri":"https://idp.example/keys",
    "authorization_endpoint":"https://idp.example/authorize",
    "token_endpoint":"https://idp.example/token",
    "device_authorization_endpoint":"https://idp.example/device",
    "introspection_endpoint":"https://idp.example/introspect",
    "revocation_endpoint":"https://idp.example/revoke",
    "mtls_endpoint_aliases":{"token_endpoint":"https://mtls.idp.example/token"},
    "authorization_response_iss_parameter_supported":true})"),
                                   parse_issuer("https://idp.example").value());
  return *read;
}

// Counts, so that no two texts of it are the same.
inline crypto::RandomSource counting() {
  return [next = std::uint8_t{0}](std::span<std::uint8_t> out) mutable {
    for (std::uint8_t& byte : out) byte = next++;
  };
}

inline constexpr WallTime kWallNow{std::chrono::seconds(1'800'000'000)};

// A context with everything that it refers to.
class Conversation : public ::testing::Test {
 protected:
  ClientContext context() const { return {provider_, client_, kWallNow, random_}; }

  OidcProvider provider_ = provider();
  OidcClient client_ = OidcClient::without_secret("veilwire");
  crypto::RandomSource random_ = counting();
};

inline Secret secret(std::string_view text) { return Secret(std::string(text)); }

}  // namespace veilwire::identity
