// veilwire-identity with an IdP, or with the program that speaks SAML to one: the proxy's questions
// on one socket, people's on another, one thread that never waits for either, nor for the IdP or
// the user database. Tested by tests/unit/identity/oidc_server_test.cpp over real sockets with a
// real IdP.
#pragma once

#include "agent/host/protocol/status.h"
#include "agent/host/unique_fd.h"
#include "agent/identity/oidc_settings.h"
#include "userspace/identity/binding.h"

#include <memory>

#include <sys/types.h>

namespace veilwire::agent_identity {

struct OidcServerOptions {
  host::UniqueFd listener;  // of the proxy
  host::UniqueFd people;    // of everybody
  // The only user who may ask who others are.
  uid_t proxy_uid = 0;
  std::unique_ptr<host::protocol::StatusSocket> status;  // nullptr: no status is given
  OidcSettings settings;
  identity::BootId boot;
};

class OidcServer {
 public:
  // Reads secrets and sessions: confined by then. Throws std::runtime_error.
  explicit OidcServer(OidcServerOptions options);
  ~OidcServer();
  OidcServer(const OidcServer&) = delete;
  OidcServer& operator=(const OidcServer&) = delete;

  // Until `stop` becomes readable.
  void run(int stop);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veilwire::agent_identity
