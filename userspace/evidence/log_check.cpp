#include "userspace/evidence/log_check.h"

#include <charconv>
#include <utility>
#include <variant>

namespace veilwire::evidence {

void LogCheck::problem(std::uint64_t record, std::string what) {
  add_problem(report_, record, std::move(what));
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
    check(parsed->record);
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
  std::uint64_t& last = last_seq_[parsed.writer];
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

void LogCheck::check(const audit::Record& record) {
  const std::uint64_t number = tree_.size() + 1;
  if (const auto* key = std::get_if<audit::CheckpointKey>(&record.body)) {
    if (auto what = keys_.follow(*key)) problem(number, "is " + *std::move(what));
  } else if (const auto* checkpoint = std::get_if<audit::Checkpoint>(&record.body)) {
    check(*checkpoint);
  }
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
  report.records = tree_.size();
  report.root = tree_.root();
  report.origin = keys_.origin();
  report.keys = keys_.keys();
  report.trusted = keys_.is_trusted();
  return report;
}

}  // namespace veilwire::evidence
