#include "agent/recorder/cosignature_check.h"

#include "userspace/audit/parse.h"
#include "userspace/proof/checkpoint.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace veilwire::recorder {

// The newest ones: a forwarder that was taken over may have brought any number that do not count.
CosignatureCheck::CosignatureCheck(Database& database, const std::vector<std::string>& keys)
    : lines_(database,
             "SELECT size, line FROM cosignatures WHERE size > ?1 ORDER BY size DESC LIMIT 100"),
      checkpoint_(database, "SELECT bytes FROM records WHERE id = ?1 AND kind = 'checkpoint'") {
  for (const std::string& key : keys) {
    auto verifier = proof::NoteVerifier::parse(key);
    if (!verifier || verifier->kind() != proof::NoteKeyKind::Witness)
      throw SqliteError(0, "\"" + key + "\" is no key of a witness");
    keys_.push_back(*std::move(verifier));
  }
}

std::optional<std::int64_t> CosignatureCheck::through() {
  std::vector<Line> lines;
  lines_.bind(through_);
  Step step;
  while ((step = lines_.step()) == Step::Row)
    lines.push_back({lines_.integer(0), std::string(lines_.text(1))});
  lines_.reset();
  if (step == Step::Failed) return std::nullopt;
  for (const Line& line : lines) {
    // The record behind those that it covers.
    checkpoint_.bind(line.size + 1);
    const Step found = checkpoint_.step();
    const bool good = found == Step::Row && counts(line, checkpoint_.text(0));
    checkpoint_.reset();
    if (found == Step::Failed) return std::nullopt;
    if (good) {
      through_ = line.size;
      break;
    }
  }
  return through_;
}

bool CosignatureCheck::counts(const Line& line, std::string_view checkpoint_record) const {
  const auto parsed = audit::parse_record(checkpoint_record);
  const auto* said = parsed ? std::get_if<audit::Checkpoint>(&parsed->record.body) : nullptr;
  if (said == nullptr) return false;
  const auto note = proof::parse_note(said->note);
  const auto checkpoint = note ? proof::parse_checkpoint(note->text) : std::nullopt;
  if (!checkpoint || checkpoint->size != static_cast<std::uint64_t>(line.size)) return false;
  const auto signatures = proof::parse_signatures(line.text + "\n");
  if (!signatures) return false;
  return std::any_of(signatures->begin(), signatures->end(), [&](const auto& signature) {
    return std::any_of(keys_.begin(), keys_.end(), [&](const proof::NoteVerifier& key) {
      return key.is_of_this_key(signature) && key.verify(note->text, signature).has_value();
    });
  });
}

}  // namespace veilwire::recorder
