// What was found, in the words of a test.
#pragma once

#include "agent/doctor/finding.h"

#include <string>

#include <gmock/gmock.h>

namespace veilwire::doctor {

// The severity of an id's first finding; Unseen and a failure where there is none.
inline Severity severity_of(const Findings& findings, const std::string& id) {
  for (const Finding& finding : findings)
    if (finding.id == id) return finding.severity;
  ADD_FAILURE() << "nothing was found of " << id;
  return Severity::Unseen;
}

inline const Finding& finding_of(const Findings& findings, const std::string& id) {
  static const Finding kNone;
  for (const Finding& finding : findings)
    if (finding.id == id) return finding;
  ADD_FAILURE() << "nothing was found of " << id;
  return kNone;
}

inline bool has(const Findings& findings, const std::string& id) {
  for (const Finding& finding : findings)
    if (finding.id == id) return true;
  return false;
}

// Whoever is told that something is wrong is told what to do.
inline bool all_say_what_to_do(const Findings& findings) {
  for (const Finding& finding : findings)
    if (finding.is.empty() || (finding.severity == Severity::Ok) != finding.to_do.empty())
      return false;
  return true;
}

inline bool all_ok(const Findings& findings) {
  for (const Finding& finding : findings)
    if (finding.severity != Severity::Ok) return false;
  return !findings.empty();
}

}  // namespace veilwire::doctor
