#include "agent/ctl/audit_ledger.h"
#include "agent/ctl/audit_proof.h"
#include "agent/ctl/zstd_file.h"
#include "userspace/audit/parse.h"
#include "userspace/evidence/bundle.h"
#include "userspace/proof/checkpoint.h"

#include <algorithm>
#include <map>
#include <ostream>
#include <set>
#include <stdexcept>
#include <utility>
#include <variant>
#include <vector>

namespace veilwire::ctl {
namespace {

using recorder::LedgerReader;

struct SignedCheckpoint {
  std::string note;
  std::uint64_t size = 0;
  bool is_cosigned = false;
};

std::optional<SignedCheckpoint> read_checkpoint(
    const std::optional<LedgerReader::StoredRecord>& stored) {
  if (!stored) return std::nullopt;
  const auto parsed = audit::parse_record(stored->bytes);
  const auto* record = parsed ? std::get_if<audit::Checkpoint>(&parsed->record.body) : nullptr;
  if (record == nullptr) return std::nullopt;
  const auto note = proof::parse_note(record->note);
  const auto checkpoint = note ? proof::parse_checkpoint(note->text) : std::nullopt;
  if (!checkpoint) return std::nullopt;
  return SignedCheckpoint{record->note, checkpoint->size};
}

// The last one that a witness has signed too, with its signature, where it covers the first
// `wanted` records or all that are under a checkpoint; otherwise the last of all.
std::optional<SignedCheckpoint> choose_checkpoint(LedgerReader& ledger, std::uint64_t wanted) {
  auto last = read_checkpoint(ledger.last_checkpoint());
  const auto cosignatures = ledger.cosignatures();
  if (!last || cosignatures.empty()) return last;
  const std::uint64_t size = cosignatures.back().size;
  if (size < std::min(wanted, last->size) || size < ledger.deleted()) return last;
  // It stands behind what it covers.
  auto cosigned = read_checkpoint(ledger.record(static_cast<std::int64_t>(size) + 1));
  if (!cosigned || cosigned->size != size) return last;
  for (const auto& cosignature : cosignatures) {
    if (cosignature.size == size) cosigned->note += cosignature.line + '\n';
  }
  cosigned->is_cosigned = true;
  return cosigned;
}

class Exporter {
 public:
  Exporter(LedgerReader& ledger, const SignedCheckpoint& checkpoint, const std::string& path)
      : ledger_(ledger), size_(checkpoint.size), out_(path) {
    out_.line(evidence::bundle_head(checkpoint.note));
    for (const auto& key : ledger.checkpoint_keys()) keys_.emplace(key.id, key.bytes);
  }

  // In the order of their ids.
  void put(const LedgerReader::StoredRecord& record) {
    put_keys_before(record.id);
    put(record.id, record.bytes);
  }
  void finish() {
    put_keys_before(INT64_MAX);
    out_.finish();
  }
  std::uint64_t written() const { return written_; }
  std::uint64_t left() const { return left_; }

 private:
  // Whoever verifies follows the keys of the log, so all of them go along.
  void put_keys_before(std::int64_t id) {
    while (!keys_.empty() && keys_.begin()->first <= id) {
      const auto key = keys_.extract(keys_.begin());
      if (key.key() < id && static_cast<std::uint64_t>(key.key()) <= size_)
        put(key.key(), key.mapped());
    }
  }
  void put(std::int64_t id, std::string_view bytes) {
    const auto index = static_cast<std::uint64_t>(id) - 1;
    if (index >= size_) return void(++left_);
    const auto proof = proof::inclusion_proof(
        index, size_, [this](proof::SubtreeId subtree) { return ledger_.subtree(subtree); });
    if (!proof && !ledger_.record(id)) return;  // deleted since it was read
    if (!proof) throw std::runtime_error("the ledger's tree has a hole: it has been changed");
    out_.line(evidence::bundle_line(index, *proof, bytes));
    ++written_;
  }

  LedgerReader& ledger_;
  std::uint64_t size_;
  LineWriter out_;
  std::map<std::int64_t, std::string> keys_;  // not yet written
  std::uint64_t written_ = 0, left_ = 0;
};

using Exchanges = std::set<std::pair<std::string, std::uint64_t>>;

// Records of an exchange lie apart, and a bundle has them in the order of the log.
std::vector<std::int64_t> ids_of(LedgerReader& ledger, const Exchanges& exchanges) {
  std::vector<std::int64_t> ids;
  for (const auto& [session, exchange] : exchanges) {
    const auto of_exchange = ledger.record_ids(session, exchange);
    ids.insert(ids.end(), of_exchange.begin(), of_exchange.end());
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

// nullopt after having said why, with the exit code.
struct Chosen {
  std::optional<Exchanges> exchanges;
  int exit_code = 0;
};
Chosen choose(LedgerReader& ledger, const ExportOptions& options, const Screen& screen) {
  Exchanges exchanges;
  const auto add = [&](const std::string& session, std::uint64_t exchange) {
    exchanges.emplace(session, 0);  // who connected from where
    exchanges.emplace(session, exchange);
  };
  for (const std::string& id : options.ids) {
    const LocateResult located = locate(ledger, id, screen.err);
    if (!located.found) return {std::nullopt, located.exit_code};
    add(located.found->session, located.found->exchange);
  }
  if (options.ids.empty()) {
    for (const auto& row : ledger.list(options.filter)) add(row.session, row.exchange);
    if (exchanges.empty()) {
      screen.err << "veilwire: nothing recorded that matches\n";
      return {std::nullopt, kAuditUnknownId};
    }
  }
  return {std::move(exchanges), 0};
}

int export_bundle(LedgerReader& ledger, const ExportOptions& options, const Exchanges& exchanges,
                  const Screen& screen) {
  const auto ids = ids_of(ledger, exchanges);
  const auto checkpoint = choose_checkpoint(
      ledger, options.all || ids.empty() ? UINT64_MAX : static_cast<std::uint64_t>(ids.back()));
  if (!checkpoint) {
    screen.err << "veilwire: the ledger has no checkpoint yet, so nothing can be proven\n";
    return kAuditFailed;
  }
  Exporter exporter(ledger, *checkpoint, options.out);
  if (options.all) {
    ledger.all_records(0, [&](const LedgerReader::StoredRecord& record) {
      exporter.put(record);
      return true;
    });
  } else {
    for (const std::int64_t id : ids) {
      if (const auto record = ledger.record(id)) exporter.put(*record);
    }
  }
  exporter.finish();
  screen.err << "veilwire: " << exporter.written() << " records with their proofs"
             << (checkpoint->is_cosigned ? ", under a checkpoint that a witness has signed" : "");
  if (exporter.left() != 0) {
    screen.err << "; " << exporter.left()
               << " are newer than the last checkpoint and stay behind: ask again in a minute";
  }
  screen.err << '\n';
  return 0;
}

int export_projection(LedgerReader& ledger, const ExportOptions& options,
                      const Exchanges& exchanges, const Screen& screen) {
  ProjectionWriter writer(ledger, options.out, options.format, options.level, options.version);
  for (const auto& [session, exchange] : exchanges) writer.put(session, exchange);
  writer.finish();
  screen.err << "veilwire: " << writer.written()
             << (options.format == ExportFormat::Har ? " entries" : " lines") << '\n';
  return 0;
}

}  // namespace

int audit_export(LedgerReader& ledger, const ExportOptions& options, const Screen& screen) {
  const bool bundle = options.format == ExportFormat::Bundle;
  Exchanges exchanges;
  if (!bundle || !options.all) {
    Chosen chosen = choose(ledger, options, screen);
    if (!chosen.exchanges) return chosen.exit_code;
    exchanges = *std::move(chosen.exchanges);
  }
  try {
    return bundle ? export_bundle(ledger, options, exchanges, screen)
                  : export_projection(ledger, options, exchanges, screen);
  } catch (const std::runtime_error& e) {
    screen.err << "veilwire: " << e.what() << '\n';
    return kAuditFailed;
  }
}

}  // namespace veilwire::ctl
