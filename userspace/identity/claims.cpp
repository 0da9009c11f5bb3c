#include "userspace/identity/claims.h"

#include "userspace/identity/printable.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace veilwire::identity {
namespace {

using std::chrono::seconds;
using Kind = JsonValue::Kind;
using Groups = std::vector<std::string>;

// Year 2255. Later ones do not fit WallTime, and mean a broken IdP or milliseconds.
constexpr std::int64_t kLatest = 9'000'000'000;
constexpr std::string_view kLogoutEvent = "http://schemas.openid.net/event/backchannel-logout";

bool fit_for_records(std::string_view text) {
  return printable(text) && text.size() <= limits::kTokenText;
}

// Reads claims one by one and remembers the first fault, so that a token's reader is a list of
// claims.
class Reader {
 public:
  explicit Reader(const JsonValue& claims) : claims_(claims) {}

  std::string text(std::string_view name) {
    const JsonValue* const value = claims_.find(name);
    if (value == nullptr) return fail(TokenError::ClaimMissing, name), std::string();
    return text_of(*value, name);
  }
  // Empty where it is absent. IdPs write null or an empty text for that too, though OpenID Connect
  // Core 1.0, 5.3.2 does not want it.
  std::string optional_text(std::string_view name) {
    const JsonValue* const value = claims_.find(name);
    return absent(value) ? std::string() : text_of(*value, name);
  }
  // One text or an array of them, as `aud` may be (RFC 7519, 4.1.3).
  std::vector<std::string> texts_of(const JsonValue& value, std::string_view name) {
    if (value.kind == Kind::String) return {text_of(value, name)};
    if (value.kind != Kind::Array) fail(TokenError::ClaimMalformed, name);
    std::vector<std::string> texts;
    for (const JsonValue& element : value.elements) texts.push_back(text_of(element, name));
    return texts;
  }
  std::vector<std::string> optional_texts(std::string_view name) {
    const JsonValue* const value = claims_.find(name);
    return absent(value) ? std::vector<std::string>() : texts_of(*value, name);
  }

  // NumericDate (RFC 7519, 2) may have a fraction: it is rounded so that a token is valid for
  // shorter.
  enum class Round { Down, Up };
  std::optional<seconds> optional_time(std::string_view name, Round round) {
    const JsonValue* const value = claims_.find(name);
    if (value == nullptr) return std::nullopt;
    double number = -1;
    if (value->kind == Kind::Real) number = value->real;
    if (value->kind == Kind::Integer) number = static_cast<double>(value->integer);
    if (!(number >= 0 && number <= static_cast<double>(kLatest)))
      return fail(TokenError::ClaimMalformed, name), std::nullopt;
    return seconds(
        static_cast<std::int64_t>(round == Round::Down ? std::floor(number) : std::ceil(number)));
  }

  void require(bool is_there, std::string_view name) {
    if (!is_there) fail(TokenError::ClaimMissing, name);
  }
  void fail(TokenError error, std::string_view about) {
    if (!fault_) fault_ = TokenFault{error, about};
  }
  const std::optional<TokenFault>& fault() const { return fault_; }

 private:
  static bool absent(const JsonValue* value) {
    return value == nullptr || value->kind == Kind::Null ||
           (value->kind == Kind::String && value->text.empty());
  }
  std::string text_of(const JsonValue& value, std::string_view name) {
    if (value.kind != Kind::String || !fit_for_records(value.text))
      return fail(TokenError::ClaimMalformed, name), std::string();
    return value.text;
  }

  const JsonValue& claims_;
  std::optional<TokenFault> fault_;
};

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// A policy may restrict a group as well as favour it, so that none may go missing unnoticed.
Groups read_groups(Reader& reader, const JsonValue& claims, const std::vector<std::string>& path) {
  if (path.empty()) return {};
  const auto none = [](const JsonValue* at) { return at == nullptr || at->kind == Kind::Null; };
  const JsonValue* value = &claims;
  for (const std::string& name : path) {
    if (none(value)) break;
    if (value->kind != Kind::Object)
      return reader.fail(TokenError::ClaimMalformed, "groups"), Groups();
    value = value->find(name);
  }
  if (none(value)) {
    // Distributed claims (OpenID Connect Core 1.0, 5.6.2), which Entra ID makes of 200 groups.
    const JsonValue* const elsewhere = claims.find("_claim_names");
    if (elsewhere != nullptr && elsewhere->find(path.front()) != nullptr)
      reader.fail(TokenError::GroupsElsewhere, "groups");
    return {};
  }
  if (value->elements.size() > limits::kTokenGroups)
    return reader.fail(TokenError::TooManyGroups, "groups"), Groups();
  Groups groups = reader.texts_of(*value, "groups");
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  return groups;
}

std::vector<std::string> read_events(Reader& reader, const JsonValue& claims) {
  const JsonValue* const events = claims.find("events");
  reader.require(events != nullptr, "events");
  if (events == nullptr) return {};
  std::vector<std::string> names;
  for (const JsonMember& event : events->members) {
    if (event.value.kind != Kind::Object || !fit_for_records(event.name))
      reader.fail(TokenError::ClaimMalformed, "events");
    names.push_back(event.name);
  }
  if (names.empty()) reader.fail(TokenError::ClaimMalformed, "events");
  return names;
}

// OpenID Connect Core 1.0, 3.1.3.7, 3 to 5 and 11.
void check_id_token(Reader& reader, const JsonValue& claims, const VerifiedToken& token,
                    const TokenExpectation& expected) {
  const std::string& party =
      expected.authorized_party.empty() ? expected.audience : expected.authorized_party;
  if (token.audience.size() > 1) reader.require(!token.authorized_party.empty(), "azp");
  if (!token.authorized_party.empty() && token.authorized_party != party)
    reader.fail(TokenError::WrongParty, "azp");
  if (!expected.nonce) return;
  const std::string* const nonce = claims.text_at("nonce");
  reader.require(nonce != nullptr, "nonce");
  if (nonce != nullptr && *nonce != *expected.nonce) reader.fail(TokenError::WrongNonce, "nonce");
}

// Back-Channel Logout 1.0, 2.6.
void check_logout_token(Reader& reader, const JsonValue& claims, const VerifiedToken& token) {
  reader.require(!token.subject.empty() || !token.session.empty(), "sub");
  if (!contains(token.events, kLogoutEvent)) reader.fail(TokenError::WrongEvent, "events");
  if (claims.find("nonce") != nullptr) reader.fail(TokenError::ClaimNotAllowed, "nonce");
}

// The skew is added to our side, where it cannot overflow: times of tokens are bounded.
void check_times(Reader& reader, VerifiedToken& token, const TokenExpectation& expected,
                 WallTime now) {
  using Round = Reader::Round;
  const auto issued = reader.optional_time("iat", Round::Up);
  const auto expires = reader.optional_time("exp", Round::Down);
  const auto not_before = reader.optional_time("nbf", Round::Up);
  const auto signed_in = reader.optional_time("auth_time", Round::Down);
  reader.require(issued.has_value(), "iat");
  // RFC 8417, 2.2 advises against exp: a statement stays true. Back-Channel Logout has had it since
  // its errata only, so that there a bound on the age is as good.
  const bool may_lack_expiry = expected.kind == TokenKind::SecurityEvent ||
                               (expected.kind == TokenKind::Logout && expected.max_age);
  reader.require(expires || may_lack_expiry, "exp");
  if (expected.max_auth) reader.require(signed_in.has_value(), "auth_time");
  if (reader.fault()) return;

  const auto earliest = now.since_epoch - expected.skew, latest = now.since_epoch + expected.skew;
  if (expires && earliest >= *expires) reader.fail(TokenError::Expired, "exp");
  if (not_before && latest < *not_before) reader.fail(TokenError::NotYetValid, "nbf");
  if (latest < *issued) reader.fail(TokenError::IssuedInFuture, "iat");
  if (expected.max_age && earliest - *issued > *expected.max_age)
    reader.fail(TokenError::TooOld, "iat");
  if (expected.max_auth && earliest - *signed_in > *expected.max_auth)
    reader.fail(TokenError::SignedInTooLongAgo, "auth_time");

  token.issued_at = {*issued};
  if (expires) token.expires_at = WallTime{*expires};
  if (signed_in) token.signed_in_at = WallTime{*signed_in};
}

}  // namespace

Result<VerifiedToken, TokenFault> check_claims(std::string_view payload,
                                               const TokenExpectation& expected, WallTime now) {
  auto claims = read_json_object(payload, limits::kToken);
  if (!claims) return Unexpected{token_fault(claims.error(), "claims")};
  Reader reader(*claims);
  const TokenKind kind = expected.kind;
  const bool about_somebody = kind == TokenKind::Id || kind == TokenKind::Access;

  VerifiedToken token;
  // Whose token it is comes first: what else is wrong with another's is of no interest.
  token.issuer = reader.text("iss");
  if (token.issuer != expected.issuer) reader.fail(TokenError::WrongIssuer, "iss");
  reader.require(claims->find("aud") != nullptr, "aud");
  token.audience = reader.optional_texts("aud");
  if (!contains(token.audience, expected.audience)) reader.fail(TokenError::WrongAudience, "aud");
  check_times(reader, token, expected, now);

  token.subject = about_somebody ? reader.text("sub") : reader.optional_text("sub");
  token.id = kind == TokenKind::Id ? reader.optional_text("jti") : reader.text("jti");
  token.authorized_party =
      kind == TokenKind::Access ? reader.text("client_id") : reader.optional_text("azp");
  token.session = reader.optional_text("sid");
  token.acr = reader.optional_text("acr");
  token.amr = reader.optional_texts("amr");
  token.groups = read_groups(reader, *claims, expected.groups);
  token.preferred_username = reader.optional_text("preferred_username");
  token.name = reader.optional_text("name");
  token.email = reader.optional_text("email");
  // A boolean and nothing else: the text "false" must not count.
  token.email_verified = !token.email.empty() && claims->boolean_at("email_verified") == true;
  if (!about_somebody) token.events = read_events(reader, *claims);
  // IdPs older than the types send logout tokens that are told from ID tokens by nothing else.
  if (about_somebody && claims->find("events") != nullptr)
    reader.fail(TokenError::ClaimNotAllowed, "events");
  if (kind == TokenKind::Id) check_id_token(reader, *claims, token, expected);
  if (kind == TokenKind::Logout) check_logout_token(reader, *claims, token);

  if (reader.fault()) return Unexpected{*reader.fault()};
  token.claims = *std::move(claims);
  return token;
}

}  // namespace veilwire::identity
