#include "agent/ctl/top_screen.h"

#include "agent/host/log.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <system_error>
#include <utility>

namespace veilwire::ctl {
namespace {

using Cells = std::vector<std::string>;

// A column that is left out first has the highest number.
struct Column {
  std::string_view title;
  std::size_t width;
  bool right = false;
  unsigned less_wanted = 0;
  bool wide = false;  // takes what is left
};

struct Table {
  std::string_view name;
  std::vector<Column> columns;
  std::vector<Cells> rows;
};

constexpr std::size_t kFewRows = 3;     // of a section that is not the first
constexpr std::size_t kLowScreen = 16;  // below, there is one section alone

std::string formatted(double value, int digits, const char* unit) {
  std::array<char, 64> out{};
  const auto [end, error] =
      std::to_chars(out.data(), out.data() + out.size(), value, std::chars_format::fixed, digits);
  return error == std::errc{} ? std::string(out.data(), end) + unit : "-";
}

// In the largest unit that leaves a digit before the point.
std::string time_text(double seconds) {
  if (seconds <= 0) return "-";
  if (seconds < 1e-3) return formatted(seconds * 1e6, 0, "us");
  if (seconds < 1) return formatted(seconds * 1e3, 1, "ms");
  if (seconds < 120) return formatted(seconds, 1, "s");
  if (seconds < 7200) return formatted(seconds / 60, 0, "m");
  return formatted(seconds / 3600, 0, "h");
}

std::string size_text(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes < 1000) return std::to_string(bytes);
  if (value < 1e6) return formatted(value / 1e3, 1, "k");
  if (value < 1e9) return formatted(value / 1e6, 1, "M");
  return formatted(value / 1e9, 1, "G");
}

std::string rate_text(double rate) { return rate > 0 ? formatted(rate, 1, "") : "-"; }

std::string safe(const std::string& text) {
  return text.empty() ? "-" : host::log::printable(text);
}

std::string_view name_of(TopSort sort) {
  switch (sort) {
    case TopSort::Rate:
      return "rate";
    case TopSort::Time:
      return "time";
    case TopSort::Findings:
      return "findings";
    case TopSort::Waiting:
      return "waiting";
    case TopSort::Person:
      return "person";
  }
  return "";
}

void sort_streams(std::vector<TopStream>& streams, const TopLook& look) {
  const auto before = [&look](const TopStream& a, const TopStream& b) {
    switch (look.sort) {
      case TopSort::Rate:
        return a.events_per_second > b.events_per_second;
      case TopSort::Time:
        return a.seconds > b.seconds;
      case TopSort::Findings:
        return a.findings > b.findings;
      case TopSort::Waiting:
        return a.waiting_bytes > b.waiting_bytes;
      case TopSort::Person:
        return a.person < b.person;
    }
    return false;
  };
  std::stable_sort(streams.begin(), streams.end(), [&](const auto& a, const auto& b) {
    return look.reverse ? before(b, a) : before(a, b);
  });
}

Table streams_of(const TopView& view) {
  Table table{"STREAMS",
              {{"PERSON", 10, false, 0, true},
               {"PROGRAM", 9, false, 4},
               {"SERVER", 18, false, 6, true},
               {"MODEL/TOOL", 14, false, 1, true},
               {"TIME", 6, true, 2},
               {"EV/S", 6, true, 3},
               {"FIND", 5, true, 2},
               {"WAIT", 6, true, 5}},
              {}};
  for (const TopStream& s : view.streams)
    table.rows.push_back({safe(s.person), safe(s.program), safe(s.server), safe(s.what),
                          time_text(s.seconds), rate_text(s.events_per_second),
                          std::to_string(s.findings), size_text(s.waiting_bytes)});
  return table;
}

Table people_of(const TopView& view) {
  Table table{"PEOPLE",
              {{"PERSON", 10, false, 0, true},
               {"STREAMS", 7, true, 1},
               {"EV/S", 7, true, 3},
               {"FIND", 6, true, 2}},
              {}};
  for (const TopPerson& p : view.people)
    table.rows.push_back({safe(p.person), std::to_string(p.streams), rate_text(p.events_per_second),
                          std::to_string(p.findings)});
  return table;
}

Table findings_of(const TopView& view) {
  Table table{"FINDINGS",
              {{"RULE", 14, false, 0, true},
               {"CATEGORY", 10, false, 4, true},
               {"DONE", 11, false, 3},
               {"IN", 8, false, 5},
               {"COUNT", 8, true, 1},
               {"NEW", 6, true, 2}},
              {}};
  for (const TopFinding& f : view.findings)
    table.rows.push_back({safe(f.rule), safe(f.category), safe(f.action), safe(f.direction),
                          std::to_string(f.count), std::to_string(f.fresh)});
  return table;
}

Table sinks_of(const TopView& view) {
  Table table{"SINKS",
              {{"SINK", 10, false, 0, true},
               {"BEHIND", 8, true, 1},
               {"AGE", 6, true, 3},
               {"STATE", 10, false, 2, true}},
              {}};
  for (const TopSink& s : view.sinks)
    table.rows.push_back({safe(s.name), std::to_string(s.lag_records),
                          time_text(static_cast<double>(s.age_seconds)), safe(s.state)});
  return table;
}

// The columns that fit, with their widths; 0: left out.
std::vector<std::size_t> widths_for(const std::vector<Column>& columns, std::size_t width) {
  std::vector<std::size_t> widths;
  for (const Column& column : columns) widths.push_back(column.width);
  const auto used = [&] {
    std::size_t sum = 0;
    for (const std::size_t w : widths) sum += w == 0 ? 0 : w + 1;
    return sum;
  };
  while (used() > width + 1) {
    std::size_t out = columns.size();
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (widths[i] != 0 &&
          (out == columns.size() || columns[i].less_wanted > columns[out].less_wanted))
        out = i;
    if (out == columns.size()) break;
    widths[out] = 0;
  }
  std::vector<std::size_t> wide;
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (columns[i].wide && widths[i] != 0) wide.push_back(i);
  for (std::size_t left = width + 1 - std::min(used(), width + 1); left > 0 && !wide.empty();)
    for (std::size_t i = 0; i < wide.size() && left > 0; ++i, --left) ++widths[wide[i]];
  return widths;
}

// A text that is cut ends in a mark, so that nobody takes it for the whole.
std::string cell(std::string text, std::size_t width, bool right) {
  if (text.size() > width) {
    text.resize(width);
    text.back() = '~';
  }
  return right ? text.insert(0, width - text.size(), ' ') : text.append(width - text.size(), ' ');
}

std::string row_text(const std::vector<Column>& columns, const std::vector<std::size_t>& widths,
                     const Cells& cells) {
  std::string out;
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (widths[i] != 0)
      out += (out.empty() ? "" : " ") + cell(cells[i], widths[i], columns[i].right);
  return out;
}

// A title and at most so many rows below it.
void add_table(const Table& table, std::size_t rows, std::size_t width,
               std::vector<TopLine>& lines) {
  const std::vector<std::size_t> widths = widths_for(table.columns, width);
  Cells titles;
  for (const Column& column : table.columns) titles.emplace_back(column.title);
  lines.push_back({row_text(table.columns, widths, titles), TopLine::Style::Title});
  for (std::size_t i = 0; i < std::min(rows, table.rows.size()); ++i)
    lines.push_back({row_text(table.columns, widths, table.rows[i])});
}

std::string counted(std::uint64_t n, const char* one, const char* many) {
  return std::to_string(n) + " " + (n == 1 ? one : many);
}

TopLine state_line(const TopView& view) {
  std::string text = "veilwire ";
  std::string down;
  for (const std::string& program : view.down)
    down += (down.empty() ? "" : ", ") + host::log::printable(program);
  text += !down.empty() ? "DOWN: " + down : view.healthy ? "good" : "unhealthy";
  text += "  " + counted(view.streams.size(), "stream", "streams") + (view.complete ? "" : "+") +
          "  " + counted(view.connections, "connection", "connections") + "  " +
          counted(view.people.size(), "person", "people");
  const bool good = down.empty() && view.healthy;
  return {std::move(text), good ? TopLine::Style::Plain : TopLine::Style::Alarm};
}

TopLine cost_line(const TopView& view) {
  return {"proxy " + formatted(view.proxy_cpu * 100, 1, "%") + " cpu  event " +
          time_text(view.event_seconds) + "  record " + time_text(view.wait_seconds) + "  hold " +
          time_text(view.hold_seconds) + "  held " + size_text(view.held_bytes) + "/" +
          size_text(view.held_limit)};
}

// Says in one line that nothing, or not everything, is masked.
TopLine observed_line(const TopView& view) {
  return {(view.mode == "observe" ? "ONLY OBSERVES" : "ONLY OBSERVES SOME") + std::string("  ") +
              "would have masked " + std::to_string(view.would_mask) + ", blocked " +
              std::to_string(view.would_block) + ", refused " + std::to_string(view.would_refuse),
          TopLine::Style::Alarm};
}

}  // namespace

std::vector<TopLine> draw(TopView view, const TopLook& look) {
  sort_streams(view.streams, look);
  std::array<Table, kTopSections> tables = {streams_of(view), people_of(view), findings_of(view),
                                            sinks_of(view)};
  const auto first = static_cast<std::size_t>(look.first);
  std::vector<TopLine> lines = {state_line(view), cost_line(view)};
  if (view.mode.starts_with("observe")) lines.push_back(observed_line(view));
  const bool whole = look.height == 0;
  const std::size_t body = look.height - std::min(look.height, lines.size() + 1);
  const bool low = !whole && look.height < kLowScreen;
  std::size_t others = 0;
  for (std::size_t i = 0; i < tables.size(); ++i)
    if (i != first) others += 1 + std::min(kFewRows, tables[i].rows.size());
  for (std::size_t i = 0; i < tables.size(); ++i) {
    if (low && i != first) continue;
    std::size_t rows = kFewRows;
    if (i == first) rows = body - std::min(body, 1 + (low ? 0 : others));
    add_table(tables[i], whole ? tables[i].rows.size() : rows, look.width, lines);
    // What the first does not need stays free between it and the next, so that nothing jumps.
    const std::size_t shown = std::min(rows, tables[i].rows.size());
    if (!whole && i == first) lines.resize(lines.size() + rows - shown);
  }
  if (!whole) {
    lines.resize(look.height - std::min<std::size_t>(look.height, 1));
    lines.push_back({"q quit  Tab next section  s sort: " + std::string(name_of(look.sort)) +
                         (look.reverse ? " (reverse)" : "") + "  r reverse",
                     TopLine::Style::Title});
  }
  for (TopLine& line : lines)
    if (line.text.size() > look.width) line.text.resize(look.width);
  return lines;
}

}  // namespace veilwire::ctl
