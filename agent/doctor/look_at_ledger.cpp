// The ledger, its sinks and its disk.
#include "agent/doctor/json_fields.h"
#include "agent/doctor/look.h"
#include "agent/recorder/ledger_reader.h"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <map>

#include <sys/statvfs.h>
#include <unistd.h>

namespace veilwire::doctor {
namespace {

std::string document_of(const ctl::StatusReport& report, std::string_view program) {
  for (const ctl::ProgramReport& one : report.programs)
    if (one.name == program) return one.document;
  return {};
}

void read_ledger(const Places& places, const ctl::StatusReport& report, LedgerFacts& facts) {
  recorder::LedgerReader ledger(places.ledger);
  facts.records = ledger.last_record();
  if (const auto checkpoint = ledger.last_checkpoint())
    facts.checkpoint_wall_ns = checkpoint->wall_ns;
  std::map<std::string, std::string> problems;
  for (const Json& sink : list_of(object_of(document_of(report, "forwarder")), "sinks"))
    problems[text_of(sink, "name")] = text_of(sink, "problem");
  for (const recorder::SinkState& sink : ledger.sinks()) {
    facts.sinks.push_back({.name = sink.name,
                           .destination = sink.destination,
                           .lag = sink.lag,
                           .refused = sink.dead_letters,
                           .oldest_wall_ns = sink.oldest_undelivered_wall_ns,
                           .problem = problems[sink.name],
                           .configured = std::find(places.sinks.begin(), places.sinks.end(),
                                                   sink.name) != places.sinks.end()});
  }
  // One that has never been attached for is the forwarder's to tell about.
  for (const std::string& name : places.sinks) {
    const bool known = std::any_of(facts.sinks.begin(), facts.sinks.end(),
                                   [&](const SinkFacts& sink) { return sink.name == name; });
    if (!known)
      facts.sinks.push_back({.name = name,
                             .destination = "not attached yet",
                             .oldest_wall_ns = std::nullopt,
                             .problem = problems[name]});
  }
}

}  // namespace

LedgerFacts look_at_ledger(const Places& places, const ctl::StatusReport& report, WallTime now) {
  LedgerFacts facts;
  facts.path = places.ledger;
  facts.now = now;
  facts.recorder = document_of(report, "recorder");
  facts.reserved_bytes = places.reserved_bytes;
  try {
    read_ledger(places, report, facts);
  } catch (const std::exception& error) {
    facts.problem = error.what();
  }
  struct statvfs info {};
  const std::string folder = std::filesystem::path(places.ledger).parent_path();
  if (::statvfs(folder.c_str(), &info) == 0)
    facts.disk = LedgerFacts::Disk{.size = info.f_blocks * info.f_frsize,
                                   .free = info.f_bavail * info.f_frsize,
                                   .inodes = info.f_files,
                                   .inodes_free = info.f_favail};
  return facts;
}

}  // namespace veilwire::doctor
