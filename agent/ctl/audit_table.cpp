#include "agent/ctl/audit_table.h"

#include "agent/ctl/audit_text.h"

#include <algorithm>
#include <ostream>
#include <string_view>
#include <utility>

namespace veilwire::ctl {
namespace {

// Columns on the screen; cells hold no character that takes none, wide ones are rare.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace

AuditTable::AuditTable(std::vector<Column> columns) : columns_(std::move(columns)) {
  std::vector<std::string> names;
  for (const Column& column : columns_) names.push_back(column.name);
  add(std::move(names));
}

void AuditTable::add(std::vector<std::string> cells) {
  for (std::size_t i = 0; i < columns_.size(); ++i)
    cells[i] = visible_cell(cells[i], columns_[i].widest);
  lines_.push_back(std::move(cells));
}

void AuditTable::print(std::ostream& out) const {
  std::vector<std::size_t> widths(columns_.size());
  for (const auto& line : lines_) {
    for (std::size_t i = 0; i < columns_.size(); ++i)
      widths[i] = std::max(widths[i], width(line[i]));
  }
  for (const auto& line : lines_) {
    std::string text;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string padding(widths[i] - width(line[i]), ' ');
      text += columns_[i].number ? padding + line[i] : line[i] + padding;
      text += "  ";
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out << text << '\n';
  }
}

}  // namespace veilwire::ctl
