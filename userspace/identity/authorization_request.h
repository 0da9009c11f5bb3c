// A sign-in in a browser: the address that it is sent to, and what may come back to the loopback
// redirect (OpenID Connect Core 1.0, 3.1.2; RFC 8252, 7.3; RFC 7636; RFC 9207). Any page in that
// browser, and any program on the host, can call the redirect too. Tested by
// tests/unit/identity/authorization_request_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/secret.h"
#include "userspace/crypto/random.h"
#include "userspace/identity/idp_fault.h"
#include "userspace/identity/oidc_provider.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::identity {

// The port is the one that was free; the path is the one that is registered at the IdP. An address
// and not localhost, which may resolve to another (RFC 8252, 8.3).
struct LoopbackRedirect {
  std::uint16_t port = 0;
  std::string path = "/callback";
  bool ipv6 = false;
};
std::string to_uri(const LoopbackRedirect& redirect);

// Empty: not asked for.
struct SignInWish {
  std::string scope = "openid";
  std::string acr_values = {};
  std::string prompt = {};
  std::string login_hint = {};
  std::optional<std::chrono::seconds> max_age = {};
  std::string proof_key = {};  // the thumbprint of the one that the code is bound to
};

enum class CallbackError : std::uint8_t {
  // Anybody may have made these: the sign-in waits on.
  WrongPath,   // another than the redirect's
  Malformed,   // too long, not a form, or a parameter twice (RFC 6749, 3.1)
  WrongState,  // missing, or of another sign-in
  // These end it.
  WrongIssuer,  // another IdP answered, or one that should say who it is does not (RFC 9207, 2.4)
  Refused,      // an error of OAuth; `code` says which
  NoCode,       // neither code nor error, both, or a code that is none
  Spent,        // the sign-in is over
};
std::string_view to_string(CallbackError error);  // a clause for a person

struct CallbackFault {
  CallbackError error{};
  OAuthError code = OAuthError::Other;  // of Refused
  std::string said = {};                // by the IdP, as shown_text()
};

class AuthorizationRequest {
 public:
  // nullopt: the IdP has no authorization endpoint, or says that it takes no S256.
  static std::optional<AuthorizationRequest> make(const OidcProvider& provider,
                                                  std::string_view client_id,
                                                  const LoopbackRedirect& redirect,
                                                  const SignInWish& wish,
                                                  const crypto::RandomSource& random);

  const std::string& url() const { return url_; }
  const std::string& redirect_uri() const { return redirect_uri_; }  // as code_request() wants it
  const Secret& verifier() const { return verifier_; }
  const std::string& nonce() const { return nonce_; }  // for TokenExpectation

  // The code, out of the target of a request to the redirect. Given once, then all are Spent.
  Result<Secret, CallbackFault> take_callback(std::string_view target);

 private:
  AuthorizationRequest() = default;

  std::string url_;
  std::string redirect_uri_;
  std::string path_;
  std::string issuer_;
  bool issuer_required_ = false;
  bool spent_ = false;
  Secret verifier_;
  Secret state_;
  std::string nonce_;
};

}  // namespace veilwire::identity
