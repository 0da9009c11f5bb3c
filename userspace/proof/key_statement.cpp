#include "userspace/proof/key_statement.h"

#include <span>
#include <utility>

namespace veilwire::proof {
namespace {

constexpr std::string_view kSecondLine = "\ncheckpoint key\n";

}  // namespace

std::string to_text(const KeyStatement& statement) {
  return statement.origin + std::string(kSecondLine) + statement.verifier + '\n';
}

std::optional<KeyStatement> parse_key_statement(std::string_view text) {
  const std::size_t at = text.find(kSecondLine);
  if (at == 0 || at == std::string_view::npos || !text.ends_with('\n')) return std::nullopt;
  const std::string_view origin = text.substr(0, at);
  std::string_view verifier = text.substr(at + kSecondLine.size());
  if (verifier.empty()) return std::nullopt;
  verifier.remove_suffix(1);
  if (verifier.empty() || origin.find('\n') != std::string_view::npos ||
      verifier.find('\n') != std::string_view::npos)
    return std::nullopt;
  return KeyStatement{std::string(origin), std::string(verifier)};
}

std::optional<StatedKey> stated_key(const Note& note) {
  auto statement = parse_key_statement(note.text);
  if (!statement) return std::nullopt;
  auto key = NoteVerifier::parse(statement->verifier);
  if (!key || !verify_note(note, std::span(&*key, 1))) return std::nullopt;
  return StatedKey{std::move(statement->origin), *std::move(key)};
}

}  // namespace veilwire::proof
