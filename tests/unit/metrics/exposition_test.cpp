#include "agent/metrics/exposition.h"

#include <set>
#include <stdexcept>

#include <gtest/gtest.h>

namespace veilwire::metrics {
namespace {

// The lines that are about one family, without what it means.
std::string lines_of(const std::string& text, const std::string& family) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    if (line.find(family) != std::string::npos && !line.starts_with("# HELP")) out += line + "\n";
    at = end + 1;
  }
  return out;
}

TEST(Exposition, ACounterIsSpelledAsEachFormatWants) {
  Exposition out;
  out.count("veilwire_gaps_total", {"not_text", "pass"}, 2);
  out.count("veilwire_gaps_total", {"not_text", "pass"}, 1);
  const std::string sample = "veilwire_gaps_total{reason=\"not_text\",action=\"pass\"} 3\n";
  EXPECT_EQ(lines_of(out.text(Form::Prometheus), "veilwire_gaps"),
            "# TYPE veilwire_gaps_total counter\n" + sample);
  EXPECT_EQ(lines_of(out.text(Form::OpenMetrics), "veilwire_gaps"),
            "# TYPE veilwire_gaps counter\n" + sample);
  EXPECT_TRUE(out.text(Form::OpenMetrics).ends_with("\n# EOF\n"));
  EXPECT_EQ(out.text(Form::Prometheus).find("# EOF"), std::string::npos);
}

TEST(Exposition, BucketsOfAHistogramHoldWhatIsBelow) {
  Exposition out;
  const double bounds[] = {0.5, 1};
  const std::uint64_t counts[] = {2, 3, 1};
  out.histogram("veilwire_event_seconds", bounds, counts, 4.25);
  EXPECT_EQ(lines_of(out.text(Form::Prometheus), "veilwire_event_seconds"),
            "# TYPE veilwire_event_seconds histogram\n"
            "veilwire_event_seconds_bucket{le=\"0.5\"} 2\n"
            "veilwire_event_seconds_bucket{le=\"1.0\"} 5\n"
            "veilwire_event_seconds_bucket{le=\"+Inf\"} 6\n"
            "veilwire_event_seconds_sum 4.25\n"
            "veilwire_event_seconds_count 6\n");
}

TEST(Exposition, ALabelCannotLeaveItsQuotes) {
  Exposition out;
  out.gauge("veilwire_link_up", {"a\"b\\c\nd\xff"}, 1);
  EXPECT_EQ(lines_of(out.text(Form::Prometheus), "veilwire_link_up"),
            "# TYPE veilwire_link_up gauge\nveilwire_link_up{to=\"a\\\"b\\\\c?d?\"} 1\n");
}

TEST(Exposition, OnlyWhatIsDocumentedCanBeShown) {
  Exposition out;
  EXPECT_THROW(out.gauge("veilwire_secret", {}, 1), std::logic_error);
  EXPECT_THROW(out.gauge("veilwire_gaps_total", {"a", "b"}, 1), std::logic_error);
  EXPECT_THROW(out.count("veilwire_gaps_total", {"a"}, 1), std::logic_error);
  EXPECT_THROW(out.gauge("veilwire_kernel_effective", {"a"}, 1), std::logic_error);
}

TEST(Families, NamesFollowTheConventions) {
  static const std::set<std::string_view> kPersonal = {"person", "session", "uid",
                                                       "pid",    "client",  "comm"};
  for (const Family& family : families()) {
    EXPECT_TRUE(family.name.starts_with("veilwire_")) << family.name;
    EXPECT_EQ(family.name.ends_with("_total"), family.type == Type::Counter) << family.name;
    EXPECT_EQ(family.help.find_first_of("\\\"\n"), std::string_view::npos) << family.name;
    EXPECT_TRUE(family.help.ends_with(".")) << family.name;
    for (const char* unit : {"_ms_", "_us_", "_mib_", "_percent_", "_minutes_"})
      EXPECT_EQ((std::string(family.name) + "_").find(unit), std::string::npos) << family.name;
    for (const std::string_view label : kPersonal)
      EXPECT_EQ(family.labels.find(label), std::string_view::npos) << family.name;
  }
}

}  // namespace
}  // namespace veilwire::metrics
