#include "userspace/wire/authority_file.h"

#include <chrono>
#include <string>

#include <gtest/gtest.h>

namespace veilwire::wire {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kFrom{1'800'000'000s};

NewCa made(const std::string& label, std::chrono::hours life) {
  return std::move(make_ca({label,
                            {"api.example.test"},
                            kFrom,
                            {kFrom.since_epoch + life},
                            "0123456789abcdef"}))
      .value();
}

TEST(AuthorityFile, HoldsOneChainOrOneBehindTheOther) {
  const NewCa old = made("old", 24h), next = made("next", 48h);
  const auto one = read_authorities(old.certificate_pem);
  ASSERT_TRUE(one);
  ASSERT_EQ(one->size(), 1U);
  const auto two = read_authorities("# ours\n" + old.certificate_pem + "\n" + next.certificate_pem);
  ASSERT_TRUE(two);
  ASSERT_EQ(two->size(), 2U);
  const AuthorityChain& first = two->front();
  EXPECT_EQ(first.pem, old.certificate_pem);
  EXPECT_EQ(first.anchor, old.certificate_pem);
  EXPECT_TRUE(first.rooted);
  EXPECT_EQ(first.der, old.certificate_der);
  EXPECT_NE(first.subject.find("CN=veilwire old "), std::string::npos) << first.subject;
  EXPECT_EQ(first.not_before, kFrom);
  EXPECT_EQ(first.not_after.since_epoch, kFrom.since_epoch + 24h);
  EXPECT_EQ(two->back().not_after.since_epoch, kFrom.since_epoch + 48h);
}

TEST(AuthorityFile, IsRefusedWhenItHoldsNoneOrTooMany) {
  EXPECT_EQ(read_authorities("").error(), CertError::BadCertificate);
  EXPECT_EQ(read_authorities("no certificate").error(), CertError::BadCertificate);
  std::string many;
  for (int i = 0; i < 13; ++i) many += made("g", 24h).certificate_pem;
  EXPECT_EQ(read_authorities(many).error(), CertError::BadCertificate);
}

}  // namespace
}  // namespace veilwire::wire
