#include "agent/metrics/gather.h"

#include "agent/host/protocol/status.h"

#include <cerrno>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <poll.h>

namespace veilwire::metrics {
namespace {

using std::chrono::nanoseconds;

bool has(const Exposition& out, const std::string& line) {
  return ("\n" + out.text(Form::Prometheus)).find("\n" + line + "\n") != std::string::npos;
}

TEST(Collect, TellsWhoAnswersAndWhoDoesNot) {
  const Exposition out = collect({{"signer", 0, R"({"program":"veilwire-signer","healthy":false})"},
                                  {"recorder", ECONNREFUSED, ""},
                                  {"identity", 0, "no json"}},
                                 "1.2.3", nanoseconds(0));
  EXPECT_TRUE(has(out, R"(veilwire_build_info{version="1.2.3"} 1)"));
  EXPECT_TRUE(has(out, R"(veilwire_up{program="signer"} 1)"));
  EXPECT_TRUE(has(out, R"(veilwire_healthy{program="signer"} 0)"));
  EXPECT_TRUE(has(out, R"(veilwire_up{program="recorder"} 0)"));
  EXPECT_TRUE(has(out, R"(veilwire_up{program="identity"} 0)"));
}

TEST(Collect, NumbersOfADocumentBecomeMetrics) {
  const Exposition out = collect(
      {{"proxy", 0,
        R"({"open":3,"exchanges":{"complete":5},"findings":[["secret","key","mask","request",2]],
            "observed":[["secret","key","block","request",4]],"observed_refusals":{"blocked":4},
            "policy":{"mode":"observe in part"},
            "gaps":[["not_text","pass",1]],"links":{"signer":true},
            "event_seconds":{"bounds":[0.1],"buckets":[1,2],"sum":1.5}})"},
       {"redirector", 0,
        R"({"losses":0,"kernel":{"effective":true,"mode":"open","heartbeat":1000000000,
            "counters":{"redirected":7}}})"},
       {"forwarder", 0, R"({"sinks":[{"name":"siem","sent":9,"problem":"gone"}]})"}},
      "1", nanoseconds(3'000'000'000));
  for (
      const char* line :
      {"veilwire_connections_open 3", R"(veilwire_exchanges_total{outcome="complete"} 5)",
       R"(veilwire_findings_total{category="secret",rule="key",action="mask",direction="request"} 2)",
       R"(veilwire_gaps_total{reason="not_text",action="pass"} 1)",
       R"(veilwire_observed_findings_total{category="secret",rule="key",would="block",direction="request"} 4)",
       R"(veilwire_observed_refusals_total{outcome="blocked"} 4)",
       R"(veilwire_policy_mode{mode="observe in part"} 1)", R"(veilwire_link_up{to="signer"} 1)",
       "veilwire_event_seconds_count 3", "veilwire_kernel_effective 1",
       R"(veilwire_kernel_mode{mode="open"} 1)", "veilwire_kernel_heartbeat_age_seconds 2",
       R"(veilwire_kernel_events_total{reason="redirected"} 7)",
       R"(veilwire_sink_delivered_total{sink="siem"} 9)",
       R"(veilwire_sink_failing{sink="siem"} 1)"})
    EXPECT_TRUE(has(out, line)) << line;
}

TEST(Collect, ADocumentOfAnotherShapeIsLeftOut) {
  for (const char* document :
       {R"({"open":"3","exchanges":7,"findings":[1,[2],["a","b","c","d","e"]],"gaps":{},"links":[],
            "event_seconds":{"bounds":[1],"buckets":[1],"sum":1},"process":null})",
        R"({"policy":{"digest":5},"held_memory":[],"release_wait_seconds":{"bounds":"x"}})",
        "{}"}) {
    const Exposition out = collect({{"proxy", 0, document}}, "1", nanoseconds(0));
    EXPECT_TRUE(has(out, R"(veilwire_up{program="proxy"} 1)"));
    EXPECT_EQ(out.text(Form::Prometheus).find("\nveilwire_connections_open"), std::string::npos);
  }
}

TEST(Ask, AllAreAskedAtOnceAndASilentOneHoldsNobodyUp) {
  std::string folder = std::filesystem::temp_directory_path() / "vw_gather_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  host::protocol::StatusSocket good(folder + "/good", 0600);
  const host::protocol::StatusSocket silent(folder + "/silent", 0600);
  const host::protocol::StatusSocket silent_too(folder + "/silent-too", 0600);
  std::thread answering([&good] {
    pollfd polled{good.descriptor(), POLLIN, 0};
    ::poll(&polled, 1, 20'000);
    good.answer([] { return std::string(R"({"healthy":true})"); });
  });
  const auto begun = std::chrono::steady_clock::now();
  const std::vector<Answer> answers = ask({{"a", folder + "/silent"},
                                           {"b", folder + "/good"},
                                           {"c", folder + "/none"},
                                           {"d", folder + "/silent-too"}},
                                          std::chrono::milliseconds(1000));
  const auto took = std::chrono::steady_clock::now() - begun;
  answering.join();
  EXPECT_EQ(answers[0].error, ETIMEDOUT);
  EXPECT_EQ(answers[1].error, 0);
  EXPECT_NE(answers[1].document.find("healthy"), std::string::npos);
  EXPECT_EQ(answers[2].error, ENOENT);
  EXPECT_EQ(answers[3].error, ETIMEDOUT);
  EXPECT_LT(took, std::chrono::milliseconds(1900)) << "one after the other";
  std::filesystem::remove_all(folder);
}

TEST(Ask, OnlyRefusalsAreToldApartFromAnAgentThatIsDown) {
  EXPECT_TRUE(may_ask_nobody({{"a", EACCES, ""}, {"b", ENOENT, ""}}));
  EXPECT_FALSE(may_ask_nobody({{"a", EACCES, ""}, {"b", 0, "{}"}}));
  EXPECT_FALSE(may_ask_nobody({{"a", ENOENT, ""}, {"b", ECONNREFUSED, ""}}));
}

}  // namespace
}  // namespace veilwire::metrics
