// Columns for an auditor's screen. Every cell goes through visible_cell(): what stands in it was
// chosen by strangers. Tested by tests/unit/ctl/audit_commands_test.cpp.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

namespace veilwire::ctl {

class AuditTable {
 public:
  struct Column {
    std::string name;
    std::size_t widest = 0;  // longer text is cut
    bool number = false;     // stands at the right
  };
  explicit AuditTable(std::vector<Column> columns);
  // As many cells as columns.
  void add(std::vector<std::string> cells);
  void print(std::ostream& out) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> lines_;
};

}  // namespace veilwire::ctl
