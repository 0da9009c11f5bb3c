#include "userspace/identity/security_event.h"

#include "userspace/base/limits.h"
#include "userspace/identity/jwt.h"
#include "userspace/identity/printable.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace veilwire::identity {
namespace {

using std::chrono::seconds;
using Kind = JsonValue::Kind;

constexpr std::string_view kCaep = "https://schemas.openid.net/secevent/caep/event-type/";
constexpr std::string_view kRisc = "https://schemas.openid.net/secevent/risc/event-type/";
constexpr std::string_view kStream = "https://schemas.openid.net/secevent/ssf/event-type/";

struct EventType {
  std::string_view family;
  std::string_view name;
  EventKind kind;
};
constexpr EventType kTypes[] = {
    {kCaep, "session-revoked", EventKind::SessionRevoked},
    {kCaep, "credential-change", EventKind::CredentialChange},
    {kCaep, "assurance-level-change", EventKind::AssuranceLevelChange},
    {kRisc, "account-purged", EventKind::AccountPurged},
    {kRisc, "account-disabled", EventKind::AccountDisabled},
    {kRisc, "credential-compromise", EventKind::CredentialCompromise},
    {kRisc, "sessions-revoked", EventKind::SessionsRevoked},
    {kStream, "verification", EventKind::StreamTest},
    {kStream, "stream-updated", EventKind::StreamUpdated},
};

EventKind kind_of(std::string_view type) {
  for (const EventType& known : kTypes)
    if (type.starts_with(known.family) && type.substr(known.family.size()) == known.name)
      return known.kind;
  return EventKind::Other;
}

// What a plain id names depends on what the event is about: of a session that is revoked, CAEP's
// first example names the session and others name the person.
enum class Role : std::uint8_t { Person, Session, Either };

// Reads a subject, and remembers the first fault.
class SubjectReader {
 public:
  explicit SubjectReader(const std::string& issuer) : issuer_(issuer) {}

  std::vector<std::string> people, sessions, tokens;
  bool other_issuer = false;

  void read(const JsonValue& subject, Role role) {
    if (subject.kind != Kind::Object) return fail(TokenError::ClaimMalformed);
    const std::string format = format_of(subject);
    // Transmitters of drafts give complex subjects no format.
    if (format == "complex" || (format.empty() && is_complex(subject))) return read_parts(subject);
    if (format == "aliases") return read_aliases(subject, role);
    read_simple(subject, format, role);
  }
  const std::optional<TokenFault>& fault() const { return fault_; }
  void fail(TokenError error) {
    if (!fault_) fault_ = TokenFault{error, "sub_id"};
  }

 private:
  // `subject_type` is that of a draft, which is still sent (RISC 1.0, 3.1): iss-sub.
  std::string format_of(const JsonValue& subject) {
    const bool by_draft = subject.find("format") == nullptr;
    const std::string_view name = by_draft ? "subject_type" : "format";
    if (subject.find(name) == nullptr) return {};
    const std::string* const text = subject.text_at(name);
    if (text == nullptr) return fail(TokenError::ClaimMalformed), std::string();
    std::string format = *text;
    if (by_draft) std::replace(format.begin(), format.end(), '-', '_');
    return format;
  }
  static bool is_complex(const JsonValue& subject) {
    return subject.find("user") != nullptr || subject.find("session") != nullptr;
  }

  // Others than these two narrow it down to what we do not know.
  void read_parts(const JsonValue& subject) {
    constexpr std::pair<std::string_view, Role> kParts[] = {{"user", Role::Person},
                                                            {"session", Role::Session}};
    for (const auto& [name, role] : kParts) {
      const JsonValue* const part = subject.find(name);
      if (part == nullptr) continue;
      if (part->kind != Kind::Object) return fail(TokenError::ClaimMalformed);
      read_simple(*part, format_of(*part), role);
    }
  }
  // One and the same by several names (RFC 9493, 3.2.8).
  void read_aliases(const JsonValue& subject, Role role) {
    const JsonValue* const names = subject.find("identifiers");
    if (names == nullptr || names->kind != Kind::Array ||
        names->elements.size() > limits::kEventSubjects)
      return fail(TokenError::ClaimMalformed);
    for (const JsonValue& name : names->elements) {
      if (name.kind != Kind::Object) return fail(TokenError::ClaimMalformed);
      read_simple(name, format_of(name), role);
    }
  }
  void read_simple(const JsonValue& subject, std::string_view format, Role role) {
    const bool is_session = role == Role::Session;
    if (format == "iss_sub") {
      std::string sub = text(subject, "sub");
      if (is_ours(subject)) (is_session ? sessions : people).push_back(std::move(sub));
    } else if (format == "opaque") {
      std::string id = text(subject, "id");
      if (role != Role::Session) people.push_back(id);
      if (role != Role::Person) sessions.push_back(std::move(id));
    } else if (format == "jwt_id") {  // SSF 1.0, 3.5.1
      std::string jti = text(subject, "jti");
      if (is_ours(subject)) tokens.push_back(std::move(jti));
    }
  }
  bool is_ours(const JsonValue& subject) {
    if (text(subject, "iss") == issuer_) return true;
    other_issuer = true;
    return false;
  }
  std::string text(const JsonValue& object, std::string_view name) {
    const std::string* const text = object.text_at(name);
    if (text != nullptr && printable(*text) && text->size() <= limits::kTokenText) return *text;
    return fail(TokenError::ClaimMalformed), std::string();
  }

  const std::string& issuer_;
  std::optional<TokenFault> fault_;
};

// When it happened: no later than it was told, or it would end sessions of the future. One that
// makes no sense is passed over, as the event counts all the same.
WallTime moment_of(const JsonValue& event, WallTime issued_at) {
  const JsonValue* const value = event.find("event_timestamp");
  if (value == nullptr) return issued_at;
  double number = -1;
  if (value->kind == Kind::Integer) number = static_cast<double>(value->integer);
  if (value->kind == Kind::Real) number = std::ceil(value->real);
  const auto told = std::chrono::duration<double>(issued_at.since_epoch).count();
  if (!(number >= 0 && number <= told)) return issued_at;
  return {seconds(static_cast<std::int64_t>(number))};
}

// nullopt: it must say and does not.
std::optional<bool> ends_sessions(EventKind kind, const JsonValue& event) {
  switch (kind) {
    case EventKind::SessionRevoked:
    case EventKind::AccountPurged:
    case EventKind::AccountDisabled:
    case EventKind::CredentialCompromise:
    case EventKind::SessionsRevoked:
      return true;
    case EventKind::CredentialChange: {
      const std::string* const change = event.text_at("change_type");
      return change != nullptr ? std::optional(*change != "create") : std::nullopt;
    }
    case EventKind::AssuranceLevelChange: {
      const std::string* const direction = event.text_at("change_direction");
      return direction == nullptr || *direction != "increase";
    }
    case EventKind::StreamTest:
    case EventKind::StreamUpdated:
    case EventKind::Other:
      break;
  }
  return false;
}

bool is_about_session(EventKind kind) {
  return kind == EventKind::SessionRevoked || kind == EventKind::AssuranceLevelChange;
}

const JsonValue* subject_of(const VerifiedToken& token, const JsonValue& event) {
  const JsonValue* const subject = token.claims.find("sub_id");
  return subject != nullptr ? subject : event.find("subject");
}

void add(std::vector<Revocation>& out, RevocationKind kind, const std::string& issuer,
         const std::vector<std::string>& names, WallTime at) {
  for (const std::string& name : names)
    out.push_back({.kind = kind, .issuer = issuer, .what = name, .at = at});
}

Result<SecurityEvent, TokenFault> read_event(const VerifiedToken& token, const JsonMember& member,
                                             const EventExpectation& expected) {
  SecurityEvent event{
      .kind = kind_of(member.name), .type = member.name, .revocations = {}, .where_unnamed = {}};
  const auto ends = ends_sessions(event.kind, member.value);
  if (!ends) return Unexpected{TokenFault{TokenError::ClaimMissing, "change_type"}};
  if (!*ends) return event;

  const Role role = is_about_session(event.kind) ? Role::Either : Role::Person;
  SubjectReader subject(expected.issuer);
  if (const JsonValue* const value = subject_of(token, member.value)) {
    subject.read(*value, role);
  } else if (token.subject.empty()) {
    subject.fail(TokenError::ClaimMissing);
  } else if (token.issuer == expected.issuer) {  // RFC 8417, 2.2: `sub` is within `iss`
    subject.people.push_back(token.subject);
  } else {
    subject.other_issuer = true;
  }
  if (subject.fault()) return Unexpected{*subject.fault()};

  const WallTime at = moment_of(member.value, token.issued_at);
  const std::string& issuer = expected.issuer;
  const bool either = subject.sessions == subject.people;  // a plain id
  const bool by_name = subject.sessions.empty() && subject.tokens.empty();
  add(event.revocations, RevocationKind::IdpSession, issuer, subject.sessions, at);
  add(event.revocations, RevocationKind::Token, issuer, subject.tokens, at);
  add(either || by_name ? event.revocations : event.where_unnamed, RevocationKind::Subject, issuer,
      subject.people, at);
  event.meaning = !event.revocations.empty() ? EventMeaning::EndsSessions
                  : subject.other_issuer     ? EventMeaning::OtherIssuer
                                             : EventMeaning::UnknownSubject;
  return event;
}

}  // namespace

std::string_view to_string(EventKind kind) {
  for (const EventType& known : kTypes)
    if (known.kind == kind) return known.name;
  return "other";
}

std::string_view to_string(EventMeaning meaning) {
  switch (meaning) {
    case EventMeaning::EndsSessions:
      return "sessions end by it";
    case EventMeaning::EndsNothing:
      return "no session ends by it";
    case EventMeaning::UnknownSubject:
      return "it names nobody whom we could look up";
    case EventMeaning::OtherIssuer:
      return "it is about people of another identity provider";
  }
  return "unknown";
}

Result<SecurityEvents, TokenFault> read_security_events(std::string_view token, const JwkSet& keys,
                                                        const EventExpectation& expected,
                                                        WallTime now) {
  const auto verified = verify_token(token, keys,
                                     {.kind = TokenKind::SecurityEvent,
                                      .issuer = expected.transmitter,
                                      .audience = expected.audience},
                                     now);
  if (!verified) return Unexpected{verified.error()};
  return security_events(*verified, expected);
}

Result<SecurityEvents, TokenFault> security_events(const VerifiedToken& token,
                                                   const EventExpectation& expected) {
  SecurityEvents out{.id = token.id, .events = {}};
  const JsonValue* const events = token.claims.find("events");
  if (events == nullptr) return Unexpected{TokenFault{TokenError::ClaimMissing, "events"}};
  for (const JsonMember& member : events->members) {
    auto event = read_event(token, member, expected);
    if (!event) return Unexpected{event.error()};
    out.events.push_back(*std::move(event));
  }
  return out;
}

std::vector<Binding> carry_out(const SecurityEvent& event, SessionTable& table, Now now) {
  std::vector<Binding> ended;
  for (const Revocation& revocation : event.revocations) {
    const auto of_it = table.revoke(revocation, SessionEnd::RevokedByIdp, now);
    ended.insert(ended.end(), of_it.begin(), of_it.end());
  }
  for (const Revocation& revocation : event.where_unnamed) {
    std::vector<Binding> meant;
    for (const auto& [binding, session] : table.sessions())
      if (session.idp_session.empty() && session.person.issuer == revocation.issuer &&
          session.person.subject == revocation.what && session.issued_at <= revocation.at)
        meant.push_back(binding);
    for (const Binding& binding : meant)
      if (table.end(binding, SessionEnd::RevokedByIdp, now)) ended.push_back(binding);
  }
  return ended;
}

std::string_view set_error_code(TokenError error) {
  switch (error) {
    case TokenError::WrongIssuer:
      return "invalid_issuer";
    case TokenError::WrongAudience:
      return "invalid_audience";
    case TokenError::UnknownKey:
    case TokenError::AmbiguousKey:
    case TokenError::KeyOfOtherAlgorithm:
    case TokenError::UnusableKey:
    case TokenError::BadSignature:
    case TokenError::AlgorithmNotAllowed:
      return "invalid_key";
    default:
      return "invalid_request";
  }
}

}  // namespace veilwire::identity
