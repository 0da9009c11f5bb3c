#include "userspace/proof/signed_note.h"

#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/wire/utf8.h"

#include <algorithm>
#include <array>
#include <utility>

namespace veilwire::proof {
namespace {

using crypto::SignatureAlgorithm;

constexpr std::string_view kDash = "\xE2\x80\x94 ";
constexpr std::size_t kKeyBytes = 32, kSignatureBytes = 64, kTimeBytes = 8, kIdBytes = 4;
constexpr std::uint64_t kLatestTime = INT64_MAX;

bool is_note_text(std::string_view text) {
  wire::Utf8Checker utf8(wire::Utf8::Strict);
  return utf8.take(text) && utf8.complete() && std::all_of(text.begin(), text.end(), [](char c) {
           return c == '\n' || static_cast<unsigned char>(c) >= 0x20;
         });
}

std::string big_endian(std::uint64_t value, std::size_t bytes) {
  std::string out(bytes, '\0');
  for (std::size_t i = bytes; i-- > 0; value >>= 8) out[i] = static_cast<char>(value & 0xFF);
  return out;
}

std::uint64_t from_big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

// signed-note, "Signatures".
std::uint32_t key_id(std::string_view name, NoteKeyKind kind, std::string_view key) {
  const crypto::Digest digest =
      crypto::sha256(std::string(name) + '\n' + static_cast<char>(kind) + std::string(key));
  return static_cast<std::uint32_t>(from_big_endian(crypto::as_bytes(digest).substr(0, kIdBytes)));
}

// What a key of this kind signs (tlog-cosignature, "Ed25519 signed message").
std::string message(NoteKeyKind kind, std::string_view text, std::uint64_t time) {
  if (kind == NoteKeyKind::Log) return std::string(text);
  return "cosignature/v1\ntime " + std::to_string(time) + "\n" + std::string(text);
}

std::optional<NoteSignature> parse_line(std::string_view line) {
  if (!line.starts_with(kDash)) return std::nullopt;
  line.remove_prefix(kDash.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || !is_key_name(line.substr(0, space))) return std::nullopt;
  const auto bytes = crypto::base64_decode(line.substr(space + 1));
  if (!bytes || bytes->size() <= kIdBytes) return std::nullopt;
  return NoteSignature{
      std::string(line.substr(0, space)),
      static_cast<std::uint32_t>(from_big_endian(std::string_view(*bytes).substr(0, kIdBytes))),
      bytes->substr(kIdBytes)};
}

}  // namespace

std::string_view to_string(NoteError error) {
  switch (error) {
    case NoteError::TooLarge:
      return "is too large for a signed note";
    case NoteError::Malformed:
      return "is no signed note";
    case NoteError::BadName:
      return "has no usable name of a key";
    case NoteError::BadKey:
      return "is no verifier key of a known kind";
    case NoteError::BadSignature:
      return "has a signature of a known key that is not of this text";
    case NoteError::NoKnownKey:
      return "is signed by no key that is known";
  }
  return "";
}

bool is_key_name(std::string_view name) {
  // Unicode's spaces beyond ASCII, each two or three bytes of UTF-8.
  static constexpr std::array<std::string_view, 18> kSpaces = {
      "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81",
      "\xE2\x80\x82", "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86",
      "\xE2\x80\x87", "\xE2\x80\x88", "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8",
      "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F"};
  return !name.empty() && is_note_text(name) &&
         name.find_first_of(" +\n") == std::string_view::npos &&
         name.find("\xE3\x80\x80") == std::string_view::npos &&
         std::none_of(kSpaces.begin(), kSpaces.end(),
                      [&](std::string_view s) { return name.find(s) != std::string_view::npos; });
}

std::string to_string(const NoteSignature& signature) {
  return std::string(kDash) + signature.name + ' ' +
         crypto::base64_encode(big_endian(signature.key_id, kIdBytes) + signature.bytes);
}

std::string to_string(const Note& note) {
  std::string out = note.text + '\n';
  for (const NoteSignature& signature : note.signatures) out += to_string(signature) + '\n';
  return out;
}

Result<std::vector<NoteSignature>, NoteError> parse_signatures(std::string_view lines) {
  if (lines.size() > kNoteBytes) return Unexpected{NoteError::TooLarge};
  if (lines.empty() || lines.back() != '\n' || !is_note_text(lines))
    return Unexpected{NoteError::Malformed};
  std::vector<NoteSignature> out;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    auto signature = parse_line(lines.substr(0, end));
    if (!signature) return Unexpected{NoteError::Malformed};
    if (out.size() == kNoteSignatures) return Unexpected{NoteError::TooLarge};
    out.push_back(std::move(*signature));
    lines.remove_prefix(end + 1);
  }
  return out;
}

Result<Note, NoteError> parse_note(std::string_view bytes) {
  if (bytes.size() > kNoteBytes) return Unexpected{NoteError::TooLarge};
  const std::size_t blank = bytes.rfind("\n\n");
  if (blank == std::string_view::npos || !is_note_text(bytes))
    return Unexpected{NoteError::Malformed};
  auto signatures = parse_signatures(bytes.substr(blank + 2));
  if (!signatures) return Unexpected{signatures.error()};
  return Note{std::string(bytes.substr(0, blank + 1)), std::move(*signatures)};
}

struct NoteVerifier::State {
  std::string name;
  NoteKeyKind kind;
  std::string key;  // 32 bytes (RFC 8032)
  crypto::PublicKey verifying;
  std::uint32_t id;
};

NoteVerifier::NoteVerifier(std::unique_ptr<State> state) : state_(std::move(state)) {}
NoteVerifier::NoteVerifier(NoteVerifier&&) noexcept = default;
NoteVerifier& NoteVerifier::operator=(NoteVerifier&&) noexcept = default;
NoteVerifier::~NoteVerifier() = default;

Result<NoteVerifier, NoteError> NoteVerifier::parse(std::string_view text) {
  const std::size_t plus = text.find('+');
  const std::size_t second = plus == std::string_view::npos ? plus : text.find('+', plus + 1);
  if (second == std::string_view::npos) return Unexpected{NoteError::BadKey};
  const std::string_view name = text.substr(0, plus);
  if (!is_key_name(name)) return Unexpected{NoteError::BadName};
  const auto id = crypto::hex_decode(text.substr(plus + 1, second - plus - 1));
  const auto key = crypto::base64_decode(text.substr(second + 1));
  if (!id || id->size() != kIdBytes || !key || key->size() != 1 + kKeyBytes)
    return Unexpected{NoteError::BadKey};
  const auto kind = static_cast<NoteKeyKind>((*key)[0]);
  if (kind != NoteKeyKind::Log && kind != NoteKeyKind::Witness)
    return Unexpected{NoteError::BadKey};
  auto verifying = crypto::PublicKey::ed25519(std::string_view(*key).substr(1));
  if (!verifying) return Unexpected{NoteError::BadKey};
  auto state = std::make_unique<State>(
      State{std::string(name), kind, key->substr(1), std::move(*verifying), 0});
  state->id = proof::key_id(name, kind, state->key);
  if (state->id != from_big_endian(*id)) return Unexpected{NoteError::BadKey};
  return NoteVerifier(std::move(state));
}

const std::string& NoteVerifier::name() const { return state_->name; }
NoteKeyKind NoteVerifier::kind() const { return state_->kind; }
std::uint32_t NoteVerifier::key_id() const { return state_->id; }

std::string NoteVerifier::to_string() const {
  return state_->name + '+' + crypto::hex_encode(big_endian(state_->id, kIdBytes)) + '+' +
         crypto::base64_encode(static_cast<char>(state_->kind) + state_->key);
}

bool NoteVerifier::is_of_this_key(const NoteSignature& signature) const {
  return signature.key_id == state_->id && signature.name == state_->name;
}

std::optional<std::uint64_t> NoteVerifier::verify(std::string_view text,
                                                  const NoteSignature& signature) const {
  std::string_view bytes = signature.bytes;
  const std::size_t before = state_->kind == NoteKeyKind::Witness ? kTimeBytes : 0;
  if (bytes.size() != before + kSignatureBytes) return std::nullopt;
  const std::uint64_t time = from_big_endian(bytes.substr(0, before));
  bytes.remove_prefix(before);
  if (time > kLatestTime || !state_->verifying.verify(SignatureAlgorithm::EdDsa,
                                                      message(state_->kind, text, time), bytes))
    return std::nullopt;
  return time;
}

Result<std::vector<VerifiedSignature>, NoteError> verify_note(const Note& note,
                                                              std::span<const NoteVerifier> known) {
  std::vector<VerifiedSignature> out;
  for (const NoteSignature& signature : note.signatures) {
    for (std::size_t i = 0; i < known.size(); ++i) {
      if (!known[i].is_of_this_key(signature)) continue;
      const auto time = known[i].verify(note.text, signature);
      if (!time) return Unexpected{NoteError::BadSignature};
      out.push_back({i, *time});
    }
  }
  if (out.empty()) return Unexpected{NoteError::NoKnownKey};
  return out;
}

NoteSigner::NoteSigner(std::string name, NoteKeyKind kind, crypto::PrivateKey key)
    : name_(std::move(name)), kind_(kind), key_(std::move(key)) {
  // The key is the end of its SubjectPublicKeyInfo (RFC 8410, 4).
  const std::string der = key_.public_der();
  public_key_ = der.substr(der.size() - kKeyBytes);
  key_id_ = key_id(name_, kind_, public_key_);
}

std::optional<NoteSigner> NoteSigner::make(std::string name, NoteKeyKind kind,
                                           crypto::PrivateKey key) {
  if (!is_key_name(name) || !key.serves(SignatureAlgorithm::EdDsa)) return std::nullopt;
  return NoteSigner(std::move(name), kind, std::move(key));
}

NoteVerifier NoteSigner::verifier() const {
  auto verifying = crypto::PublicKey::ed25519(public_key_);
  return NoteVerifier(std::make_unique<NoteVerifier::State>(
      NoteVerifier::State{name_, kind_, public_key_, std::move(verifying).value(), key_id_}));
}

NoteSignature NoteSigner::sign(std::string_view text, std::uint64_t time) const {
  const auto signature = key_.sign(SignatureAlgorithm::EdDsa, message(kind_, text, time));
  std::string bytes = kind_ == NoteKeyKind::Witness ? big_endian(time, kTimeBytes) : std::string();
  return {name_, key_id_, bytes + signature.value()};
}

}  // namespace veilwire::proof
