#include "userspace/identity/oidc_provider.h"

#include "userspace/identity/printable.h"

#include <algorithm>
#include <utility>

namespace veilwire::identity {
namespace {

using Kind = JsonValue::Kind;

// Reads members one by one and remembers the first fault.
class Reader {
 public:
  // An IdP of a test is plain http and so are its endpoints. One that is https has no business at
  // our loopback addresses, where other programs listen.
  explicit Reader(const Url& issuer)
      : plain_(issuer.secure ? PlainHttp::No : PlainHttp::Loopback) {}

  std::optional<Url> url(const JsonValue& object, std::string_view name) {
    const JsonValue* const value = object.find(name);
    if (value == nullptr || value->kind == Kind::Null) return std::nullopt;
    auto url = parse_url(value->text, plain_);
    if (!url) fail(IdpError::InsecureEndpoint, name);
    return url;
  }
  Listed listed(const JsonValue& object, std::string_view name) {
    const JsonValue* const value = object.find(name);
    if (value == nullptr || value->kind == Kind::Null) return std::nullopt;
    if (value->kind != Kind::Array) fail(IdpError::MemberMalformed, name);
    std::vector<std::string> names;
    for (const JsonValue& element : value->elements) {
      if (!printable(element.text) || element.text.size() > limits::kTokenText)
        fail(IdpError::MemberMalformed, name);
      names.push_back(element.text);
    }
    return names;
  }
  ClientEndpoints endpoints(const JsonValue& object) {
    return {.token = url(object, "token_endpoint"),
            .device_authorization = url(object, "device_authorization_endpoint"),
            .introspection = url(object, "introspection_endpoint"),
            .revocation = url(object, "revocation_endpoint")};
  }
  void fail(IdpError error, std::string_view about) {
    if (!fault_) fault_ = IdpFault{.error = error, .about = about, .status = 200};
  }
  const std::optional<IdpFault>& fault() const { return fault_; }

 private:
  PlainHttp plain_;
  std::optional<IdpFault> fault_;
};

}  // namespace

Offer offer(const Listed& listed, std::string_view name) {
  if (!listed) return Offer::Unstated;
  return std::find(listed->begin(), listed->end(), name) != listed->end() ? Offer::Stated
                                                                          : Offer::Denied;
}

std::optional<Url> parse_issuer(std::string_view issuer) {
  auto url = parse_url(issuer, PlainHttp::Loopback);
  if (!url || url->target.find('?') != std::string::npos) return std::nullopt;
  return url;
}

IdpRequest discovery_request(const Url& issuer) {
  constexpr std::string_view kPath = "/.well-known/openid-configuration";
  IdpRequest request;
  request.url = issuer;
  for (std::string* const text : {&request.url.text, &request.url.target}) {
    if (text->ends_with('/')) text->pop_back();
    text->append(kPath);
  }
  return request;
}

IdpRequest transmitter_discovery_request(const Url& issuer) {
  IdpRequest request;
  request.url = issuer;
  const std::string path = issuer.target == "/" ? "" : issuer.target;
  request.url.target = "/.well-known/ssf-configuration" + path;
  request.url.text =
      (issuer.secure ? "https://" : "http://") + issuer.authority + request.url.target;
  return request;
}

Result<OidcProvider, IdpFault> read_discovery(const IdpResponse& response, const Url& issuer) {
  const auto document = read_answer(response);
  if (!document) return Unexpected{document.error()};
  Reader reader(issuer);
  OidcProvider provider;
  const std::string* const name = document->text_at("issuer");
  if (name == nullptr) {
    reader.fail(IdpError::MemberMissing, "issuer");
  } else if (*name != issuer.text) {
    reader.fail(IdpError::WrongIssuer, "issuer");
  }
  provider.issuer = issuer;

  auto jwks_uri = reader.url(*document, "jwks_uri");
  if (!jwks_uri) reader.fail(IdpError::MemberMissing, "jwks_uri");
  provider.authorization_endpoint = reader.url(*document, "authorization_endpoint");
  provider.end_session_endpoint = reader.url(*document, "end_session_endpoint");
  provider.userinfo_endpoint = reader.url(*document, "userinfo_endpoint");
  provider.endpoints = reader.endpoints(*document);
  provider.by_certificate = provider.endpoints;
  const JsonValue* const aliases = document->find("mtls_endpoint_aliases");
  if (aliases != nullptr) {
    ClientEndpoints others = reader.endpoints(*aliases);
    const auto prefer = [](std::optional<Url>& own, std::optional<Url>&& alias) {
      if (alias) own = std::move(alias);
    };
    prefer(provider.by_certificate.token, std::move(others.token));
    prefer(provider.by_certificate.device_authorization, std::move(others.device_authorization));
    prefer(provider.by_certificate.introspection, std::move(others.introspection));
    prefer(provider.by_certificate.revocation, std::move(others.revocation));
  }

  provider.grant_types = reader.listed(*document, "grant_types_supported");
  provider.client_authentication =
      reader.listed(*document, "token_endpoint_auth_methods_supported");
  provider.introspection_authentication =
      reader.listed(*document, "introspection_endpoint_auth_methods_supported");
  provider.revocation_authentication =
      reader.listed(*document, "revocation_endpoint_auth_methods_supported");
  provider.code_challenge_methods = reader.listed(*document, "code_challenge_methods_supported");
  provider.scopes = reader.listed(*document, "scopes_supported");
  provider.proof_algorithms = reader.listed(*document, "dpop_signing_alg_values_supported");
  constexpr std::string_view kSendsIssuer = "authorization_response_iss_parameter_supported";
  const JsonValue* const sends_issuer = document->find(kSendsIssuer);
  // Read as false, a text "true" would switch a check off.
  if (sends_issuer != nullptr && sends_issuer->kind != Kind::Boolean)
    reader.fail(IdpError::MemberMalformed, kSendsIssuer);
  provider.sends_issuer = document->boolean_at(kSendsIssuer) == true;

  if (reader.fault()) return Unexpected{*reader.fault()};
  provider.jwks_uri = *std::move(jwks_uri);
  return provider;
}

}  // namespace veilwire::identity
