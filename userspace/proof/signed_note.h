// Text signed by one or more keys (C2SP signed-note v1.0.0), read by people and by other people's
// verifiers; cosignatures are those of C2SP tlog-cosignature v1. The text of a note means nothing
// before a signature of a known key has been verified. Notes come from strangers. Tested by
// tests/unit/proof/signed_note_test.cpp and, by tests/evidence, against
// golang.org/x/mod/sumdb/note.
#pragma once

#include "userspace/base/result.h"
#include "userspace/crypto/private_key.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::proof {

inline constexpr std::size_t kNoteBytes = 64 * 1024;
inline constexpr std::size_t kNoteSignatures = 64;

enum class NoteError : std::uint8_t {
  TooLarge,      // over kNoteBytes or kNoteSignatures
  Malformed,     // control characters, no UTF-8, or not text, a blank line and signatures
  BadName,       // a key's name is empty or has a space or "+"
  BadKey,        // a verifier key that is none, or of a kind that is not known
  BadSignature,  // a known key's signature is not of this text
  NoKnownKey,    // nobody who is known has signed it
};
std::string_view to_string(NoteError error);  // a clause for a person

// The signature types of signed-note, by their bytes.
enum class NoteKeyKind : std::uint8_t {
  Log = 0x01,      // Ed25519 over the text
  Witness = 0x04,  // Ed25519 over the text and a time
};

// Spaces are those of Unicode.
bool is_key_name(std::string_view name);

struct NoteSignature {
  std::string name;
  std::uint32_t key_id = 0;
  std::string bytes;  // behind the key id
};
struct Note {
  std::string text;  // with its last line end
  std::vector<NoteSignature> signatures;
};

// text ends with a line end, and holds no control character else.
std::string to_string(const Note& note);
std::string to_string(const NoteSignature& signature);  // its line, without a line end
Result<Note, NoteError> parse_note(std::string_view bytes);
// Signature lines alone, as a witness answers.
Result<std::vector<NoteSignature>, NoteError> parse_signatures(std::string_view lines);

// Who may sign. Spelled "name+key id in hex+base64 of kind and key".
class NoteVerifier {
 public:
  static Result<NoteVerifier, NoteError> parse(std::string_view text);
  NoteVerifier(NoteVerifier&&) noexcept;
  NoteVerifier& operator=(NoteVerifier&&) noexcept;
  ~NoteVerifier();

  const std::string& name() const;
  NoteKeyKind kind() const;
  std::uint32_t key_id() const;
  std::string to_string() const;

  bool is_of_this_key(const NoteSignature& signature) const;
  // Of is_of_this_key(). The time that a witness says, in seconds of the epoch, 0 of a log;
  // nullopt: it is not of this text.
  std::optional<std::uint64_t> verify(std::string_view text, const NoteSignature& signature) const;

 private:
  struct State;
  explicit NoteVerifier(std::unique_ptr<State> state);
  friend class NoteSigner;
  std::unique_ptr<State> state_;
};

struct VerifiedSignature {
  std::size_t verifier = 0;  // its place among those that are known
  std::uint64_t time = 0;    // as NoteVerifier::verify
};
// In the note's order; not empty. One bad signature of a known key spoils the note.
Result<std::vector<VerifiedSignature>, NoteError> verify_note(const Note& note,
                                                              std::span<const NoteVerifier> known);

class NoteSigner {
 public:
  // nullopt: no name of a key, or no Ed25519 key.
  static std::optional<NoteSigner> make(std::string name, NoteKeyKind kind, crypto::PrivateKey key);

  // time: of a witness, in seconds of the epoch.
  NoteSignature sign(std::string_view text, std::uint64_t time = 0) const;
  NoteVerifier verifier() const;

 private:
  NoteSigner(std::string name, NoteKeyKind kind, crypto::PrivateKey key);
  std::string name_;
  NoteKeyKind kind_;
  crypto::PrivateKey key_;
  std::string public_key_;  // 32 bytes (RFC 8032)
  std::uint32_t key_id_;
};

}  // namespace veilwire::proof
