#include "agent/ctl/top_view.h"

#include <cerrno>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

TopSample sample(double seconds, std::string proxy, std::string live) {
  return {std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9)),
          {{"proxy", 0, std::move(proxy)}},
          {"live", 0, std::move(live)}};
}

std::string stream(const char* id, int fragments, double seconds = 100) {
  return nlohmann::json{{"id", id},      {"person", "alice"},   {"comm", "claude"},
                        {"exchange", 1}, {"seconds", seconds},  {"fragments", fragments},
                        {"findings", 2}, {"model", "claude-x"}, {"server_name", "api"},
                        {"tool", ""},    {"waiting_bytes", 7},  {"pid", 42}}
      .dump();
}

TEST(TopView, RatesComeFromTheDifference) {
  const TopView view = make_view(sample(10, "{}", R"({"streams":[)" + stream("a", 5) + "]}"),
                                 sample(12, "{}", R"({"streams":[)" + stream("a", 15) + "]}"));
  ASSERT_EQ(view.streams.size(), 1U);
  EXPECT_DOUBLE_EQ(view.streams[0].events_per_second, 5);
  EXPECT_EQ(view.streams[0].person, "alice");
  EXPECT_EQ(view.streams[0].what, "claude-x");
  EXPECT_EQ(view.streams[0].waiting_bytes, 7U);
  ASSERT_EQ(view.people.size(), 1U);
  EXPECT_EQ(view.people[0].findings, 2U);
}

TEST(TopView, AStreamThatBeganInBetweenHadLessTime) {
  const TopView view = make_view(sample(10, "{}", R"({"streams":[]})"),
                                 sample(12, "{}", R"({"streams":[)" + stream("b", 4, 0.5) + "]}"));
  EXPECT_DOUBLE_EQ(view.streams.at(0).events_per_second, 8);
}

TEST(TopView, MeansAndShareOfTheProcessorAreOfTheInterval) {
  const char* before =
      R"({"healthy":true,"process":{"cpu_seconds":5},"event_seconds":{"buckets":[4,0],"sum":8}})";
  const char* now =
      R"({"healthy":true,"process":{"cpu_seconds":6},"event_seconds":{"buckets":[5,1],"sum":9}})";
  const TopView view = make_view(sample(0, before, "{}"), sample(2, now, "{}"));
  EXPECT_DOUBLE_EQ(view.proxy_cpu, 0.5);
  EXPECT_DOUBLE_EQ(view.event_seconds, 0.5);
  EXPECT_DOUBLE_EQ(view.wait_seconds, 0);
  EXPECT_TRUE(view.healthy);
}

TEST(TopView, AProxyThatWasRestartedGivesNoNegativeRates) {
  const TopView view = make_view(sample(0, R"({"findings":[["secret","key","mask","response",9]],
                              "process":{"cpu_seconds":50}})",
                                        "{}"),
                                 sample(1, R"({"findings":[["secret","key","mask","response",2]],
                              "process":{"cpu_seconds":0.25}})",
                                        "{}"));
  EXPECT_DOUBLE_EQ(view.proxy_cpu, 0.25);
  EXPECT_EQ(view.findings.at(0).fresh, 2U);
}

TEST(TopView, WhatIsOnlyObservedIsToldByWhatItWouldHaveBeen) {
  const TopView view = make_view(
      sample(0, R"({"observed":[["secret","key","mask","response",1]]})", "{}"),
      sample(1,
             R"({"policy":{"mode":"observe"},"findings":[["secret","key","observed","response",4]],
                    "observed":[["secret","key","mask","response",3],["secret","pem","block","request",1]],
                    "observed_refusals":{"blocked":1,"sign-in wanted":5}})",
             "{}"));
  EXPECT_EQ(view.mode, "observe");
  EXPECT_EQ(view.would_mask, 3U);
  EXPECT_EQ(view.would_block, 1U);
  EXPECT_EQ(view.would_refuse, 6U);
  ASSERT_EQ(view.findings.size(), 2U);
  EXPECT_EQ(view.findings[0].action, "would mask");
  EXPECT_EQ(view.findings[0].fresh, 2U);
  EXPECT_EQ(view.findings[1].action, "would block");
}

TEST(TopView, WhoDoesNotAnswerIsDownAndASinkWithoutItsProgramDoesNotRun) {
  TopSample now;
  now.answers = {{"recorder", 0, R"({"healthy":true,"sinks":[{"name":"siem","lag":12}]})"},
                 {"forwarder", ECONNREFUSED, ""}};
  const TopView view = make_view(now, now);
  EXPECT_EQ(view.down, std::vector<std::string>{"forwarder"});
  ASSERT_EQ(view.sinks.size(), 1U);
  EXPECT_EQ(view.sinks[0].state, "not running");
  EXPECT_EQ(view.sinks[0].lag_records, 12U);
}

TEST(TopView, DocumentsOfAnotherShapeShowNothing) {
  const TopView view =
      make_view(sample(0, "[]", "7"),
                sample(1, R"({"findings":[1,[],["a",2,3,4,"5"]],"process":3,"event_seconds":[1]})",
                       R"({"streams":[1,{"id":7,"person":[]}]})"));
  EXPECT_TRUE(view.findings.empty());
  EXPECT_EQ(view.streams.size(), 2U);
  EXPECT_TRUE(nlohmann::json::accept(to_json(view)));
}

}  // namespace
}  // namespace veilwire::ctl
