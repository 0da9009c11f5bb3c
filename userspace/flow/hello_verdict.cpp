#include "userspace/flow/hello_verdict.h"

#include "userspace/wire/client_hello.h"

namespace veilwire::flow {
namespace {

using What = HelloVerdict::What;
using policy::Uninspected;

HelloVerdict uninspectable(Uninspected kind, char alert, const policy::Policy& policy) {
  HelloVerdict verdict;
  const bool pass = policy::uninspected_action(policy, kind) == policy::Action::Pass;
  verdict.what = pass ? What::Splice : What::Refuse;
  verdict.reason = policy::to_string(kind);
  verdict.alert = alert;
  return verdict;
}

}  // namespace

HelloVerdict judge_hello(std::string_view bytes, const policy::Policy& policy) {
  const wire::PeekResult peek = wire::peek_client_hello(bytes);
  HelloVerdict verdict;
  switch (peek.peek) {
    case wire::Peek::NeedMore:
      return verdict;
    case wire::Peek::NotTls:
      return uninspectable(Uninspected::NotTls, 0, policy);
    case wire::Peek::Malformed:
      return uninspectable(Uninspected::Malformed, kDecodeError, policy);
    case wire::Peek::Tls:
      break;
  }
  if (peek.hello.server_name.empty())
    return uninspectable(Uninspected::NoServerName, kUnrecognizedName, policy);
  verdict.server_name = peek.hello.server_name;
  const policy::Host* host = policy::find_host(policy, verdict.server_name);
  verdict.what = host == nullptr ? What::Splice : What::Intercept;
  if (host == nullptr)
    // With an encrypted ClientHello (RFC 9849) the name on the outside may be a cover. Some clients
    // send the extension without one in it, and nobody can tell.
    verdict.reason =
        peek.hello.encrypted_client_hello ? "spliced, perhaps under a cover name" : "spliced";
  else
    verdict.service = host->speaks;
  return verdict;
}

}  // namespace veilwire::flow
