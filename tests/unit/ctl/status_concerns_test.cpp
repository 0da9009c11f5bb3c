#include "agent/ctl/status_concerns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

StatusReport report_of(std::string proxy, std::string kernel) {
  StatusReport report;
  report.programs = {judged("proxy", std::move(proxy))};
  report.kernel = std::move(kernel);
  return report;
}

constexpr const char* kEffective = R"({"loaded":true,"effective":true,"proxy_alive":true,)";

TEST(StatusConcerns, APortOfThePolicyThatIsNotRedirectedIsOneAndDegrades) {
  const std::string proxy = R"({"healthy":true,"policy":{"ports":[443,8443]}})";
  const auto missing = report_of(proxy, kEffective + std::string(R"("ports":[443]})"));
  EXPECT_THAT(concerns_of(missing), ElementsAre(HasSubstr("port 8443 of the policy")));
  EXPECT_EQ(assess(missing), Health::Degraded);
  EXPECT_THAT(to_text(missing), HasSubstr("\n  concern     port 8443"));
  EXPECT_THAT(to_json(missing), HasSubstr("port 8443"));

  for (const char* rest :
       {R"("ports":[443,8443]})", R"("ports":[443],"endpoints":["[::1]:8443"]})"}) {
    const auto caught = report_of(proxy, kEffective + std::string(rest));
    EXPECT_THAT(concerns_of(caught), IsEmpty()) << rest;
    EXPECT_EQ(assess(caught), Health::Good);
  }
}

TEST(StatusConcerns, AnEndpointOnAPortThatThePolicyDoesNotReadIsOne) {
  EXPECT_THAT(
      concerns_of(report_of(R"({"policy":{"ports":[443]}})",
                            R"({"ports":[443,80],"endpoints":["127.0.0.1:3000","10.0.0.1:443"]})")),
      ElementsAre(HasSubstr("endpoint 127.0.0.1:3000 passes unread")));
}

TEST(StatusConcerns, ARulePackThatIsNotTheOneInForceIsOne) {
  StatusReport report;
  report.policy_file = "/etc/veilwire/policy.toml";
  report.edited_packs = {"/etc/veilwire/rules/cloud.toml"};
  EXPECT_THAT(concerns_of(report),
              ElementsAre(HasSubstr("rule pack /etc/veilwire/rules/cloud.toml was edited")));
}

TEST(StatusConcerns, AHostThatTheAuthorityMayNotSignForIsOne) {
  EXPECT_THAT(concerns_of(report_of(R"({"policy":{"not_permitted":["a.example","*.b.example",7]}})",
                                    R"({"ports":[443]})")),
              ElementsAre(HasSubstr("host a.example of the policy fails"),
                          HasSubstr("host *.b.example of the policy fails")));
}

TEST(StatusConcerns, WhoSaysNothingIsNotComparedWithAnybody) {
  for (const char* document : {"", "[]", "{}", R"({"policy":7,"ports":{}})",
                               R"({"policy":{"ports":["x",-1]},"ports":["x"],"endpoints":[1]})"}) {
    EXPECT_THAT(concerns_of(report_of(document, document)), IsEmpty()) << document;
    EXPECT_THAT(concerns_of(report_of(R"({"policy":{"ports":[443]}})", document)), IsEmpty());
  }
}

}  // namespace
}  // namespace veilwire::ctl
