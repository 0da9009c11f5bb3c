#include "userspace/evidence/key_chain.h"

#include <algorithm>
#include <utility>

namespace veilwire::evidence {

void KeyChain::resume(std::string origin, proof::NoteVerifier current, bool is_trusted) {
  origin_ = std::move(origin);
  keys_.push_back(current.to_string());
  current_ = std::move(current);
  is_trusted_ = is_trusted;
}

std::optional<std::string> KeyChain::follow(const audit::CheckpointKey& statement) {
  const auto note = proof::parse_note(statement.note);
  auto stated = note ? proof::stated_key(*note) : std::nullopt;
  if (!stated) return "a statement of a new key that its own key has not signed";
  const std::string spelled = stated->key.to_string();
  std::optional<std::string> problem;
  if (spelled != statement.verifier) {
    problem = "a statement that names another key than its record";
  } else if (!origin_.empty() && stated->origin != origin_) {
    problem = "a statement of a new key of another log, " + stated->origin;
  } else if (current_ && !proof::verify_note(*note, std::span(&*current_, 1))) {
    problem = "a new key that the key before it has not signed";
  }
  const bool pinned = std::any_of(trusted_.begin(), trusted_.end(), [&](const auto& trusted) {
    return trusted.to_string() == spelled;
  });
  is_trusted_ = pinned || (is_trusted_ && !problem);
  if (origin_.empty()) origin_ = stated->origin;
  keys_.push_back(spelled);
  current_ = std::move(stated->key);
  return problem;
}

Result<proof::Checkpoint, std::string> read_checkpoint(const proof::Note& note,
                                                       const proof::NoteVerifier& key,
                                                       std::string_view origin) {
  if (const auto signers = proof::verify_note(note, std::span(&key, 1)); !signers) {
    return Unexpected{"a checkpoint whose signature does not hold: " +
                      std::string(to_string(signers.error()))};
  }
  auto checkpoint = proof::parse_checkpoint(note.text);
  if (!checkpoint) return Unexpected<std::string>{"a signed note that is no checkpoint"};
  if (checkpoint->origin != origin)
    return Unexpected{"a checkpoint of another log, " + checkpoint->origin};
  return *std::move(checkpoint);
}

}  // namespace veilwire::evidence
