#include "agent/ctl/status.h"

#include "agent/ctl/status_concerns.h"
#include "agent/host/log.h"

#include <algorithm>
#include <ostream>
#include <sstream>

#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using nlohmann::json;

// The document as an object; an empty one when it is absent or no object.
json object_of(const std::string& document) {
  json parsed = json::parse(document, nullptr, false);
  return parsed.is_object() ? parsed : json::object();
}

std::string_view to_string(ProgramReport::State state) {
  switch (state) {
    case ProgramReport::State::Up:
      return "up";
    case ProgramReport::State::Unhealthy:
      return "unhealthy";
    case ProgramReport::State::Silent:
      return "does not answer";
    case ProgramReport::State::NotAllowed:
      return "not allowed to ask";
    case ProgramReport::State::Down:
      return "down";
  }
  return "unknown";
}

bool is_true(const json& document, std::string_view key) {
  const auto member = document.find(key);
  return member != document.end() && *member == json(true);
}

bool says_healthy(const json& document) { return is_true(document, "healthy"); }

// The redirector's document: its programs run, and the proxy is there to take what they redirect.
bool in_effect(const json& kernel) {
  return is_true(kernel, "effective") && is_true(kernel, "proxy_alive");
}

json list_of(const json& document, std::string_view key) {
  const auto member = document.find(key);
  return member != document.end() && member->is_array() ? *member : json::array();
}

// One line of text for a scalar; names come from other programs and processes.
std::string plain(const json& value) {
  return host::log::printable(value.is_string() ? value.get<std::string>() : value.dump());
}

// "asked 17, from_cache 12": the scalars of a document that are not shown elsewhere, but for
// counters at zero.
std::string scalars(const json& document) {
  std::string line;
  for (const auto& [key, value] : document.items()) {
    if (value.is_structured() || key == "program" || key == "healthy" || key == "error" ||
        key == "version" || value == json(0))
      continue;
    line += (line.empty() ? "" : ", ") + host::log::printable(key) + " " + plain(value);
  }
  return line;
}

// Columns of a list of objects: the members that any of them has, known ones first.
std::vector<std::string> columns_of(const json& rows) {
  static constexpr std::string_view kFirst[] = {"pid", "tgid", "exe", "comm", "person"};
  std::vector<std::string> columns;
  const auto add = [&](const std::string& name) {
    if (std::find(columns.begin(), columns.end(), name) == columns.end()) columns.push_back(name);
  };
  for (const std::string_view name : kFirst)
    for (const json& row : rows)
      if (row.is_object() && row.contains(std::string(name))) add(std::string(name));
  for (const json& row : rows)
    if (row.is_object())
      for (const auto& [key, value] : row.items())
        if (!value.is_structured()) add(key);
  return columns;
}

void write_table(const json& rows, std::ostream& out) {
  const std::vector<std::string> columns = columns_of(rows);
  std::vector<std::vector<std::string>> cells = {columns};
  for (const json& row : rows) {
    if (!row.is_object()) continue;
    std::vector<std::string>& line = cells.emplace_back();
    for (const std::string& column : columns)
      line.push_back(row.contains(column) ? plain(row.at(column)) : "-");
  }
  std::vector<std::size_t> widths(columns.size(), 0);
  for (const auto& line : cells)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  for (const auto& line : cells) {
    out << "   ";
    for (std::size_t i = 0; i < line.size(); ++i) {
      out << ' ' << line[i];
      if (i + 1 < line.size()) out << std::string(widths[i] - line[i].size() + 1, ' ');
    }
    out << '\n';
  }
}

constexpr std::size_t kNameWidth = 12;
std::string padded(std::string name) {
  name.resize(std::max(name.size() + 1, kNameWidth), ' ');
  return name;
}

void write_line(std::ostream& out, const std::string& name, std::string_view state,
                const std::string& rest) {
  out << "  " << padded(name) << state;
  if (!rest.empty()) out << ": " << rest;
  out << '\n';
}

bool is_histogram(const json& value) { return value.is_object() && value.contains("buckets"); }

// Members of a document that are objects or lists, as indented blocks below its line.
void write_structured(const json& document, std::ostream& out) {
  for (const auto& [key, value] : document.items()) {
    // For metrics; of the kernel there is more above.
    if (key == "process" || key == "kernel" || is_histogram(value)) continue;
    if (!value.is_structured() || value.empty()) continue;
    out << "    " << host::log::printable(key) << '\n';
    if (value.is_array() && value.front().is_object()) {
      write_table(value, out);
    } else {
      for (const auto& [name, member] : value.items())
        out << "      " << (value.is_array() ? "" : host::log::printable(name) + " ")
            << plain(member) << '\n';
    }
  }
}

// Rows of `rows` whose "state" says that the process is watched; and without the members that say
// nothing to a person.
json watched(const json& rows) {
  json kept = json::array();
  for (json row : rows) {
    if (!row.is_object()) continue;
    const auto state = row.find("state");
    if (state != row.end() && *state != json("suspect") && *state != json("confirmed")) continue;
    for (const char* name : {"flags", "uid", "root_tgid"}) row.erase(name);
    kept.push_back(std::move(row));
  }
  return kept;
}

void write_kernel(const json& kernel, const std::string& note, std::ostream& out) {
  std::string rest = note;
  std::vector<std::string> lost;
  const json links = list_of(kernel, "links");
  for (const json& link : links)
    if (link.is_object() && !(is_true(link, "attached") && is_true(link, "effective")))
      lost.push_back(link.contains("program") ? plain(link.at("program")) : "?");
  if (rest.empty() && !is_true(kernel, "loaded")) rest = "no program of veilwire is loaded";
  if (rest.empty()) {
    rest = std::to_string(links.size() - lost.size()) + " of " + std::to_string(links.size()) +
           " programs run";
    rest += is_true(kernel, "proxy_alive") ? ", the proxy takes connections"
                                           : ", the proxy takes no connections";
    if (kernel.contains("mode")) rest += ", while it cannot: " + plain(kernel.at("mode"));
  }
  write_line(out, "kernel", in_effect(kernel) ? "in effect" : "not in effect", rest);
  for (const std::string& name : lost) out << "    not running: " << name << '\n';
  const auto block = [&](const char* title, const json& rows) {
    if (rows.empty()) return;
    out << "    " << title << '\n';
    write_table(rows, out);
  };
  block("watched processes", watched(list_of(kernel, "labels")));
  block("redirected connections", watched(list_of(kernel, "redirected")));
  const auto counters = kernel.find("counters");
  if (counters == kernel.end() || !counters->is_object()) return;
  std::string line;
  for (const auto& [name, count] : counters->items())
    if (count != json(0))
      line += (line.empty() ? "" : ", ") + host::log::printable(name) + " " + plain(count);
  if (!line.empty()) out << "    counted: " << line << '\n';
}

// What the proxy says is in force, where it says so.
std::string active_policy(const StatusReport& report, const char* member) {
  for (const ProgramReport& program : report.programs) {
    if (program.name != "proxy") continue;
    const json document = object_of(program.document);
    const auto policy = document.find("policy");
    if (policy == document.end() || !policy->is_object()) return {};
    const auto said = policy->find(member);
    if (said != policy->end() && said->is_string()) return said->get<std::string>();
  }
  return {};
}

}  // namespace

ProgramReport judged(std::string name, std::string document) {
  ProgramReport report;
  report.name = std::move(name);
  report.state = says_healthy(object_of(document)) ? ProgramReport::State::Up
                                                   : ProgramReport::State::Unhealthy;
  report.document = std::move(document);
  return report;
}

std::string_view to_string(Health health) {
  switch (health) {
    case Health::Good:
      return "good";
    case Health::Degraded:
      return "degraded";
    case Health::NotRunning:
      return "not running";
  }
  return "unknown";
}

Health assess(const StatusReport& report) {
  const auto is_up = [](const ProgramReport& p) { return p.state == ProgramReport::State::Up; };
  const auto is_down = [](const ProgramReport& p) { return p.state == ProgramReport::State::Down; };
  const json kernel = object_of(report.kernel);
  const bool effective = in_effect(kernel);
  if (effective && !report.programs.empty() &&
      std::all_of(report.programs.begin(), report.programs.end(), is_up) &&
      concerns_of(report).empty())
    return Health::Good;
  if (!is_true(kernel, "loaded") &&
      std::all_of(report.programs.begin(), report.programs.end(), is_down))
    return Health::NotRunning;
  return Health::Degraded;
}

std::string to_json(const StatusReport& report) {
  json document = {{"status", to_string(assess(report))}, {"programs", json::object()}};
  for (const ProgramReport& program : report.programs) {
    json entry = {{"state", to_string(program.state)}};
    if (!program.note.empty()) entry["note"] = program.note;
    if (!program.document.empty()) entry["report"] = object_of(program.document);
    document["programs"][program.name] = std::move(entry);
  }
  document["kernel"] = object_of(report.kernel);
  if (!report.kernel_note.empty()) document["kernel"]["note"] = report.kernel_note;
  document["policy"] = {{"file", report.policy_file}, {"file_digest", report.policy_file_digest}};
  document["policy"]["active_digest"] = active_policy(report, "digest");
  document["policy"]["mode"] = active_policy(report, "mode");
  document["concerns"] = concerns_of(report);
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string to_text(const StatusReport& report) {
  std::ostringstream out;
  out << "veilwire: " << to_string(assess(report)) << "\n\n";

  write_kernel(object_of(report.kernel), report.kernel_note, out);
  for (const ProgramReport& program : report.programs) {
    const json document = object_of(program.document);
    std::string rest = program.note;
    if (rest.empty() && document.contains("error")) rest = plain(document.at("error"));
    if (rest.empty()) rest = scalars(document);
    write_line(out, program.name, to_string(program.state), rest);
    write_structured(document, out);
  }

  const std::string active = active_policy(report, "digest");
  const std::string mode = active_policy(report, "mode");
  if (!report.policy_file.empty()) {
    std::string rest = report.policy_file;
    if (report.policy_file_digest.empty())
      rest += " cannot be read";
    else if (!active.empty() && active != report.policy_file_digest)
      rest += " was edited and is not in force: try veilwire policy check " + report.policy_file;
    const std::string_view state = active.empty()              ? "none in force"
                                   : mode == "observe"         ? "only observes"
                                   : mode == "observe in part" ? "only observes some"
                                                               : "in force";
    if (state.starts_with("only"))
      rest += "; what it would change goes on as it came: veilwire audit report";
    write_line(out, "policy", state, rest);
  }
  for (const std::string& concern : concerns_of(report)) write_line(out, "concern", concern, "");
  return std::move(out).str();
}

int run_status(const StatusPlaces& places, bool as_json, std::ostream& out) {
  const StatusReport report = gather_status(places);
  out << (as_json ? to_json(report) : to_text(report));
  switch (assess(report)) {
    case Health::Good:
      return 0;
    case Health::Degraded:
      return 1;
    case Health::NotRunning:
      return 3;
  }
  return 1;
}

}  // namespace veilwire::ctl
