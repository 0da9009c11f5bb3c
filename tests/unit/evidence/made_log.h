// A log made in memory, record by record, as the recorder makes one on disk: with keys, checkpoints
// and every hash at hand, so that a test can change one thing and see who notices.
#pragma once

#include "tests/unit/audit/sample_records.h"
#include "userspace/proof/checkpoint.h"
#include "userspace/proof/key_statement.h"
#include "userspace/proof/merkle_tree.h"
#include "userspace/proof/signed_note.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace veilwire::evidence {

inline constexpr const char* kMadeOrigin = "veilwire/3f6c1d0e/00000001";

inline proof::NoteSigner made_key() {
  return *proof::NoteSigner::make(kMadeOrigin, proof::NoteKeyKind::Log,
                                  crypto::PrivateKey::generate_ed25519());
}

class MadeLog {
 public:
  std::vector<std::string> records;
  proof::Frontier tree;

  void put(const audit::Body& body, const std::string& writer = "0f") {
    put_bytes(audit::canonical(audit::sample(body), writer, ++seq_[writer]));
  }
  void put_bytes(std::string bytes) {
    tree.append(proof::leaf_hash(bytes), [this](proof::SubtreeId id, const proof::Hash& hash) {
      hashes_[{id.level, id.index}] = hash;
    });
    records.push_back(std::move(bytes));
  }
  void skip(const std::string& writer) { ++seq_[writer]; }

  void say(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      put(audit::UpstreamError{.reason = std::to_string(records.size())});
  }
  void state_key(const proof::NoteSigner& key, const proof::NoteSigner* before = nullptr,
                 const char* origin = kMadeOrigin) {
    const std::string verifier = key.verifier().to_string();
    proof::Note note{.text = to_text(proof::KeyStatement{origin, verifier}), .signatures = {}};
    note.signatures.push_back(key.sign(note.text));
    if (before != nullptr) note.signatures.push_back(before->sign(note.text));
    put(audit::CheckpointKey{.verifier = verifier, .note = to_string(note)}, "aa");
  }
  proof::Note checkpoint(const proof::NoteSigner& key, std::int64_t second = 0) const {
    proof::Note note{.text = to_text(proof::Checkpoint{
                         .origin = kMadeOrigin,
                         .size = tree.size(),
                         .root = tree.root(),
                         .extensions = {proof::time_extension({std::chrono::seconds(second)})}}),
                     .signatures = {}};
    note.signatures.push_back(key.sign(note.text));
    return note;
  }
  void sign(const proof::NoteSigner& key, std::int64_t second = 0) {
    put(audit::Checkpoint{.note = to_string(checkpoint(key, second))}, "aa");
  }
  proof::Frontier::Read reader() const {
    return [this](proof::SubtreeId id) -> std::optional<proof::Hash> {
      const auto found = hashes_.find({id.level, id.index});
      if (found == hashes_.end()) return std::nullopt;
      return found->second;
    };
  }

 private:
  std::map<std::string, std::uint64_t> seq_;
  std::map<std::pair<unsigned, std::uint64_t>, proof::Hash> hashes_;
};

}  // namespace veilwire::evidence
