#include "agent/host/protocol/saml.h"

#include "agent/host/local_socket.h"
#include "agent/host/protocol/message_bytes.h"
#include "userspace/base/limits.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace veilwire::host::protocol {
namespace {

constexpr std::uint32_t kMagic = 0x4c535756;  // "VWSL"
// Further than X.509 can say (the year 9999) is no time, and would overflow nanoseconds.
constexpr std::int64_t kFar = 9'000'000'000;

enum class Type : std::uint16_t { Begin = 1, Finish, Begun, Finished, Refused };

// What does not fit leaves it failed.
class Writer : public MessageWriter {
 public:
  void text(std::string_view s, std::size_t most) {
    if (s.size() > most) failed_ = true;
    MessageWriter::text<std::uint32_t>(s);
  }
  void time(WallTime at) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(at.since_epoch).count();
    if (seconds < 0 || seconds > kFar) failed_ = true;
    number(std::int64_t{seconds});
  }
  void count(std::size_t n, std::size_t most) {
    if (n > most) failed_ = true;
    number(static_cast<std::uint16_t>(n));
  }
  void head(Type type, std::uint64_t id) {
    number(kMagic);
    number(kSamlVersion);
    number(static_cast<std::uint16_t>(type));
    number(id);
  }
  std::optional<std::string> take() && {
    if (failed_ || size() > kLocalMessage) return std::nullopt;
    return std::move(*this).MessageWriter::take();
  }

 private:
  bool failed_ = false;
};

class Reader : public MessageReader {
 public:
  using MessageReader::MessageReader;
  std::string text(std::size_t most) { return MessageReader::text<std::uint32_t>(most); }
  WallTime time() {
    const auto seconds = number<std::int64_t>();
    if (seconds < 0 || seconds > kFar) fail();
    return failed() ? WallTime{} : WallTime{std::chrono::seconds(seconds)};
  }
  std::size_t count(std::size_t most) {
    const std::size_t n = number<std::uint16_t>();
    if (n > most) fail();
    return failed() ? 0 : n;
  }
};

struct Head {
  Type type;
  std::uint64_t id;
};
std::optional<Head> read_head(Reader& r) {
  if (r.number<std::uint32_t>() != kMagic || r.number<std::uint16_t>() != kSamlVersion)
    return std::nullopt;
  const auto type = static_cast<Type>(r.number<std::uint16_t>());
  return Head{type, r.number<std::uint64_t>()};
}

void write(Writer& w, const identity::SamlAssertion& a) {
  for (const std::string* s :
       {&a.issuer, &a.id, &a.subject, &a.subject_format, &a.session_index, &a.authn_context})
    w.text(*s, limits::kTokenText);
  for (const WallTime at : {a.issued_at, a.signed_in_at, a.usable_until}) w.time(at);
  w.boolean(a.session_ends_at.has_value());
  if (a.session_ends_at) w.time(*a.session_ends_at);
  w.count(a.attributes.size(), limits::kSamlAttributes);
  for (const identity::SamlAttribute& attribute : a.attributes) {
    w.text(attribute.name, limits::kTokenText);
    w.count(attribute.values.size(), limits::kSamlValues);
    for (const std::string& value : attribute.values) w.text(value, limits::kTokenText);
  }
}

identity::SamlAssertion read_assertion(Reader& r) {
  identity::SamlAssertion a;
  for (std::string* s :
       {&a.issuer, &a.id, &a.subject, &a.subject_format, &a.session_index, &a.authn_context})
    *s = r.text(limits::kTokenText);
  for (WallTime* at : {&a.issued_at, &a.signed_in_at, &a.usable_until}) *at = r.time();
  if (r.boolean()) a.session_ends_at = r.time();
  const std::size_t attributes = r.count(limits::kSamlAttributes);
  for (std::size_t i = 0; i < attributes; ++i) {
    identity::SamlAttribute& attribute = a.attributes.emplace_back();
    attribute.name = r.text(limits::kTokenText);
    const std::size_t values = r.count(limits::kSamlValues);
    for (std::size_t v = 0; v < values; ++v) attribute.values.push_back(r.text(limits::kTokenText));
  }
  // An assertion about nobody, or by nobody, would be anybody's.
  if (a.issuer.empty() || a.id.empty() || a.subject.empty()) r.fail();
  return a;
}

}  // namespace

std::string_view to_string(SamlError error) {
  switch (error) {
    case SamlError::TooLarge:
      return "the response is too large";
    case SamlError::NotBase64:
      return "the response is not base64";
    case SamlError::NotXml:
      return "the response is not XML";
    case SamlError::ForbiddenXml:
      return "the response holds XML that no IdP writes";
    case SamlError::NotAResponse:
      return "it is not a SAML 2.0 response";
    case SamlError::RefusedByIdp:
      return "the IdP has refused the sign-in";
    case SamlError::Encrypted:
      return "the assertion is encrypted, which is not supported: let the IdP send it signed and "
             "not encrypted";
    case SamlError::NotOne:
      return "the response does not hold exactly one assertion";
    case SamlError::Unsigned:
      return "the assertion is not signed: let the IdP sign assertions, not only responses";
    case SamlError::BadSignature:
      return "the signature is not by a key of the IdP's metadata";
    case SamlError::WeakSignature:
      return "the signature's algorithm is not taken: let the IdP sign with RSA and SHA-256";
    case SamlError::WrappedContent:
      return "the signature does not cover what the response says";
    case SamlError::WrongIssuer:
      return "the response is from another IdP than the one that is configured";
    case SamlError::WrongAudience:
      return "the assertion is for another service";
    case SamlError::WrongRecipient:
      return "the response is for another address";
    case SamlError::WrongRequest:
      return "the response is no answer to this sign-in";
    case SamlError::NotYet:
      return "the assertion is not valid yet; compare the clocks";
    case SamlError::Expired:
      return "the assertion has expired; try again, or compare the clocks";
    case SamlError::Replayed:
      return "the response has been used before";
    case SamlError::Unprintable:
      return "the assertion holds a text that cannot be shown";
    case SamlError::Busy:
      return "too many sign-ins at once";
    case SamlError::Unusable:
      return "a request to the IdP could not be made";
  }
  return "unknown";
}

std::optional<std::string> encode(const SamlQuestion& question) {
  Writer w;
  if (const auto* begin = std::get_if<SamlBegin>(&question.what)) {
    w.head(Type::Begin, question.id);
    w.text(begin->relay_state, limits::kSamlRelayState);
    w.boolean(begin->sign_in_anew);
  } else {
    const auto& finish = std::get<SamlFinish>(question.what);
    w.head(Type::Finish, question.id);
    w.text(finish.response, limits::kSamlResponse);
    w.text(finish.in_response_to, kSamlId);
    w.time(finish.now);
  }
  return std::move(w).take();
}

std::optional<SamlQuestion> decode_saml_question(std::string_view message) {
  Reader r(message);
  const auto head = read_head(r);
  if (!head) return std::nullopt;
  SamlQuestion question{head->id, {}};
  if (head->type == Type::Begin) {
    SamlBegin begin;
    begin.relay_state = r.text(limits::kSamlRelayState);
    begin.sign_in_anew = r.boolean();
    question.what = std::move(begin);
  } else if (head->type == Type::Finish) {
    SamlFinish finish;
    finish.response = r.text(limits::kSamlResponse);
    finish.in_response_to = r.text(kSamlId);
    finish.now = r.time();
    question.what = std::move(finish);
  } else {
    return std::nullopt;
  }
  if (!r.at_end()) return std::nullopt;
  return question;
}

std::optional<std::string> encode(const SamlAnswer& answer) {
  Writer w;
  if (const auto* begun = std::get_if<SamlBegun>(&answer.what)) {
    w.head(Type::Begun, answer.id);
    w.text(begun->url, kSamlUrl);
    w.text(begun->request_id, kSamlId);
    w.text(begun->callback, kSamlCallback);
  } else if (const auto* assertion = std::get_if<identity::SamlAssertion>(&answer.what)) {
    w.head(Type::Finished, answer.id);
    write(w, *assertion);
  } else {
    const auto& refused = std::get<SamlRefused>(answer.what);
    w.head(Type::Refused, answer.id);
    w.number(static_cast<std::uint8_t>(refused.error));
    w.text(refused.said, limits::kIdpText);
  }
  return std::move(w).take();
}

std::optional<SamlAnswer> decode_saml_answer(std::string_view message) {
  Reader r(message);
  const auto head = read_head(r);
  if (!head) return std::nullopt;
  SamlAnswer answer{head->id, {}};
  if (head->type == Type::Begun) {
    SamlBegun begun;
    begun.url = r.text(kSamlUrl);
    begun.request_id = r.text(kSamlId);
    begun.callback = r.text(kSamlCallback);
    answer.what = std::move(begun);
  } else if (head->type == Type::Finished) {
    answer.what = read_assertion(r);
  } else if (head->type == Type::Refused) {
    SamlRefused refused;
    refused.error = r.enumerator(kLastSamlError);
    refused.said = r.text(limits::kIdpText);
    answer.what = std::move(refused);
  } else {
    return std::nullopt;
  }
  if (!r.at_end()) return std::nullopt;
  return answer;
}

Result<SamlAnswer, int> ask_saml(int fd, const SamlQuestion& question, int timeout_ms) {
  const auto message = encode(question);
  if (!message) return Unexpected{EMSGSIZE};
  if (const auto sent = send_message(fd, *message); !sent) return Unexpected{sent.error()};
  if (!wait_readable(fd, timeout_ms)) return Unexpected{ETIMEDOUT};
  const auto received = receive_message(fd);
  if (!received) return Unexpected{received.error()};
  if (received->bytes.empty()) return Unexpected{ECONNRESET};
  auto answer = decode_saml_answer(received->bytes);
  if (!answer || answer->id != question.id) return Unexpected{EPROTO};
  return *std::move(answer);
}

}  // namespace veilwire::host::protocol
