#include "agent/doctor/ledger_check.h"

#include "agent/doctor/json_fields.h"

#include <chrono>

namespace veilwire::doctor {
namespace {

using std::chrono::seconds;

// The recorder signs every minute, spoken or silent, unless it is told otherwise (an hour at most).
constexpr seconds kSilence{2 * 3600};
constexpr seconds kBehind{15 * 60}, kFarBehind{24 * 3600};
constexpr std::uint64_t kMebibyte = 1 << 20, kPlenty = 1024 * kMebibyte;

std::string age_text(seconds age) {
  const auto n = age.count();
  if (n < 120) return std::to_string(n) + " s";
  if (n < 7200) return std::to_string(n / 60) + " min";
  if (n < 2 * 86'400) return std::to_string(n / 3600) + " h";
  return std::to_string(n / 86'400) + " d";
}

seconds age_of(std::int64_t wall_ns, WallTime now) {
  return std::chrono::floor<seconds>(now.since_epoch - std::chrono::nanoseconds(wall_ns));
}

Findings space(const LedgerFacts& facts) {
  if (!facts.disk) return {unseen("disk-space", "the ledger's disk cannot be seen")};
  const auto& disk = *facts.disk;
  Findings found;
  const std::string is = std::to_string(disk.free / kMebibyte) + " MiB of " +
                         std::to_string(disk.size / kMebibyte) + " MiB are free for " + facts.path;
  const char* to_do =
      "make room, or move the ledger, or let it delete what is delivered "
      "(keep_days of [recorder])";
  if (disk.free < facts.reserved_bytes || disk.free < 16 * kMebibyte)
    found.push_back(
        critical("disk-space", "", is + ": new requests are refused when it is full", to_do));
  else if (disk.free < kPlenty && disk.free < disk.size / 10)
    found.push_back(warning("disk-space", "", is, to_do));
  else
    found.push_back(good("disk-space", is));
  if (disk.inodes != 0 && disk.inodes_free < disk.inodes / 20)
    found.push_back(warning("disk-inodes", "",
                            std::to_string(disk.inodes_free) + " of " +
                                std::to_string(disk.inodes) + " inodes are left under " +
                                facts.path,
                            "remove small files there"));
  else
    found.push_back(good("disk-inodes", "there are inodes left"));
  return found;
}

// The recorder's own word: what it does about a full disk it says at once.
Findings state(const LedgerFacts& facts) {
  if (facts.recorder.empty()) return {};
  const Json said = object_of(facts.recorder);
  if (!is_true(said, "healthy"))
    return {critical("ledger-state", "",
                     "the recorder takes no new exchanges: " + text_of(said, "ledger") +
                         (text_of(said, "reason").empty() ? "" : ", " + text_of(said, "reason")),
                     "make room on its disk (or raise max_size_mib), then look at journalctl -u "
                     "veilwire-recorder")};
  Findings found = {good("ledger-state", "the recorder takes records")};
  const auto used = count_of(said, "used_bytes"), most = count_of(said, "most_bytes");
  if (most != 0 && used > most / 10 * 9)
    found.push_back(warning("ledger-size", "",
                            "the ledger has used " + std::to_string(used / kMebibyte) + " of " +
                                std::to_string(most / kMebibyte) + " MiB",
                            "raise max_size_mib of [recorder], or let it delete what is delivered "
                            "(keep_days)"));
  else
    found.push_back(good("ledger-size", "the ledger is within its bound"));
  return found;
}

Findings sinks(const LedgerFacts& facts) {
  Findings found;
  for (const SinkFacts& sink : facts.sinks) {
    const std::string where = sink.name + " (" + sink.destination + ")";
    const std::size_t before = found.size();
    if (!sink.configured) {
      found.push_back(note("sink-removed", sink.name,
                           "the ledger knows a sink that is not configured any more",
                           "nothing, if it was taken out on purpose"));
      continue;
    }
    if (!sink.problem.empty())
      found.push_back(warning("sink-failing", sink.name, where + ": " + sink.problem,
                              "look at the collector and the network; nothing is lost meanwhile"));
    if (sink.refused != 0)
      found.push_back(
          warning("sink-refused", sink.name,
                  where + " has refused " + std::to_string(sink.refused) + " records for good",
                  "veilwire audit sinks --refused " + sink.name +
                      " says why; "
                      "veilwire-forwarder rewind sends them again"));
    if (sink.oldest_wall_ns && sink.lag != 0) {
      const seconds age = age_of(*sink.oldest_wall_ns, facts.now);
      const std::string is =
          where + " is " + std::to_string(sink.lag) + " records and " + age_text(age) + " behind";
      const char* to_do = "look at the collector and at journalctl -u veilwire-forwarder";
      if (age > kFarBehind)
        found.push_back(critical("sink-behind", sink.name, is, to_do));
      else if (age > kBehind)
        found.push_back(warning("sink-behind", sink.name, is, to_do));
    }
    if (found.size() == before) found.push_back(good("sink", where + " gets the ledger"));
  }
  if (facts.sinks.empty())
    found.push_back(note("sink-none", "", "the ledger goes nowhere beside this host",
                         "configure a [[forwarder.sink]], so that root here cannot take it back: "
                         "veilwire-forwarder(8)"));
  return found;
}

}  // namespace

Findings check_ledger(const LedgerFacts& facts) {
  Findings found;
  if (!facts.problem.empty()) {
    found.push_back(unseen("ledger", facts.path + ": " + facts.problem,
                           "run it as root; if it is gone, read journalctl -u veilwire-recorder"));
  } else {
    found.push_back(
        good("ledger", facts.path + " has " + std::to_string(facts.records) + " records"));
    if (facts.records != 0 && facts.checkpoint_wall_ns) {
      const seconds silence = age_of(*facts.checkpoint_wall_ns, facts.now);
      found.push_back(silence > kSilence
                          ? critical("ledger-checkpoint", "",
                                     "the last checkpoint was signed " + age_text(silence) + " ago",
                                     "start veilwire-recorder; then veilwire audit verify")
                          : good("ledger-checkpoint",
                                 "the last checkpoint was signed " + age_text(silence) + " ago"));
    } else if (facts.records != 0) {
      found.push_back(warning("ledger-checkpoint", "", "no checkpoint has ever been signed",
                              "read journalctl -u veilwire-recorder"));
    }
    append(found, sinks(facts));
  }
  append(found, state(facts));
  append(found, space(facts));
  return found;
}

}  // namespace veilwire::doctor
