// What `veilwire setup` says while it works: lines for a person, or one JSON object at the end for
// a program. Errors are not its business: they go to standard error. Tested by
// tests/setup/setup_test.py.
#pragma once

#include "agent/setup/plan.h"

#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

namespace veilwire::ctl {

class SetupReport {
 public:
  SetupReport(std::ostream& out, std::ostream& err, bool json);
  ~SetupReport();

  void plan(const setup::Plan& plan, bool dry_run);
  void undo_plan(const std::vector<std::string>& lines, bool dry_run);
  void step(const std::string& line);

  // Each is the last that is said.
  void planned();
  void conflict(const std::vector<std::string>& lines);
  void waiting(const std::string& request, const std::string& certificate);
  void unwell(const std::string& status);
  void done(const std::string& how);
  void nothing_to_undo();
  void undone(const std::string& mark);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace veilwire::ctl
