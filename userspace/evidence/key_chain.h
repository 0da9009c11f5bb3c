// Follows the keys of a log from statement to statement, and says whether the last one can be
// trusted. Tested by tests/unit/evidence/log_check_test.cpp.
#pragma once

#include "userspace/audit/record.h"
#include "userspace/base/result.h"
#include "userspace/proof/checkpoint.h"
#include "userspace/proof/key_statement.h"
#include "userspace/proof/signed_note.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::evidence {

class KeyChain {
 public:
  // trusted: keys that whoever verifies has from elsewhere; must outlive the chain. With none, the
  // first key is taken at its word, and is_trusted() is false.
  explicit KeyChain(std::span<const proof::NoteVerifier> trusted) : trusted_(trusted) {}

  // Where another chain stood, in a log with this origin.
  void resume(std::string origin, proof::NoteVerifier current, bool is_trusted);

  // What is wrong with the statement; nothing for one that counts. The key is the current one in
  // either case: what it signs is judged by it.
  std::optional<std::string> follow(const audit::CheckpointKey& statement);

  const proof::NoteVerifier* current() const { return current_ ? &*current_ : nullptr; }
  const std::string& origin() const { return origin_; }  // of the log; "" before the first key
  // Whether the current key is a trusted one or follows from one.
  bool is_trusted() const { return is_trusted_; }
  const std::vector<std::string>& keys() const { return keys_; }  // all of them, spelled

 private:
  std::span<const proof::NoteVerifier> trusted_;
  std::optional<proof::NoteVerifier> current_;
  std::string origin_;
  std::vector<std::string> keys_;
  bool is_trusted_ = false;
};

// A checkpoint of the log that is signed by this key; otherwise what is wrong, in words.
Result<proof::Checkpoint, std::string> read_checkpoint(const proof::Note& note,
                                                       const proof::NoteVerifier& key,
                                                       std::string_view origin);

}  // namespace veilwire::evidence
