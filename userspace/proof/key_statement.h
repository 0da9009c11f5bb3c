// Says by which key a log's checkpoints are signed from here on. It is the text of a note that this
// key signs and, where there was one, the key before it: whoever trusts a log's first key can
// follow its keys to the last one. No checkpoint reads like it (its second line is a number).
// Tested by tests/unit/proof/key_statement_test.cpp.
#pragma once

#include "userspace/proof/signed_note.h"

#include <optional>
#include <string>
#include <string_view>

namespace veilwire::proof {

struct KeyStatement {
  std::string origin;    // of the log, as its checkpoints have it; one line
  std::string verifier;  // NoteVerifier::to_string()
  friend bool operator==(const KeyStatement&, const KeyStatement&) = default;
};

std::string to_text(const KeyStatement& statement);
// nullopt: not exactly what to_text() writes of one.
std::optional<KeyStatement> parse_key_statement(std::string_view text);

// The key that a note's text names, if it has signed the note itself. nullopt: it is no such note.
struct StatedKey {
  std::string origin;
  NoteVerifier key;
};
std::optional<StatedKey> stated_key(const Note& note);

}  // namespace veilwire::proof
