// What a check of `veilwire doctor` has found. The id is stable: monitoring and runbooks go by it,
// and veilwire-doctor(8) says of each what it means (tests/manual_test.py compares). One id may be
// found of several subjects; a check that found nothing wrong says that, too, so that silence is
// never taken for health.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace veilwire::doctor {

enum class Severity : std::uint8_t {
  Ok,        // looked at, and as it should be
  Note,      // nothing to repair; worth to know
  Warning,   // something is missing, or will be
  Critical,  // something does not do what this agent is for, or somebody is refused
  Unseen,    // could not be looked at
};

struct Finding {
  std::string id;
  std::string subject;  // which of several: a program, a file, a client; empty: there is one
  Severity severity = Severity::Ok;
  std::string is;     // one line for a person
  std::string to_do;  // likewise; empty for what is ok
};
using Findings = std::vector<Finding>;

inline Finding good(std::string id, std::string is) {
  return {std::move(id), "", Severity::Ok, std::move(is), ""};
}
inline Finding note(std::string id, std::string subject, std::string is, std::string to_do) {
  return {std::move(id), std::move(subject), Severity::Note, std::move(is), std::move(to_do)};
}
inline Finding warning(std::string id, std::string subject, std::string is, std::string to_do) {
  return {std::move(id), std::move(subject), Severity::Warning, std::move(is), std::move(to_do)};
}
inline Finding critical(std::string id, std::string subject, std::string is, std::string to_do) {
  return {std::move(id), std::move(subject), Severity::Critical, std::move(is), std::move(to_do)};
}
inline Finding unseen(std::string id, std::string why, std::string to_do = "run it as root") {
  return {std::move(id), "", Severity::Unseen, std::move(why), std::move(to_do)};
}

inline void append(Findings& all, Findings more) {
  for (Finding& one : more) all.push_back(std::move(one));
}

// `ok` unless something was found.
inline Findings or_good(Findings found, Finding ok) {
  if (found.empty()) found.push_back(std::move(ok));
  return found;
}

}  // namespace veilwire::doctor
