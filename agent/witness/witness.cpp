#include "agent/witness/witness.h"

#include <algorithm>
#include <utility>

namespace veilwire::witness {
namespace {

using evidence::RecordBatch;
using evidence::WitnessAnswer;
using std::chrono::seconds;

// Others who add to the same log at the same moment: one host, by way of several instances. Each
// try that fails is one of theirs that has not.
constexpr int kTries = 16;
constexpr seconds kStoreAway{5}, kCrowded{1};

constexpr int kOk = 200, kForbidden = 403, kConflict = 409, kContradicted = 422, kUnavailable = 503;

}  // namespace

// One batch on its way through the store.
class Witness::Taking {
 public:
  Taking(const Witness& witness, Store& store, std::string_view client, const RecordBatch& batch)
      : witness_(witness), store_(store), client_(client), batch_(batch) {
    const auto listed = witness.rules_.listed.find(batch.origin);
    if (listed != witness.rules_.listed.end()) listed_ = &listed->second;
  }

  Reply run() {
    for (int i = 0; i < kTries; ++i) {
      if (auto reply = attempt()) return *std::move(reply);
    }
    return {.status = kUnavailable,
            .answer = said("others add to this log"),
            .retry_after = kCrowded,
            .alarm = {}};
  }

 private:
  // nullopt: the log has moved under it.
  std::optional<Reply> attempt() {
    auto found = store_.find(batch_.origin);
    if (!found) return failed(found.error());
    if (!may_send(*found)) {
      return Reply{.status = kForbidden,
                   .answer = said("this log is not this client's"),
                   .retry_after = {},
                   .alarm = {}};
    }
    KeptLog kept;
    if (*found) {
      kept = **std::move(found);
    } else {
      kept.log.origin = batch_.origin;
    }
    const std::uint64_t size = kept.log.end.size();
    if (batch_.first > size + 1) return standing(kConflict, kept);
    const std::uint64_t held =
        std::min<std::uint64_t>(size + 1 - batch_.first, batch_.records.size());
    if (held != 0) {
      if (auto reply = compare(kept, held)) return reply;
    }
    const auto fresh = std::span(batch_.records).subspan(static_cast<std::size_t>(held));
    if (fresh.empty()) return standing(kOk, kept);
    return add(kept, fresh);
  }

  bool may_send(const std::optional<KeptLog>& kept) const {
    if (listed_ != nullptr && listed_->retired) return false;
    if (listed_ != nullptr && !listed_->clients.empty()) {
      return std::find(listed_->clients.begin(), listed_->clients.end(), client_) !=
             listed_->clients.end();
    }
    if (kept) return kept->client == client_;
    return listed_ != nullptr || !witness_.rules_.only_listed;
  }

  // Records that are sent again must be the ones that are held.
  std::optional<Reply> compare(const KeptLog& kept, std::uint64_t count) {
    const auto leaves = store_.leaves(batch_.origin, batch_.first, count);
    if (!leaves) return failed(leaves.error());
    if (leaves->size() != count) return failed({"the store has lost records of this log"});
    for (std::size_t i = 0; i < leaves->size(); ++i) {
      if (proof::leaf_hash(batch_.records[i]) == (*leaves)[i]) continue;
      return contradicted(kept,
                          {batch_.first + i, "is another one than was sent under this number"},
                          batch_.records[i], (*leaves)[i]);
    }
    return std::nullopt;
  }

  std::optional<Reply> add(const KeptLog& kept, std::span<const std::string_view> fresh) {
    const auto pinned =
        listed_ != nullptr ? std::span(listed_->keys) : std::span<const proof::NoteVerifier>();
    const auto grown = evidence::grow(kept.log, pinned, fresh);
    if (!grown) {
      const std::uint64_t at = grown.error().record - kept.log.end.size() - 1;
      return contradicted(kept, grown.error(), fresh[static_cast<std::size_t>(at)], std::nullopt);
    }
    KeptLog after{grown->after, {}, kept.cosignature};
    std::string cosignature;
    if (grown->has_checkpoint) {
      cosignature = cosign(*grown->after.checkpoint);
      after.cosignature = cosignature;
    }
    const auto added = store_.add({.size = kept.log.end.size(),
                                   .client = client_,
                                   .records = fresh,
                                   .growth = &*grown,
                                   .cosignature = cosignature});
    if (!added) return failed(added.error());
    if (!*added) return std::nullopt;
    return standing(kOk, after);
  }

  // It leaves this process once the store holds it, and never where the store has refused.
  std::string cosign(const evidence::WitnessedLog::Checkpoint& checkpoint) const {
    const auto note = proof::parse_note(checkpoint.note);
    const auto now = std::chrono::floor<seconds>(witness_.wall_clock_().since_epoch).count();
    return to_string(witness_.signer_.sign(note->text, static_cast<std::uint64_t>(now)));
  }

  static WitnessAnswer said(std::string error) {
    WitnessAnswer answer;
    answer.error = std::move(error);
    return answer;
  }
  static Reply standing(int status, const KeptLog& kept) {
    Reply reply{.status = status, .answer = {}, .retry_after = {}, .alarm = {}};
    reply.answer.size = kept.log.end.size();
    // With every answer: one that was lost on its way comes with the next.
    if (kept.log.checkpoint && !kept.cosignature.empty())
      reply.answer.cosignature = {kept.log.checkpoint->size, kept.cosignature};
    return reply;
  }
  static Reply failed(const StoreFailure& failure) {
    return {.status = kUnavailable,
            .answer = said("the store is away"),
            .retry_after = kStoreAway,
            .alarm = failure.what};
  }

  Reply contradicted(const KeptLog& kept, const evidence::Contradiction& contradiction,
                     std::string_view given, std::optional<proof::Hash> held) {
    const auto noted = store_.note({.origin = batch_.origin,
                                    .client = client_,
                                    .record = contradiction.record,
                                    .what = contradiction.what,
                                    .given = given,
                                    .held = held});
    // Evidence that is not kept has not been answered.
    if (!noted) return failed(noted.error());
    Reply reply = standing(kContradicted, kept);
    reply.answer.error = contradiction.what;
    reply.answer.record = contradiction.record;
    reply.alarm = "tampering: record " + std::to_string(contradiction.record) + " of " +
                  std::string(batch_.origin) + " from " + std::string(client_) + " " +
                  contradiction.what;
    return reply;
  }

  const Witness& witness_;
  Store& store_;
  std::string_view client_;
  const RecordBatch& batch_;
  const ListedLog* listed_ = nullptr;
};

Reply Witness::take(Store& store, std::string_view client, const RecordBatch& batch) const {
  return Taking(*this, store, client, batch).run();
}

}  // namespace veilwire::witness
