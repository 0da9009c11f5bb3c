#include "agent/doctor/authority_check.h"

#include "tests/unit/doctor/finding_matchers.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/wire/leaf_cert.h"

#include <gtest/gtest.h>

namespace veilwire::doctor {
namespace {

using std::chrono::hours;
using testing::HasSubstr;

constexpr WallTime kNow{hours(24 * 20'000)};

class AuthorityCheck : public ::testing::Test {
 protected:
  AuthorityCheck()
      : ca_(*wire::make_ca({.label = "test",
                            .hosts = {"api.example.com", "*.mcp.example.com"},
                            .not_before = at(-hours(24)),
                            .not_after = at(hours(24 * 100)),
                            .serial = "12345678"})),
        facts_{.path = "/etc/veilwire/ca.pem",
               .pem = ca_.certificate_pem,
               .problem = "",
               .now = kNow,
               .in_force = crypto::hex_encode(crypto::sha256(ca_.certificate_der)),
               .hosts = {"api.example.com", "*.mcp.example.com"}} {}

  static WallTime at(hours from_now) { return {kNow.since_epoch + from_now}; }
  Findings check() {
    Findings found = check_authority(facts_);
    EXPECT_TRUE(all_say_what_to_do(found));
    return found;
  }
  wire::NewCa ca_;
  AuthorityFacts facts_;
};

TEST_F(AuthorityCheck, ACaThatServesItsPolicyIsOk) { EXPECT_TRUE(all_ok(check())); }

TEST_F(AuthorityCheck, OneThatIsNotThereOrNoneIsCritical) {
  facts_.pem = std::nullopt;
  facts_.problem = "No such file or directory";
  EXPECT_EQ(severity_of(check(), "ca-certificate"), Severity::Critical);
  for (const char* nonsense : {"", "-----BEGIN CERTIFICATE-----\nAAAA\n"}) {
    facts_.pem = nonsense;
    EXPECT_EQ(severity_of(check(), "ca-certificate"), Severity::Critical);
  }
}

TEST_F(AuthorityCheck, ItsEndIsSaidAMonthAhead) {
  facts_.now = at(hours(24 * 60));
  EXPECT_EQ(severity_of(check(), "ca-expiry"), Severity::Ok);
  facts_.now = at(hours(24 * 80));
  EXPECT_EQ(severity_of(check(), "ca-expiry"), Severity::Warning);
  EXPECT_THAT(finding_of(check(), "ca-expiry").is, HasSubstr("in 20 days"));
  facts_.now = at(hours(24 * 100));
  EXPECT_EQ(severity_of(check(), "ca-expiry"), Severity::Critical);
  facts_.now = at(-hours(48));
  EXPECT_EQ(severity_of(check(), "ca-expiry"), Severity::Critical);
}

TEST_F(AuthorityCheck, WhoseEndIsNearIsToldToPutAnotherBesideItAndThenToChangeOver) {
  facts_.now = at(hours(24 * 80));
  EXPECT_THAT(finding_of(check(), "ca-expiry").to_do, HasSubstr("add-ca"));
  EXPECT_FALSE(has(check(), "ca-other"));
  const wire::NewCa other = *wire::make_ca({.label = "other",
                                            .hosts = {"api.example.com", "*.mcp.example.com"},
                                            .not_before = at(-hours(24)),
                                            .not_after = at(hours(24 * 1000)),
                                            .serial = "87654321"});
  *facts_.pem += other.certificate_pem;
  EXPECT_THAT(finding_of(check(), "ca-expiry").to_do, HasSubstr("switch-ca"));
  EXPECT_EQ(severity_of(check(), "ca-other"), Severity::Note);
  // Once it is the first, it counts.
  facts_.pem = other.certificate_pem + ca_.certificate_pem;
  facts_.in_force = crypto::hex_encode(crypto::sha256(other.certificate_der));
  EXPECT_EQ(severity_of(check(), "ca-expiry"), Severity::Ok);
  EXPECT_EQ(severity_of(check(), "ca-in-force"), Severity::Ok);
}

TEST_F(AuthorityCheck, EachHostThatItMayNotSignForIsNamed) {
  facts_.hosts.insert(facts_.hosts.end(), {"other.example.net", "*.example.net"});
  const Findings found = check();
  std::vector<std::string> subjects;
  for (const Finding& finding : found)
    if (finding.id == "ca-hosts") subjects.push_back(finding.subject);
  EXPECT_EQ(subjects, (std::vector<std::string>{"other.example.net", "*.example.net"}));
  EXPECT_EQ(severity_of(found, "ca-hosts"), Severity::Critical);
}

TEST_F(AuthorityCheck, ASignerWithAnotherCaIsAWarningAndASilentOneIsNothing) {
  facts_.in_force = std::string(64, '0');
  EXPECT_EQ(severity_of(check(), "ca-in-force"), Severity::Warning);
  facts_.in_force = "";
  EXPECT_FALSE(has(check(), "ca-in-force"));
}

}  // namespace
}  // namespace veilwire::doctor
