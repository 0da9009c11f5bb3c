#include "userspace/evidence/witnessed_log.h"

#include "userspace/evidence/key_chain.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <utility>
#include <variant>

namespace veilwire::evidence {
namespace {

using proof::NoteVerifier;

bool is_one_of(std::span<const NoteVerifier> pinned, const std::string& key) {
  return std::any_of(pinned.begin(), pinned.end(),
                     [&](const NoteVerifier& known) { return known.to_string() == key; });
}

// The statement is of a pinned key, and in order but for the key before it.
bool is_vouched_for(const audit::CheckpointKey& statement, std::span<const NoteVerifier> pinned,
                    const std::string& origin) {
  const auto note = proof::parse_note(statement.note);
  const auto stated = note ? proof::stated_key(*note) : std::nullopt;
  return stated && stated->origin == origin && stated->key.to_string() == statement.verifier &&
         is_one_of(pinned, statement.verifier);
}

class Follower {
 public:
  Follower(const WitnessedLog& before, std::span<const NoteVerifier> pinned)
      : log_(before), pinned_(pinned), keys_(pinned) {
    if (before.key.empty()) return;
    auto key = NoteVerifier::parse(before.key);
    if (!key) std::abort();  // it was one when it was kept
    keys_.resume(before.origin, *std::move(key), before.is_trusted);
  }

  // What contradicts the log so far.
  std::optional<std::string> add(const audit::Record& record) {
    if (const auto* key = std::get_if<audit::CheckpointKey>(&record.body)) return add(*key);
    if (const auto* checkpoint = std::get_if<audit::Checkpoint>(&record.body))
      return add(*checkpoint);
    return std::nullopt;
  }
  void append(const proof::Hash& leaf) {
    log_.end.append(leaf, [](proof::SubtreeId, const proof::Hash&) {});
  }
  bool has_checkpoint() const { return has_checkpoint_; }
  WitnessedLog take() { return std::move(log_); }

 private:
  std::optional<std::string> add(const audit::CheckpointKey& statement) {
    const bool first = keys_.current() == nullptr;
    const auto problem = keys_.follow(statement);
    if (first && !problem && keys_.origin() != log_.origin)
      return "is a statement of the key of another log, " + keys_.origin();
    if (problem && !is_vouched_for(statement, pinned_, log_.origin)) return "is " + *problem;
    if (first && !pinned_.empty() && !keys_.is_trusted())
      return "is a statement of a first key that is not one of those configured for this log";
    log_.key = keys_.current()->to_string();
    log_.is_trusted = keys_.is_trusted();
    return std::nullopt;
  }

  std::optional<std::string> add(const audit::Checkpoint& record) {
    if (keys_.current() == nullptr) return "is a checkpoint before the first key";
    const auto note = proof::parse_note(record.note);
    if (!note) return "is a checkpoint that is no signed note";
    const auto checkpoint = read_checkpoint(*note, *keys_.current(), log_.origin);
    if (!checkpoint) return "is " + checkpoint.error();
    if (checkpoint->size != log_.end.size()) {
      return "is a checkpoint of " + std::to_string(checkpoint->size) + " records behind " +
             std::to_string(log_.end.size());
    }
    if (checkpoint->root != log_.end.root())
      return "is a checkpoint of other records than the ones before it";
    log_.checkpoint = {checkpoint->size, record.note, proof::time_of(*checkpoint)};
    has_checkpoint_ = true;
    return std::nullopt;
  }

  WitnessedLog log_;
  std::span<const NoteVerifier> pinned_;
  KeyChain keys_;
  bool has_checkpoint_ = false;
};

}  // namespace

std::string frontier_bytes(const proof::Frontier& end) {
  std::string out;
  for (const proof::Hash& hash : end.full()) out += crypto::as_bytes(hash);
  return out;
}

std::optional<proof::Frontier> read_frontier(std::uint64_t size, std::string_view bytes) {
  auto end = proof::Frontier::of(size, [&](proof::SubtreeId) -> std::optional<proof::Hash> {
    proof::Hash hash;
    if (bytes.size() < hash.size()) return std::nullopt;
    std::copy_n(bytes.begin(), hash.size(), hash.begin());
    bytes.remove_prefix(hash.size());
    return hash;
  });
  if (!bytes.empty()) return std::nullopt;
  return end;
}

Result<Growth, Contradiction> grow(const WitnessedLog& before, std::span<const NoteVerifier> pinned,
                                   std::span<const std::string_view> records) {
  Growth out;
  Follower follower(before, pinned);
  std::uint64_t number = before.end.size();
  for (const std::string_view bytes : records) {
    ++number;
    auto parsed = audit::parse_record(bytes);
    if (parsed) {
      if (auto what = follower.add(parsed->record))
        return Unexpected{Contradiction{number, *std::move(what)}};
    }
    out.leaves.push_back(proof::leaf_hash(bytes));
    follower.append(out.leaves.back());
    out.parsed.push_back(parsed ? std::optional(*std::move(parsed)) : std::nullopt);
  }
  out.has_checkpoint = follower.has_checkpoint();
  out.after = follower.take();
  return out;
}

}  // namespace veilwire::evidence
