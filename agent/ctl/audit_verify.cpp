#include "agent/ctl/audit_ledger.h"
#include "agent/ctl/audit_proof.h"
#include "agent/ctl/audit_text.h"
#include "agent/ctl/progress.h"
#include "agent/ctl/zstd_file.h"
#include "userspace/crypto/encoding.h"
#include "userspace/evidence/bundle.h"
#include "userspace/evidence/log_check.h"

#include <chrono>
#include <ostream>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using nlohmann::json;

void row(std::ostream& out, std::string name, std::string_view value) {
  name.resize(13, ' ');
  out << name << value << '\n';
}

std::string time_text(const std::optional<WallTime>& time) {
  return time ? wall_text(time->since_epoch.count()) : "a time that it does not say";
}

// What both kinds of report have in common.
template <class Report>
void print_end(const Report& report, const Screen& screen) {
  std::ostream& out = screen.out;
  for (const std::string& key : report.keys) row(out, "key", visible_line(key));
  if (!report.trusted && report.problem_count == 0) {
    row(out, "",
        "nobody has said that this key is to be trusted: compare it, or give it with --key");
  }
  for (const evidence::Problem& problem : report.problems) {
    row(out, "problem",
        (problem.record == 0 ? "" : "record " + std::to_string(problem.record) + " ") +
            visible_line(problem.what));
  }
  if (report.problem_count > report.problems.size()) {
    row(out, "", "and " + std::to_string(report.problem_count - report.problems.size()) + " more");
  }
  row(out, "result", report.problem_count == 0 ? "it holds" : "IT DOES NOT HOLD");
}

template <class Report>
json common_json(const Report& report) {
  json problems = json::array();
  for (const evidence::Problem& problem : report.problems)
    problems.push_back({{"record", problem.record}, {"what", visible_line(problem.what)}});
  json out = {{"holds", report.problem_count == 0},
              {"origin", visible_line(report.origin)},
              {"trusted", report.trusted},
              {"keys", json::array()},
              {"problems", problems},
              {"problem_count", report.problem_count},
              {"signed_at", time_text(report.signed_at)}};
  for (const std::string& key : report.keys) out["keys"].push_back(visible_line(key));
  return out;
}

template <class Report>
int exit_code(const Report& report) {
  return report.problem_count == 0 ? 0 : kAuditDisproved;
}

void print(const evidence::LogReport& report, const Screen& screen) {
  std::ostream& out = screen.out;
  row(out, "log", visible_line(report.origin));
  row(out, "records", std::to_string(report.records));
  if (report.deleted_through != 0) {
    row(out, "deleted",
        std::to_string(report.deleted_through - report.kept) + " of the first " +
            std::to_string(report.deleted_through) +
            (report.signed_records >= report.deleted_through
                 ? ": no longer here, but under the checkpoints that are"
                 : ": no longer here, and under no checkpoint that is"));
  }
  row(out, "root", crypto::base64_encode(crypto::as_bytes(report.root)));
  row(out, "checkpoints", std::to_string(report.checkpoints));
  if (report.checkpoints != 0) {
    row(out, "signed",
        std::to_string(report.signed_records) + " records, at " + time_text(report.signed_at));
  }
  if (report.silence_ends != 0) {
    row(out, "silence",
        seconds_text(report.longest_silence.count()) + " at most, before record " +
            std::to_string(report.silence_ends));
  }
  print_end(report, screen);
}

void print(const evidence::BundleReport& report, const Screen& screen) {
  std::ostream& out = screen.out;
  row(out, "log", visible_line(report.origin));
  row(out, "signed",
      std::to_string(report.log_records) + " records, at " + time_text(report.signed_at));
  row(out, "records", std::to_string(report.records) + " of them are here and proven");
  for (const auto& cosignature : report.cosignatures) {
    row(out, "witness",
        visible_line(cosignature.witness) + ", at " +
            wall_text(std::chrono::nanoseconds(std::chrono::seconds(cosignature.time)).count()));
  }
  print_end(report, screen);
}

}  // namespace

namespace {

// Lists go by what the record is filed under.
bool is_filed(const recorder::LedgerReader::StoredRecord& stored, const audit::Record& record) {
  const bool has_session = !record.context.session.empty();
  return stored.kind == "unreadable" ||
         (stored.kind == audit::kind(record) &&
          (!has_session || stored.session == record.context.session) &&
          stored.exchange == record.context.exchange &&
          stored.wall_ns == record.time.wall.since_epoch.count());
}

// The first records that the recorder has deleted, and those among them that it has kept.
void begin(recorder::LedgerReader& ledger, evidence::LogCheck& check) {
  auto beginning = ledger.beginning();
  if (!beginning) return check.problem(1, "and those behind it are deleted, and their hashes too");
  check.begin(beginning->end);
  for (const std::int64_t id : beginning->kept) {
    const auto stored = ledger.record(id);
    const auto number = static_cast<std::uint64_t>(id);
    if (!stored) continue;
    const auto proof =
        proof::inclusion_proof(number - 1, beginning->records,
                               [&](proof::SubtreeId subtree) { return ledger.subtree(subtree); });
    const auto parsed = check.add_kept(number, stored->bytes, proof.value_or(proof::Proof{}));
    if (parsed && !is_filed(*stored, parsed->record))
      check.problem(number, "is filed under another kind, exchange or time than its own");
  }
}

// nullopt: what was to be read was deleted meanwhile.
std::optional<evidence::LogCheck> read_all(recorder::LedgerReader& ledger,
                                           const VerifyOptions& options, Progress& progress) {
  evidence::LogCheck check(options.keys);
  begin(ledger, check);
  const auto all = static_cast<std::uint64_t>(ledger.last_record());
  bool overtaken = false;
  ledger.all_records(static_cast<std::int64_t>(check.tree().size()), [&](const auto& stored) {
    const std::uint64_t number = check.tree().size() + 1;
    progress.at(Progress::Clock::now(), [&](std::uint64_t ms) {
      return std::to_string(number) + " of " + std::to_string(all) + " records, " +
             std::to_string(number * 1000 / ms) + " a second";
    });
    if (static_cast<std::uint64_t>(stored.id) != number) {
      overtaken = ledger.deleted() >= number;
      if (overtaken) return false;
      check.problem(number, "is missing: behind it comes " + std::to_string(stored.id));
    }
    const auto parsed = check.add(stored.bytes);
    if (parsed && !is_filed(stored, parsed->record))
      check.problem(number, "is filed under another kind, exchange or time than its own");
    return true;
  });
  if (overtaken) return std::nullopt;
  return check;
}

}  // namespace

int audit_verify(recorder::LedgerReader& ledger, const VerifyOptions& options,
                 const Screen& screen) {
  Progress progress(options.progress, screen.err, Progress::Clock::now());
  std::optional<evidence::LogCheck> read;
  while (!read) read = read_all(ledger, options, progress);
  evidence::LogCheck& check = *read;
  const auto own = proof::Frontier::of(check.tree().size(),
                                       [&](proof::SubtreeId id) { return ledger.subtree(id); });
  progress.clear();
  evidence::LogReport report = check.report();
  if (report.records == 0) {
    screen.err << "veilwire: the ledger has no record\n";
  } else if (report.checkpoints == 0) {
    check.problem(report.records, "and all before it are under no checkpoint");
  } else if (!own || own->root() != report.root) {
    check.problem(report.records, "and those before it are not what the ledger's own tree says");
  }
  report = check.report();
  if (options.json) {
    json out = common_json(report);
    out["records"] = report.records;
    out["deleted_through"] = report.deleted_through;
    out["kept"] = report.kept;
    out["root"] = crypto::base64_encode(crypto::as_bytes(report.root));
    out["checkpoints"] = report.checkpoints;
    out["signed_records"] = report.signed_records;
    out["longest_silence_ns"] = std::to_string(report.longest_silence.count());
    screen.out << out.dump(2) << '\n';
  } else {
    print(report, screen);
  }
  return exit_code(report);
}

int audit_verify_bundle(const std::string& path, const VerifyOptions& options,
                        const Screen& screen) {
  evidence::BundleCheck check(options.keys, options.witnesses);
  try {
    LineReader in(path, evidence::kBundleLine);
    while (const auto line = in.line()) (void)check.add(*line);
  } catch (const std::runtime_error& e) {
    screen.err << "veilwire: " << e.what() << '\n';
    return kAuditFailed;
  }
  const evidence::BundleReport report = check.report();
  if (options.json) {
    json out = common_json(report);
    out["records"] = report.records;
    out["log_records"] = report.log_records;
    out["cosignatures"] = json::array();
    for (const auto& c : report.cosignatures)
      out["cosignatures"].push_back({{"witness", visible_line(c.witness)}, {"time", c.time}});
    screen.out << out.dump(2) << '\n';
  } else {
    print(report, screen);
  }
  return exit_code(report);
}

}  // namespace veilwire::ctl
