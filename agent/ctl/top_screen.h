// The picture that `veilwire top` draws of a view: lines of a given width, as many as a screen has.
// Knows no terminal. Tested by tests/unit/ctl/top_screen_test.cpp.
#pragma once

#include "agent/ctl/top_view.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace veilwire::ctl {

enum class TopSort : std::uint8_t { Rate, Time, Findings, Waiting, Person };
inline constexpr std::size_t kTopSorts = 5;
enum class TopSection : std::uint8_t { Streams, People, Findings, Sinks };
inline constexpr std::size_t kTopSections = 4;

struct TopLook {
  std::size_t width = 80, height = 24;  // height 0: as long as it takes, and no keys
  TopSort sort = TopSort::Rate;
  bool reverse = false;
  TopSection first = TopSection::Streams;  // has the room that the others leave
};

struct TopLine {
  enum class Style : std::uint8_t { Plain, Title, Alarm };
  std::string text;  // printable ASCII, at most as wide as asked
  Style style = Style::Plain;
};

// Exactly height lines, where there is a height.
std::vector<TopLine> draw(TopView view, const TopLook& look);

}  // namespace veilwire::ctl
