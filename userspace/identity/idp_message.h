// What is asked of an IdP and what it answers, as values: the machines here make the one and read
// the other, and an agent carries them over TLS.
//
// The agent sends Host, `Accept: application/json`, and for a Post the length and Content-Type. It
// follows no redirect, as a 3xx is an answer that these machines refuse, and stops reading one byte
// behind `most_answer`. Tested with those that use it.
#pragma once

#include "userspace/base/limits.h"
#include "userspace/base/secret.h"
#include "userspace/identity/url.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace veilwire::identity {

struct IdpRequest {
  enum class Method : std::uint8_t { Get, Post };
  Method method = Method::Get;
  Url url;
  Secret authorization;  // the value of Authorization; empty: there is none
  std::string proof;     // the value of DPoP; empty: there is none
  Secret body;           // of a Post
  enum class BodyType : std::uint8_t { Form, Json };
  BodyType body_type = BodyType::Form;
  bool client_certificate = false;  // the connection is to show ours (RFC 8705, 2)
  std::size_t most_answer = limits::kIdpAnswer;
};

// A field that comes several times is one value with commas between (RFC 9110, 5.3).
struct IdpResponse {
  int status = 0;
  std::string content_type;
  std::string cache_control;
  std::string retry_after;
  std::string dpop_nonce;
  Secret body;  // decoded; may be cut one byte behind most_answer
};

}  // namespace veilwire::identity
