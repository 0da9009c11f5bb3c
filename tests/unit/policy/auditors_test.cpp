#include "userspace/policy/auditors.h"

#include "tests/unit/sealing/made_auditor.h"

#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::policy {
namespace {

using sealing::testing::ada;
using sealing::testing::at;
using sealing::testing::bob;

Policy two_auditors() {
  return *parse(
      "[[host]]\nname = \"a.example\"\nspeaks = \"mcp\"\n[[original]]\nkeep = \"both\"\n"
      "[auditors]\ncertificates = [\"one.pem\",\n  \"two.pem\"]\n",
      "p");
}

std::string refusal(const std::vector<std::string>& certificates, WallTime now = at()) {
  const auto auditors = make_auditors(two_auditors(), certificates, now);
  return auditors ? "none" : to_string(auditors.error());
}

TEST(PolicyAuditors, AreThoseWhoseCertificatesAreNamed) {
  const auto auditors =
      make_auditors(two_auditors(), std::vector{ada().certificate, bob().certificate}, at());
  ASSERT_TRUE(auditors);
  EXPECT_EQ((*auditors)->recipients().size(), 2U);
  const auto none = make_auditors(Policy{}, {}, at());
  ASSERT_TRUE(none);
  EXPECT_EQ(*none, nullptr);
}

TEST(PolicyAuditors, AreComplainedOfWhereTheyAreNamed) {
  EXPECT_EQ(refusal({ada().certificate, "text"}),
            "p:8:3: auditor two.pem: not one X.509 certificate in PEM");
  EXPECT_EQ(refusal({ada().certificate, bob().certificate}, at(std::chrono::hours(2))),
            "p:7:17: auditor one.pem (CN=Ada): its time is over");
  EXPECT_EQ(refusal({ada().certificate, ada().certificate}),
            "p:8:3: auditor two.pem (CN=Ada): its key, or its issuer and serial number, is that of "
            "a certificate before it");
  const auto p384 = sealing::testing::make_auditor(
      sealing::testing::own(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384")));
  EXPECT_EQ(refusal({ada().certificate, p384.certificate}),
            "p:8:3: auditor two.pem (CN=Ada): its key is neither on P-256 nor RSA");
}

}  // namespace
}  // namespace veilwire::policy
