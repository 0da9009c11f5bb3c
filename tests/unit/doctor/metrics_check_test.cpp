#include "agent/doctor/metrics_check.h"

#include "tests/unit/doctor/finding_matchers.h"

#include <gtest/gtest.h>

namespace veilwire::doctor {
namespace {

using State = ctl::ProgramReport::State;

class MetricsCheck : public ::testing::Test {
 protected:
  MetricsCheck() {
    for (const auto& [name, state] :
         {std::pair{"proxy", State::Up}, {"signer", State::Unhealthy}, {"recorder", State::Down}}) {
      ctl::ProgramReport program;
      program.name = name;
      program.state = state;
      report_.programs.push_back(program);
    }
  }
  void file_state(const char* state) {
    units_.units = {{.name = "veilwire-proxy.service",
                     .shipped = "",
                     .effective = {{"UnitFileState", "enabled"}}},
                    {.name = "veilwire-metrics.service",
                     .shipped = "",
                     .effective = {{"UnitFileState", state}}}};
  }
  Findings check() {
    Findings found = check_metrics(facts_, report_, units_);
    EXPECT_TRUE(all_say_what_to_do(found));
    return found;
  }
  MetricsFacts facts_{.listen = "127.0.0.1:9469", .listens = true, .problem = "", .told_down = {}};
  ctl::StatusReport report_;
  UnitsFacts units_;
};

TEST_F(MetricsCheck, NobodyHasToServeThemButWhoIsEnabledDoes) {
  EXPECT_TRUE(all_ok(check()));
  facts_.listens = false;
  EXPECT_TRUE(all_ok(check()));
  file_state("disabled");
  EXPECT_TRUE(all_ok(check()));
  file_state("enabled");
  EXPECT_EQ(severity_of(check(), "metrics-down"), Severity::Warning);
}

TEST_F(MetricsCheck, SomebodyElseOnItsPortIsAWarning) {
  facts_.problem = "it answers 404";
  facts_.told_down = {"proxy"};
  const Findings found = check();
  EXPECT_EQ(finding_of(found, "metrics-wrong").subject, "127.0.0.1:9469");
  EXPECT_FALSE(has(found, "metrics-blind"));
}

TEST_F(MetricsCheck, WhoIsUpForUsAndDownForItDoesNotLetItAsk) {
  facts_.told_down = {"recorder"};
  EXPECT_TRUE(all_ok(check())) << "it is down for everybody";
  facts_.told_down = {"proxy", "signer", "recorder"};
  const Findings found = check();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].subject, "proxy");
  EXPECT_NE(found[0].to_do.find("metrics_readers of [proxy]"), std::string::npos);
  EXPECT_NE(found[1].to_do.find("status_readers of [signer]"), std::string::npos);
}

}  // namespace
}  // namespace veilwire::doctor
