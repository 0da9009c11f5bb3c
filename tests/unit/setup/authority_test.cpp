// How an imported or signed one is judged stands in tests/unit/tls/authority_facts_test.cpp and
// tests/setup/setup_test.py, where OpenSSL signs.
#include "agent/setup/authority.h"

#include "userspace/wire/ca_request.h"
#include "userspace/wire/leaf_cert.h"

#include <chrono>
#include <stdexcept>

#include <gtest/gtest.h>

namespace veilwire::setup {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{1'780'000'000s};
const std::vector<std::string> kHosts{"api.example.com", "*.mcp.example.com"};

PresentAuthority present_of(const Authority& authority) {
  PresentAuthority present;
  present.certificate = authority.certificate;
  present.key = Secret(std::string(authority.key.reveal()));
  present.request = authority.request;
  return present;
}

TEST(Authority, ANewOneIsForTheHostsAlone) {
  const Authority made = settle_authority({}, kHosts, {}, {}, kNow);
  EXPECT_EQ(made.anchor, made.certificate);
  EXPECT_EQ(made.request, "");
  EXPECT_TRUE(wire::chain_permits(made.certificate, "api.example.com").value());
  EXPECT_TRUE(wire::chain_permits(made.certificate, "a.mcp.example.com").value());
  EXPECT_FALSE(wire::chain_permits(made.certificate, "www.example.com").value());
}

TEST(Authority, ThePresentOneStaysWhileItWillDo) {
  const Authority made = settle_authority({}, kHosts, {}, {}, kNow);
  const auto again = [&](const std::vector<std::string>& hosts, WallTime now) {
    return settle_authority({}, hosts, present_of(made), {}, now).certificate == made.certificate;
  };
  EXPECT_TRUE(again(kHosts, kNow));
  EXPECT_TRUE(again({"api.example.com"}, kNow));
  EXPECT_FALSE(again({"api.example.com", "other.example"}, kNow));
  EXPECT_FALSE(again({"*.example.com"}, kNow));
  EXPECT_TRUE(again(kHosts, {kNow.since_epoch + std::chrono::days(699)}));
  EXPECT_FALSE(again(kHosts, {kNow.since_epoch + std::chrono::days(701)}));
  EXPECT_FALSE(again(kHosts, {kNow.since_epoch - 2h}));
}

TEST(Authority, WhileAnotherIsAboutToTakeItsPlaceBothStay) {
  const Authority made = settle_authority({}, kHosts, {}, {}, kNow);
  const Authority other = settle_authority({}, kHosts, {}, {}, kNow);
  PresentAuthority both = present_of(made);
  both.certificate += other.certificate;
  const Authority kept = settle_authority({}, kHosts, both, {}, kNow);
  EXPECT_EQ(kept.certificate, both.certificate);
  EXPECT_EQ(kept.anchor, made.certificate) << "the one that signs";
  EXPECT_THROW((void)settle_authority({}, {"other.example"}, both, {}, kNow), std::runtime_error);
}

TEST(Authority, ARequestIsMadeOnceForAKeyAndItsHosts) {
  Answers answers;
  answers.ca = Answers::Ca::Requested;
  const Authority asked = settle_authority(answers, kHosts, {}, {}, kNow);
  EXPECT_EQ(asked.certificate, "");
  EXPECT_NE(asked.request, "");
  const Authority again = settle_authority(answers, kHosts, present_of(asked), {}, kNow);
  EXPECT_EQ(again.request, asked.request);
  EXPECT_EQ(again.key.reveal(), asked.key.reveal());
  const Authority more = settle_authority(answers, {"a.example"}, present_of(asked), {}, kNow);
  EXPECT_FALSE(wire::same_request(more.request, asked.request));
  EXPECT_EQ(more.key.reveal(), asked.key.reveal());
}

TEST(Authority, AnImportedOneHasToHoldToday) {
  Authority made = settle_authority({}, kHosts, {}, {}, kNow);
  Answers answers;
  answers.ca = Answers::Ca::Imported;
  answers.certificate = "ca.pem";
  const auto import = [&](WallTime now, const std::vector<std::string>& hosts) -> std::string {
    GivenAuthority given{made.certificate, Secret(std::string(made.key.reveal()))};
    try {
      (void)settle_authority(answers, hosts, {}, std::move(given), now);
      return {};
    } catch (const std::runtime_error& e) {
      return e.what();
    }
  };
  EXPECT_EQ(import(kNow, kHosts), "");
  EXPECT_NE(import({kNow.since_epoch - 48h}, kHosts).find("is valid from"), std::string::npos);
  EXPECT_NE(import({kNow.since_epoch + 24h * 1000}, kHosts).find("is valid from"),
            std::string::npos);
  EXPECT_NE(import(kNow, {"other.example"}).find("do not permit other.example"), std::string::npos);
}

TEST(Authority, WithoutAHostThereIsNothingToSignFor) {
  EXPECT_THROW((void)settle_authority({}, {}, {}, {}, kNow), std::runtime_error);
  EXPECT_THROW((void)settle_authority({}, {"10.0.0.1"}, {}, {}, kNow), std::runtime_error);
}

}  // namespace
}  // namespace veilwire::setup
