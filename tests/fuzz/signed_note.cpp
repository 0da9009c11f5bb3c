// Notes as a stranger could send them, and keys as somebody could configure them: any bytes are an
// error, or a note and a checkpoint that are written as they were read; nobody's key signs them.
#include "userspace/proof/signed_note.h"

#include "userspace/proof/checkpoint.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace veilwire::proof;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static const std::vector<NoteVerifier> known = [] {
    std::vector<NoteVerifier> keys;
    for (const NoteKeyKind kind : {NoteKeyKind::Log, NoteKeyKind::Witness})
      keys.push_back(NoteSigner::make("example.com/log", kind,
                                      veilwire::crypto::PrivateKey::generate_ed25519())
                         ->verifier());
    return keys;
  }();
  if (const auto key = NoteVerifier::parse(bytes); key && key->to_string().size() != size)
    std::abort();
  const auto note = parse_note(bytes);
  if (!note) return 0;
  const auto again = parse_note(to_string(*note));
  if (!again || again->text != note->text || again->signatures.size() != note->signatures.size())
    std::abort();
  if (verify_note(*note, known)) std::abort();
  const auto checkpoint = parse_checkpoint(note->text);
  if (checkpoint && to_text(*checkpoint) != note->text) std::abort();
  return 0;
}
