#include "agent/doctor/report.h"

#include "agent/host/log.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <sstream>
#include <utility>

#include <nlohmann/json.hpp>

namespace veilwire::doctor {
namespace {

// The worst first; what nobody could see may be anything.
constexpr std::array kOrder = {Severity::Critical, Severity::Warning, Severity::Unseen,
                               Severity::Note, Severity::Ok};

std::size_t rank(Severity severity) {
  return static_cast<std::size_t>(std::find(kOrder.begin(), kOrder.end(), severity) -
                                  kOrder.begin());
}

Findings sorted(Findings findings) {
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return rank(a.severity) < rank(b.severity);
  });
  return findings;
}

std::size_t count_of(const Findings& findings, Severity severity) {
  return static_cast<std::size_t>(
      std::count_if(findings.begin(), findings.end(),
                    [severity](const Finding& finding) { return finding.severity == severity; }));
}

std::string counted(std::size_t count, std::string_view one, std::string_view many) {
  return std::to_string(count) + " " + std::string(count == 1 ? one : many);
}

std::string summary(const Findings& findings) {
  std::string text;
  const auto add = [&text](std::string part) {
    text += (text.empty() ? "" : ", ") + std::move(part);
  };
  if (const auto n = count_of(findings, Severity::Critical); n != 0)
    add(std::to_string(n) + " critical");
  if (const auto n = count_of(findings, Severity::Warning); n != 0)
    add(counted(n, "warning", "warnings"));
  if (const auto n = count_of(findings, Severity::Unseen); n != 0)
    add(std::to_string(n) + " not looked at");
  if (const auto n = count_of(findings, Severity::Note); n != 0) add(counted(n, "note", "notes"));
  add(std::to_string(count_of(findings, Severity::Ok)) + " ok");
  return text;
}

std::string_view verdict(const Findings& findings) {
  switch (exit_code(findings)) {
    case 0:
      return "OK";
    case 1:
      return "WARNING";
    case 2:
      return "CRITICAL";
    default:
      return "UNKNOWN";
  }
}

}  // namespace

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::Ok:
      return "ok";
    case Severity::Note:
      return "note";
    case Severity::Warning:
      return "warning";
    case Severity::Critical:
      return "critical";
    case Severity::Unseen:
      return "unseen";
  }
  return "unknown";
}

int exit_code(const Findings& findings) {
  if (count_of(findings, Severity::Critical) != 0) return 2;
  if (count_of(findings, Severity::Warning) != 0) return 1;
  // Nothing found because nothing was looked at is no health either.
  return findings.empty() || count_of(findings, Severity::Unseen) != 0 ? 3 : 0;
}

std::string to_text(const Findings& findings, bool all) {
  std::ostringstream out;
  constexpr std::size_t kWidth = 10;
  for (const Finding& finding : sorted(findings)) {
    if (finding.severity == Severity::Ok && !all) continue;
    std::string head(to_string(finding.severity));
    head.resize(std::max(kWidth, head.size() + 1), ' ');
    out << head << finding.id;
    if (!finding.subject.empty()) out << " (" << host::log::printable(finding.subject) << ")";
    out << ": " << host::log::printable(finding.is) << '\n';
    if (!finding.to_do.empty())
      out << std::string(kWidth, ' ') << "-> " << host::log::printable(finding.to_do) << '\n';
  }
  // Last, where a terminal stands when the list was long.
  out << "veilwire " << verdict(findings) << ": " << summary(findings) << '\n';
  return std::move(out).str();
}

std::string to_json(const Findings& findings) {
  using nlohmann::json;
  json list = json::array();
  for (const Finding& finding : sorted(findings)) {
    json one = {{"id", finding.id}, {"severity", to_string(finding.severity)}, {"is", finding.is}};
    if (!finding.subject.empty()) one["subject"] = finding.subject;
    if (!finding.to_do.empty()) one["to_do"] = finding.to_do;
    list.push_back(std::move(one));
  }
  const json document = {{"verdict", verdict(findings)},
                         {"summary", summary(findings)},
                         {"exit_code", exit_code(findings)},
                         {"findings", std::move(list)}};
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace veilwire::doctor
