#include "agent/host/protocol/credentials.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace veilwire::host::protocol {
namespace {

constexpr std::uint32_t kMagic = 0x52435756;  // "VWCR"

enum class Type : std::uint16_t { Question = 1, Known = 2, None = 3, Anew = 4 };

struct Head {
  std::uint32_t magic;
  std::uint16_t version;
  Type type;
  std::uint64_t id;
  std::uint64_t valid_for;  // milliseconds; 0 unless Known
};
static_assert(sizeof(Head) == 24);
static_assert(std::is_trivially_copyable_v<Head>);

// One allocation: a string that grows would leave parts of a credential behind.
std::string message_of(const Head& head, std::string_view text) {
  std::string out(sizeof head + text.size(), '\0');
  std::memcpy(out.data(), &head, sizeof head);
  std::copy(text.begin(), text.end(), out.begin() + sizeof head);
  return out;
}

std::optional<Head> head_of(std::string_view message) {
  Head head;
  if (message.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, message.data(), sizeof head);
  if (head.magic != kMagic || head.version != kCredentialsVersion) return std::nullopt;
  return head;
}

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

}  // namespace

bool is_credential_name(std::string_view name) {
  return !name.empty() && name.size() <= limits::kCredentialName &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
         });
}

bool is_credential_value(std::string_view value) {
  return !value.empty() && value.size() <= limits::kCredential && printable(value) &&
         value.front() != ' ' && value.back() != ' ';
}

std::optional<std::string> encode(const CredentialQuestion& question) {
  if (!is_credential_name(question.name)) return std::nullopt;
  const Type type = question.anew ? Type::Anew : Type::Question;
  return message_of({kMagic, kCredentialsVersion, type, question.id, 0}, question.name);
}

std::optional<std::string> encode(const CredentialAnswer& answer) {
  if (const auto* none = std::get_if<NoCredential>(&answer.what)) {
    std::string reason = none->reason.substr(0, kCredentialReason);
    std::replace_if(
        reason.begin(), reason.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return message_of({kMagic, kCredentialsVersion, Type::None, answer.id, 0}, reason);
  }
  const auto& known = std::get<KnownCredential>(answer.what);
  if (!is_credential_value(known.value.reveal()) || known.valid_for < known.valid_for.zero())
    return std::nullopt;
  const auto valid_for =
      std::min<std::chrono::milliseconds>(known.valid_for, kCredentialLongestValidity);
  return message_of({kMagic, kCredentialsVersion, Type::Known, answer.id,
                     static_cast<std::uint64_t>(valid_for.count())},
                    known.value.reveal());
}

std::optional<CredentialQuestion> decode_credential_question(std::string_view message) {
  const auto head = head_of(message);
  if (!head || head->valid_for != 0) return std::nullopt;
  if (head->type != Type::Question && head->type != Type::Anew) return std::nullopt;
  const std::string_view name = message.substr(sizeof(Head));
  if (!is_credential_name(name)) return std::nullopt;
  return CredentialQuestion{head->id, std::string(name), head->type == Type::Anew};
}

std::optional<CredentialAnswer> decode_credential_answer(std::string_view message) {
  const auto head = head_of(message);
  if (!head) return std::nullopt;
  const std::string_view text = message.substr(sizeof(Head));
  if (head->type == Type::None) {
    if (head->valid_for != 0 || text.size() > kCredentialReason || !printable(text))
      return std::nullopt;
    return CredentialAnswer{head->id, NoCredential{std::string(text)}};
  }
  constexpr std::chrono::milliseconds kLongest = kCredentialLongestValidity;
  if (head->type != Type::Known || !is_credential_value(text) ||
      head->valid_for > static_cast<std::uint64_t>(kLongest.count()))
    return std::nullopt;
  return CredentialAnswer{head->id, KnownCredential{Secret(std::string(text)),
                                                    std::chrono::milliseconds(head->valid_for)}};
}

}  // namespace veilwire::host::protocol
