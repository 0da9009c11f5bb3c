#include "agent/ctl/top_screen.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace veilwire::ctl {
namespace {

TopView busy(int streams) {
  TopView view;
  for (int i = 0; i < streams; ++i) {
    TopStream stream;
    stream.person = "person-" + std::to_string(i);
    stream.program = "claude";
    stream.server = "api.anthropic.com";
    stream.what = "claude-demo-1";
    stream.seconds = 10 + i;
    stream.events_per_second = streams - i;
    view.streams.push_back(stream);
    view.people.push_back({stream.person, 1, 0, 1});
  }
  for (int i = 0; i < 5; ++i)
    view.findings.push_back({"rule-" + std::to_string(i), "secret", "mask", "response", 3, 1});
  view.sinks.push_back({"siem", "delivers", 4, 2});
  return view;
}

std::string text_of(const std::vector<TopLine>& lines) {
  std::string out;
  for (const TopLine& line : lines) out += line.text + "\n";
  return out;
}

TEST(TopScreen, FillsExactlyTheScreenThatThereIs) {
  for (const int streams : {0, 1, 3, 40})
    for (std::size_t width : {1U, 20U, 40U, 80U, 200U})
      for (std::size_t height : {1U, 2U, 5U, 10U, 16U, 24U, 60U})
        for (std::size_t section = 0; section < kTopSections; ++section) {
          TopLook look;
          look.width = width;
          look.height = height;
          look.first = static_cast<TopSection>(section);
          TopView view = busy(streams);
          if (streams == 3) view.mode = "observe";  // has a line more above
          const auto lines = draw(view, look);
          EXPECT_EQ(lines.size(), height);
          for (const TopLine& line : lines) EXPECT_LE(line.text.size(), width);
        }
}

TEST(TopScreen, AtTheUsualSizeEverySectionIsThere) {
  const std::string text = text_of(draw(busy(40), {}));
  for (const char* part : {"PERSON", "MODEL/TOOL", "EV/S", "STREAMS", "RULE", "BEHIND", "q quit",
                           "person-0", "claude-demo-1", "rule-0", "siem", "40 streams"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
}

TEST(TopScreen, ALowScreenShowsTheChosenSectionAndTheKeys) {
  TopLook look;
  look.width = 40;
  look.height = 10;
  std::string text = text_of(draw(busy(40), look));
  EXPECT_NE(text.find("person-0"), std::string::npos) << text;
  EXPECT_NE(text.find("q quit"), std::string::npos) << text;
  EXPECT_EQ(text.find("rule-0"), std::string::npos) << text;
  look.first = TopSection::Findings;
  text = text_of(draw(busy(40), look));
  EXPECT_NE(text.find("rule-0"), std::string::npos) << text;
  EXPECT_EQ(text.find("person-0"), std::string::npos) << text;
}

TEST(TopScreen, StreamsAreSortedAsAsked) {
  TopLook look;
  const auto first_of = [&look] {
    const std::string text = text_of(draw(busy(40), look));
    const std::size_t at = text.find("person-");
    return text.substr(at, text.find(' ', at) - at);
  };
  EXPECT_EQ(first_of(), "person-0");
  look.sort = TopSort::Time;
  EXPECT_EQ(first_of(), "person-39");
  look.reverse = true;
  EXPECT_EQ(first_of(), "person-0");
}

TEST(TopScreen, NoTextOfAClientReachesTheTerminalAsItIs) {
  TopView view = busy(1);
  view.streams[0].program = "\x1b]0;owned\x07";
  view.streams[0].what = "caf\xc3\xa9\n\x9b";
  view.down = {"\x1b[2J"};
  for (const TopLine& line : draw(view, {}))
    for (const char c : line.text) EXPECT_TRUE(c >= ' ' && c <= '~') << line.text;
}

TEST(TopScreen, WhatIsCutSaysSo) {
  TopView view = busy(1);
  view.streams[0].what = std::string(60, 'm');
  EXPECT_NE(text_of(draw(view, {})).find("m~"), std::string::npos);
}

TEST(TopScreen, WithoutAHeightEverythingIsThereOnce) {
  TopLook look;
  look.width = 120;
  look.height = 0;
  const std::string text = text_of(draw(busy(40), look));
  EXPECT_NE(text.find("person-39"), std::string::npos);
  EXPECT_NE(text.find("rule-4"), std::string::npos);
  EXPECT_EQ(text.find("q quit"), std::string::npos);
}

TEST(TopScreen, APolicyThatOnlyObservesIsAnAlarm) {
  TopView view = busy(1);
  view.mode = "enforce";
  EXPECT_EQ(text_of(draw(view, {})).find("OBSERVES"), std::string::npos);
  view.mode = "observe";
  view.would_mask = 7;
  view.would_refuse = 2;
  const auto lines = draw(view, {});
  EXPECT_EQ(lines[2].text, "ONLY OBSERVES  would have masked 7, blocked 0, refused 2");
  EXPECT_EQ(lines[2].style, TopLine::Style::Alarm);
}

TEST(TopScreen, WhoIsDownIsAnAlarm) {
  TopView view;
  view.down = {"signer", "recorder"};
  const auto lines = draw(view, {});
  EXPECT_EQ(lines[0].style, TopLine::Style::Alarm);
  EXPECT_NE(lines[0].text.find("DOWN: signer, recorder"), std::string::npos) << lines[0].text;
}

}  // namespace
}  // namespace veilwire::ctl
