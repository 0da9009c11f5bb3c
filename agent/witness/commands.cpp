#include "agent/witness/commands.h"

#include "agent/host/confinement.h"
#include "agent/host/key_files.h"
#include "agent/host/log.h"
#include "agent/witness/postgres_store.h"
#include "userspace/crypto/encoding.h"
#include "userspace/evidence/log_check.h"

#include <charconv>
#include <stdexcept>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace veilwire::witness {
namespace {

using nlohmann::json;

template <class T>
T must(Result<T, StoreFailure> result) {
  if (!result) throw std::runtime_error("store: " + result.error().what);
  return std::move(result).value();
}
void must(const Result<void, StoreFailure>& result) {
  if (!result) throw std::runtime_error("store: " + result.error().what);
}

json as_json(const LogRow& log) {
  json out = {{"origin", log.origin},
              {"client", log.client},
              {"key", log.key},
              {"trusted", log.trusted},
              {"records", log.size},
              {"cosigned_records", log.checkpoint_size},
              {"received_at", log.received_at},
              {"silent_seconds", log.silent_seconds},
              {"tampering", log.tampering}};
  out["signed_at"] = log.signed_at.empty() ? json() : json(log.signed_at);
  out["cosigned_at"] = log.cosigned_at.empty() ? json() : json(log.cosigned_at);
  return out;
}

void print(const std::vector<LogRow>& logs, bool as_lines, std::ostream& out) {
  if (!as_lines) {
    json all = json::array();
    for (const LogRow& log : logs) all.push_back(as_json(log));
    out << all.dump(2) << '\n';
    return;
  }
  for (const LogRow& log : logs) {
    out << host::log::printable(log.origin) << '\n'
        << "  client    " << host::log::printable(log.client) << '\n'
        << "  records   " << log.size << ", of which " << log.checkpoint_size << " are cosigned\n"
        << "  signed    " << (log.signed_at.empty() ? "never" : log.signed_at) << '\n'
        << "  silent    " << log.silent_seconds << " s\n"
        << "  key       " << (log.trusted ? "configured" : "as the host said it first") << ", "
        << host::log::printable(log.key) << '\n';
    if (log.tampering != 0) out << "  TAMPERING " << log.tampering << " times\n";
  }
}

}  // namespace

std::int64_t read_age(const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, number);
  const std::string_view rest(unit, static_cast<std::size_t>(end - unit));
  const std::int64_t factor = rest == "s"   ? 1
                              : rest == "m" ? 60
                              : rest == "h" ? 3600
                              : rest == "d" ? 86400
                                            : 0;
  constexpr std::int64_t kMost = 1'000'000;
  if (error != std::errc() || factor == 0 || number < 1 || number > kMost)
    throw std::runtime_error("\"" + text + "\" is no time such as \"90s\", \"5m\", \"12h\"");
  return number * factor;
}

proof::NoteSigner read_signer(const Settings& settings) {
  auto key = crypto::PrivateKey::from_pem(host::read_key(settings.key).reveal());
  auto signer =
      key ? proof::NoteSigner::make(settings.name, proof::NoteKeyKind::Witness, *std::move(key))
          : std::nullopt;
  if (!signer) throw std::runtime_error(settings.key + ": is no Ed25519 key in PEM");
  return *std::move(signer);
}

int make_key(const Settings& settings, const std::string& owner, std::ostream& out) {
  host::UserId to{static_cast<unsigned>(-1), static_cast<unsigned>(-1)};
  if (!owner.empty()) to = host::resolve_user(owner);
  crypto::PrivateKey key = crypto::PrivateKey::generate_ed25519();
  const Secret pem = key.to_pem();
  const auto signer =
      proof::NoteSigner::make(settings.name, proof::NoteKeyKind::Witness, std::move(key));
  host::write_new(settings.key, pem.reveal(), 0600, to.uid, to.gid);
  out << signer->verifier().to_string() << '\n';
  return 0;
}

int show_key(const Settings& settings, std::ostream& out) {
  out << read_signer(settings).verifier().to_string() << '\n';
  return 0;
}

int init_store(const Settings& settings, const std::string& database, const StoreRoles& roles,
               std::ostream& out) {
  Postgres connection(database.empty() ? settings.database : database, {});
  must(init_store(connection, roles));
  out << "the store has format " << kStoreVersion << '\n';
  return 0;
}

int list_logs(const Settings& settings, bool as_json_text, std::ostream& out) {
  print(must(PostgresStore(settings.database).logs()), !as_json_text, out);
  return 0;
}

int list_silent(const Settings& settings, const std::string& older_than, bool as_json_text,
                std::ostream& out) {
  const std::int64_t most = read_age(older_than);
  std::vector<LogRow> silent;
  for (LogRow& log : must(PostgresStore(settings.database).logs())) {
    const auto listed = settings.rules.listed.find(log.origin);
    const bool retired = listed != settings.rules.listed.end() && listed->second.retired;
    if (log.silent_seconds > most && !retired) silent.push_back(std::move(log));
  }
  print(silent, !as_json_text, out);
  return silent.empty() ? 0 : kFound;
}

int list_tampering(const Settings& settings, bool as_json_text, std::ostream& out) {
  const auto rows = must(PostgresStore(settings.database).tampering());
  json all = json::array();
  for (const TamperingRow& row : rows) {
    if (as_json_text) {
      all.push_back({{"origin", row.origin},
                     {"client", row.client},
                     {"record", row.record},
                     {"what", row.what},
                     {"first_at", row.first_at},
                     {"last_at", row.last_at},
                     {"times", row.times}});
    } else {
      out << row.first_at << ' ' << host::log::printable(row.origin) << " record " << row.record
          << ' ' << host::log::printable(row.what) << " (from " << host::log::printable(row.client)
          << ", " << row.times << " times, last " << row.last_at << ")\n";
    }
  }
  if (as_json_text) out << all.dump(2) << '\n';
  return rows.empty() ? 0 : kFound;
}

int verify_log(const Settings& settings, const std::string& origin, bool as_json_text,
               std::ostream& out) {
  PostgresStore store(settings.database);
  must(store.check());
  const auto kept = must(store.find(origin));
  if (!kept) throw std::runtime_error("there is no log " + host::log::printable(origin));
  const auto listed = settings.rules.listed.find(origin);
  const std::span<const proof::NoteVerifier> trusted = listed == settings.rules.listed.end()
                                                           ? std::span<const proof::NoteVerifier>()
                                                           : std::span(listed->second.keys);
  // The log may grow meanwhile: as many records as it had when it was looked up.
  evidence::LogCheck check(trusted);
  must(store.records(origin, [&](std::uint64_t number, std::string_view canonical) {
    if (number > kept->log.end.size()) return false;
    if (canonical.empty()) {
      throw std::runtime_error("record " + std::to_string(number) +
                               " is in Kafka and not in the database: nothing was verified");
    }
    if (number != check.tree().size() + 1)
      check.problem(check.tree().size() + 1,
                    "is missing: behind it comes " + std::to_string(number));
    (void)check.add(canonical);
    return true;
  }));
  const std::uint64_t size = check.tree().size();
  if (size != kept->log.end.size() || check.tree().root() != kept->log.end.root())
    check.problem(size, "and those before it are not what the witness has followed");
  const auto signer = read_signer(settings).verifier();
  std::uint64_t cosignatures = 0;
  must(store.checkpoints(origin, [&](const std::string& note, const std::string& cosignature) {
    ++cosignatures;
    const auto parsed = proof::parse_note(note);
    const auto lines = proof::parse_signatures(cosignature + "\n");
    const bool holds = parsed && lines && lines->size() == 1 &&
                       signer.is_of_this_key(lines->front()) &&
                       signer.verify(parsed->text, lines->front());
    if (!holds) check.problem(0, "a cosignature is not of this witness's key");
  }));
  const evidence::LogReport report = check.report();
  if (as_json_text) {
    json problems = json::array();
    for (const evidence::Problem& problem : report.problems)
      problems.push_back(
          {{"record", problem.record}, {"what", host::log::printable(problem.what)}});
    out << json{{"holds", report.problem_count == 0},
                {"origin", report.origin},
                {"records", report.records},
                {"root", crypto::base64_encode(crypto::as_bytes(report.root))},
                {"checkpoints", report.checkpoints},
                {"cosignatures", cosignatures},
                {"trusted", report.trusted},
                {"keys", report.keys},
                {"problem_count", report.problem_count},
                {"problems", problems}}
               .dump(2)
        << '\n';
  } else {
    out << "records " << report.records << ", checkpoints " << report.checkpoints
        << ", cosignatures " << cosignatures << '\n';
    for (const evidence::Problem& problem : report.problems)
      out << "record " << problem.record << ' ' << host::log::printable(problem.what) << '\n';
    out << (report.problem_count == 0 ? "it holds\n" : "IT DOES NOT HOLD\n");
  }
  return report.problem_count == 0 ? 0 : kFound;
}

}  // namespace veilwire::witness
