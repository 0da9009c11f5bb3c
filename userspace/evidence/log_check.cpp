#include "userspace/evidence/log_check.h"

#include "userspace/crypto/encoding.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <variant>

namespace veilwire::evidence {

void LogCheck::problem(std::uint64_t record, std::string what) {
  add_problem(report_, record, std::move(what));
}

void LogCheck::begin(proof::Frontier end) {
  deleted_ = tree_ = std::move(end);
  report_.deleted_through = deleted_.size();
}

std::optional<audit::Parsed> LogCheck::add_kept(std::uint64_t number, std::string_view record,
                                                const proof::Proof& proof) {
  if (number == 0 || number > deleted_.size() ||
      !proof::is_included(proof::leaf_hash(record), number - 1, deleted_.size(), deleted_.root(),
                          proof)) {
    problem(number, "was kept of what is deleted, and was not part of it");
    return std::nullopt;
  }
  ++report_.kept;
  auto parsed = audit::parse_record(record);
  if (!parsed) return std::nullopt;
  // A checkpoint of before has lost what it signs.
  if (std::holds_alternative<audit::CheckpointKey>(parsed->record.body))
    check(number, parsed->record);
  return *std::move(parsed);
}

std::optional<audit::Parsed> LogCheck::add(std::string_view record) {
  const std::uint64_t number = tree_.size() + 1;
  auto parsed = audit::parse_record(record);
  const auto* gap = parsed ? std::get_if<audit::Gap>(&parsed->record.body) : nullptr;
  const std::string excused = std::exchange(excused_, {});
  if (auto doubt = std::exchange(doubt_, std::nullopt)) {
    if (gap != nullptr && gap->reason == "unreadable record") {
      note_unreadable(gap->detail);
    } else {
      problem(number - 1, *std::move(doubt));
    }
  }
  if (!parsed) {
    doubt_ = "is " + std::string(to_string(parsed.error()));
  } else {
    excused_ = excused;
    check_number(*parsed);
    excused_ = gap != nullptr && gap->reason == "records missing" ? gap->detail : "";
    check(number, parsed->record);
  }
  tree_.append(proof::leaf_hash(record), [](proof::SubtreeId, const proof::Hash&) {});
  if (!parsed) return std::nullopt;
  return *std::move(parsed);
}

// The recorder has put it as "writer NAME seq N: why": the number counts although the record does
// not.
void LogCheck::note_unreadable(std::string_view detail) {
  constexpr std::string_view kWriter = "writer ", kSeq = " seq ";
  const std::size_t at = detail.find(kSeq);
  if (!detail.starts_with(kWriter) || at == detail.npos) return;
  std::uint64_t seq = 0;
  const char* digits = detail.data() + at + kSeq.size();
  if (std::from_chars(digits, detail.data() + detail.size(), seq).ec != std::errc()) return;
  last_seq_[std::string(detail.substr(kWriter.size(), at - kWriter.size()))] = seq;
}

void LogCheck::check_number(const audit::Parsed& parsed) {
  const auto [writer, is_new] = last_seq_.try_emplace(parsed.writer, 0);
  std::uint64_t& last = writer->second;
  // Where it stood is deleted; that nothing is missing since, the tree says.
  if (is_new && deleted_.size() != 0 && parsed.seq != 0) last = parsed.seq - 1;
  if (parsed.seq <= last) {
    doubt_ = "has the number " + std::to_string(parsed.seq) + " of the writer " + parsed.writer +
             ", who had come to " + std::to_string(last);
    return;
  }
  if (parsed.seq > last + 1) {
    const std::string hole = "writer " + parsed.writer + " seq " + std::to_string(last + 1) +
                             " to " + std::to_string(parsed.seq - 1);
    if (excused_ != hole) doubt_ = "comes behind records that are missing: " + hole;
  }
  last = parsed.seq;
}

void LogCheck::check(std::uint64_t number, const audit::Record& record) {
  if (const auto* key = std::get_if<audit::CheckpointKey>(&record.body)) {
    if (auto what = keys_.follow(*key)) problem(number, "is " + *std::move(what));
  } else if (const auto* checkpoint = std::get_if<audit::Checkpoint>(&record.body)) {
    check(*checkpoint);
  } else if (const auto* retention = std::get_if<audit::Retention>(&record.body)) {
    check(*retention);
  }
}

void LogCheck::check(const audit::Retention& retention) {
  said_deleted_ = std::max(said_deleted_, retention.through);
  const proof::Hash root = deleted_.root();
  if (retention.through == deleted_.size() &&
      retention.root != crypto::base64_encode(crypto::as_bytes(root)))
    problem(tree_.size() + 1, "says that other records are deleted than those that are");
}

void LogCheck::check(const audit::Checkpoint& record) {
  const std::uint64_t number = tree_.size() + 1;
  if (keys_.current() == nullptr) return problem(number, "is a checkpoint before the first key");
  const auto note = proof::parse_note(record.note);
  if (!note) return problem(number, "is a checkpoint that is no signed note");
  const auto checkpoint = read_checkpoint(*note, *keys_.current(), keys_.origin());
  if (!checkpoint) return problem(number, "is " + checkpoint.error());
  if (checkpoint->size != tree_.size()) {
    return problem(number, "is a checkpoint of " + std::to_string(checkpoint->size) +
                               " records behind " + std::to_string(tree_.size()));
  }
  if (checkpoint->root != tree_.root())
    return problem(number, "is a checkpoint of other records than the ones before it");
  ++report_.checkpoints;
  report_.signed_records = checkpoint->size;
  const auto time = proof::time_of(*checkpoint);
  if (time && report_.signed_at) {
    const auto silence = time->since_epoch - report_.signed_at->since_epoch;
    if (silence > report_.longest_silence) {
      report_.longest_silence = silence;
      report_.silence_ends = number;
    }
  }
  report_.signed_at = time;
}

LogReport LogCheck::report() const {
  LogReport report = report_;
  if (doubt_) add_problem(report, tree_.size(), *doubt_);
  if (deleted_.size() != 0 && report.signed_records < deleted_.size()) {
    add_problem(
        report, deleted_.size(),
        "and all before it are deleted, and no checkpoint that is left says what they were");
  }
  if (said_deleted_ < deleted_.size()) {
    add_problem(report, deleted_.size(),
                "and all before it are deleted, and no record says that they were to be");
  }
  report.records = tree_.size();
  report.root = tree_.root();
  report.origin = keys_.origin();
  report.keys = keys_.keys();
  report.trusted = keys_.is_trusted();
  return report;
}

}  // namespace veilwire::evidence
