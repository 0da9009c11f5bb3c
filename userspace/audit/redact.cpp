#include "userspace/audit/redact.h"

#include "userspace/base/ascii.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"

#include <algorithm>
#include <array>

namespace veilwire::audit {
namespace {

constexpr std::array<std::string_view, 15> kCredentialFields = {
    "api-key",     "authentication", "authorization",       "cookie", "cookie2",
    "key",         "password",       "proxy-authorization", "secret", "set-cookie",
    "set-cookie2", "token",          "x-api-key",           "x-auth", "x-goog-api-key"};

constexpr std::array<std::string_view, 12> kCredentialEndings = {
    "-apikey", "-api-key",  "-auth-key", "-authorization", "-cookie", "-credential",
    "-jwt",    "-password", "-secret",   "-signature",     "-token",  "-assertion"};

constexpr std::array<std::string_view, 3> kUrlFields = {"content-location", "location", "referer"};

// Parameter names, compared after '-' and '_' are taken out: api_key, api-key and apikey are one.
constexpr std::array<std::string_view, 20> kCredentialParameters = {
    "accesskey",    "accesstoken", "apikey",     "assertion", "auth",  "authtoken",    "bearer",
    "clientsecret", "code",        "credential", "idtoken",   "jwt",   "key",          "password",
    "refreshtoken", "secret",      "sig",        "signature", "token", "xamzsignature"};

constexpr std::array<std::string_view, 6> kParameterEndings = {"token",     "secret", "password",
                                                               "signature", "apikey", "credential"};

template <class List>
bool contains(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

template <class List>
bool ends_with_one_of(const List& list, std::string_view name) {
  return std::any_of(list.begin(), list.end(), [&](auto ending) { return name.ends_with(ending); });
}

std::string_view without_scheme(std::string_view value) {
  const std::size_t space = value.find(' ');
  if (space == std::string_view::npos) return value;
  const std::string scheme = to_lower(value.substr(0, space));
  if (scheme != "bearer" && scheme != "basic" && scheme != "token") return value;
  value.remove_prefix(space);
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

}  // namespace

bool is_credential_field(std::string_view name) {
  const std::string folded = to_lower(name);
  return contains(kCredentialFields, folded) || ends_with_one_of(kCredentialEndings, folded);
}

bool is_credential_parameter(std::string_view name) {
  std::string plain = to_lower(name);
  std::erase_if(plain, [](char c) { return c == '-' || c == '_'; });
  return contains(kCredentialParameters, plain) || ends_with_one_of(kParameterEndings, plain);
}

std::string redacted(std::string_view credential, const Secret& site_key) {
  const crypto::Digest digest = crypto::hmac_sha256(site_key.reveal(), credential);
  return "digest:" + crypto::hex_encode(crypto::as_bytes(digest).substr(0, 8));
}

void redact_fields(Fields& fields, const Secret& site_key) {
  for (auto& [name, value] : fields) {
    if (is_credential_field(name)) {
      value = redacted(without_scheme(value), site_key);
    } else if (contains(kUrlFields, to_lower(name))) {
      value = redact_target(value, site_key);
    }
  }
}

std::string redact_target(std::string_view target, const Secret& site_key) {
  std::string out;
  // User information: between "://" and the last '@' of the authority.
  if (const std::size_t scheme = target.find("://"); scheme != std::string_view::npos) {
    const std::size_t begin = scheme + 3;
    const std::string_view rest = target.substr(begin);
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
    if (const std::size_t at = authority.rfind('@');
        scheme < target.find_first_of("/?#") && at != std::string_view::npos) {
      out.append(target.substr(0, begin)).append(redacted(authority.substr(0, at), site_key));
      target.remove_prefix(begin + at);
    }
  }
  // Parameters stand in the query and, as single-page sign-in does it, in the fragment.
  std::size_t at = target.find_first_of("?#");
  out.append(target.substr(0, at));
  while (at != std::string_view::npos) {
    out += target[at];
    target.remove_prefix(at + 1);
    at = target.find_first_of("?&#;");
    const std::string_view parameter = target.substr(0, at);
    const std::size_t equals = parameter.find('=');
    if (equals != std::string_view::npos && equals + 1 < parameter.size() &&
        is_credential_parameter(parameter.substr(0, equals))) {
      out.append(parameter.substr(0, equals + 1))
          .append(redacted(parameter.substr(equals + 1), site_key));
    } else {
      out.append(parameter);
    }
  }
  return out;
}

}  // namespace veilwire::audit
