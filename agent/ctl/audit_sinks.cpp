#include "agent/ctl/audit_sinks.h"

#include "agent/ctl/audit_ledger.h"
#include "agent/ctl/audit_table.h"
#include "agent/ctl/audit_text.h"

#include <algorithm>
#include <map>
#include <optional>
#include <ostream>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using nlohmann::json;
using recorder::SinkState;

// What the forwarder says of a sink now.
struct Live {
  std::uint64_t attempts_failed = 0;
  std::string problem;
};
// nullopt: the forwarder does not answer.
std::optional<std::map<std::string, Live>> live_sinks(const std::string& document) {
  const json status = json::parse(document, nullptr, false);
  if (!status.is_object()) return std::nullopt;
  const auto sinks = status.find("sinks");
  if (sinks == status.end() || !sinks->is_array()) return std::nullopt;
  std::map<std::string, Live> out;
  for (const json& sink : *sinks) {
    if (!sink.is_object() || !sink.contains("name") || !sink["name"].is_string()) continue;
    Live live;
    if (const auto failed = sink.find("attempts_failed");
        failed != sink.end() && failed->is_number_unsigned())
      live.attempts_failed = failed->get<std::uint64_t>();
    if (const auto problem = sink.find("problem"); problem != sink.end() && problem->is_string())
      live.problem = problem->get<std::string>();
    out.emplace(sink["name"].get<std::string>(), std::move(live));
  }
  return out;
}

// "4 s", "12 min", "3 h", "2 d"
std::string age_text(std::int64_t ns) {
  const std::int64_t seconds = std::max<std::int64_t>(ns / 1'000'000'000, 0);
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 2 * 3600) return std::to_string(seconds / 60) + " min";
  if (seconds < 2 * 86'400) return std::to_string(seconds / 3600) + " h";
  return std::to_string(seconds / 86'400) + " d";
}

std::string state_text(const SinkState& sink,
                       const std::optional<std::map<std::string, Live>>& live) {
  if (!live) return "forwarder does not answer";
  const auto found = live->find(sink.name);
  if (found == live->end()) return "not configured";
  if (!found->second.problem.empty()) return "failing: " + found->second.problem;
  return sink.lag == 0 ? "up to date" : "delivering";
}

int print_dead_letters(recorder::LedgerReader& ledger, const SinksOptions& options,
                       const Screen& screen) {
  const auto letters = ledger.dead_letters(options.dead_letters);
  if (options.json) {
    json list = json::array();
    for (const recorder::SinkDeadLetter& letter : letters)
      list.push_back({{"record", letter.record},
                      {"reason", visible_line(letter.reason)},
                      {"wall_ns", std::to_string(letter.wall_ns)}});
    screen.out << list.dump(2) << '\n';
    return 0;
  }
  if (letters.empty()) return screen.err << "veilwire: nothing has been refused\n", 0;
  AuditTable table({{"TIME (UTC)", 23}, {"RECORD", 16, true}, {"EXCHANGE", 24}, {"REASON", 100}});
  for (const recorder::SinkDeadLetter& letter : letters) {
    const auto record = ledger.record(static_cast<std::int64_t>(letter.record));
    table.add({wall_text(letter.wall_ns).substr(0, 19), std::to_string(letter.record),
               record ? audit_id(record->session, record->exchange) : "", letter.reason});
  }
  table.print(screen.out);
  return 0;
}

json sink_json(const SinkState& sink, const std::optional<std::map<std::string, Live>>& live) {
  json out = {{"name", visible_line(sink.name)},
              {"destination", visible_line(sink.destination)},
              {"next", sink.next},
              {"lag", sink.lag},
              {"delivered", sink.delivered},
              {"dead_letters", sink.dead_letters},
              {"attached_wall_ns", std::to_string(sink.attached_wall_ns)},
              {"state", visible_line(state_text(sink, live))}};
  if (sink.confirmed_wall_ns) out["confirmed_wall_ns"] = std::to_string(*sink.confirmed_wall_ns);
  if (sink.oldest_undelivered_wall_ns)
    out["oldest_undelivered_wall_ns"] = std::to_string(*sink.oldest_undelivered_wall_ns);
  if (live) {
    if (const auto found = live->find(sink.name); found != live->end())
      out["attempts_failed"] = found->second.attempts_failed;
  }
  return out;
}

}  // namespace

int audit_sinks(recorder::LedgerReader& ledger, const SinksOptions& options, const Screen& screen) {
  const std::vector<SinkState> sinks = ledger.sinks();
  if (!options.dead_letters.empty()) {
    const bool known = std::any_of(sinks.begin(), sinks.end(), [&](const SinkState& sink) {
      return sink.name == options.dead_letters;
    });
    if (known) return print_dead_letters(ledger, options, screen);
    screen.err << "veilwire: there is no sink \"" << visible_line(options.dead_letters) << "\"\n";
    return kAuditUnknownId;
  }
  const auto live = live_sinks(options.ask_forwarder());
  const auto cosignatures = ledger.cosignatures();
  const std::uint64_t cosigned = cosignatures.empty() ? 0 : cosignatures.back().size;
  if (options.json) {
    json list = json::array();
    for (const SinkState& sink : sinks) list.push_back(sink_json(sink, live));
    const json document = {{"records", ledger.last_record()},
                           {"cosigned_records", cosigned},
                           {"forwarder_answers", live.has_value()},
                           {"sinks", std::move(list)}};
    screen.out << document.dump(2) << '\n';
    return 0;
  }
  if (sinks.empty())
    return screen.err << "veilwire: the ledger goes nowhere; see [[forwarder.sink]] in "
                         "veilwire-forwarder(8)\n",
           0;
  AuditTable table({{"SINK", 24},
                    {"DESTINATION", 48},
                    {"NEXT", 16, true},
                    {"BEHIND", 16, true},
                    {"OLDEST", 10, true},
                    {"REFUSED", 16, true},
                    {"STATE", 72}});
  for (const SinkState& sink : sinks) {
    const auto& oldest = sink.oldest_undelivered_wall_ns;
    table.add({sink.name, sink.destination, std::to_string(sink.next), std::to_string(sink.lag),
               oldest ? age_text(options.now_wall_ns - *oldest) : "",
               std::to_string(sink.dead_letters), state_text(sink, live)});
  }
  table.print(screen.out);
  if (cosigned != 0)
    screen.out << "A witness has signed the first " << cosigned << " of " << ledger.last_record()
               << " records.\n";
  return 0;
}

}  // namespace veilwire::ctl
