#include "agent/signer/issuer.h"

#include <stdexcept>

#include <gtest/gtest.h>

namespace veilwire::signer {
namespace {

using namespace std::chrono_literals;
using host::protocol::SignerReply;
using host::protocol::SignerStatus;

constexpr WallTime kNoon{1'800'000'000s};

Now at(std::chrono::nanoseconds t) { return {{1h + t}, {kNoon.since_epoch + t}}; }

wire::CertificateAuthority authority(std::chrono::hours life = 24h * 30) {
  const auto made = wire::make_ca({"t",
                                   {"api.example.test", "*.wild.test"},
                                   {kNoon.since_epoch - 24h},
                                   {kNoon.since_epoch + life},
                                   "0123456789abcdef"});
  return std::move(wire::CertificateAuthority::load(made->certificate_pem, made->key_pem.reveal()))
      .value();
}

struct Fixture {
  explicit Fixture(IssuerOptions options = {}, std::chrono::hours life = 24h * 30)
      : issuer(authority(life), std::move(options), crypto::system_random(), at(0s)) {}

  SignerReply ask(const std::string& name, std::chrono::nanoseconds t = 0s) {
    return issuer.answer({++id, name, spki}, at(t));
  }

  Issuer issuer;
  std::string spki = crypto::PrivateKey::generate().public_der();
  std::uint64_t id = 0;
};

TEST(Issuer, SignsForItsHostsAndRepeatsTheRequestsId) {
  Fixture f;
  const SignerReply reply = f.ask("api.example.test");
  EXPECT_EQ(reply.id, 1U);
  EXPECT_EQ(reply.status, SignerStatus::Signed);
  ASSERT_EQ(reply.chain.size(), 1U);
  EXPECT_EQ(reply.not_after, at(24h).wall);
  EXPECT_EQ(f.ask("a.wild.test").status, SignerStatus::Signed);
}

TEST(Issuer, GivesTheSameCertificateUntilAThirdOfItsLifeIsLeft) {
  Fixture f;
  const SignerReply first = f.ask("api.example.test");
  const SignerReply again = f.ask("API.example.test", 15h);
  EXPECT_EQ(again.chain, first.chain);
  EXPECT_EQ(again.id, 2U);
  const SignerReply renewed = f.ask("api.example.test", 16h);
  EXPECT_NE(renewed.chain, first.chain);
  EXPECT_EQ(renewed.not_after, at(40h).wall);
  EXPECT_EQ(f.ask("api.example.test", 17h).chain, renewed.chain);
  EXPECT_EQ(f.issuer.counters().made, 2U);
  EXPECT_EQ(f.issuer.counters().from_cache, 2U);
}

TEST(Issuer, GivesAnotherKeyAnotherCertificate) {
  Fixture f;
  const SignerReply first = f.ask("api.example.test");
  f.spki = crypto::PrivateKey::generate().public_der();
  EXPECT_NE(f.ask("api.example.test").chain, first.chain);
}

TEST(Issuer, RefusesNamesOutsideTheConstraints) {
  Fixture f;
  for (const char* name :
       {"example.test", "evil.test", "api.example.test.evil.test", "", "127.0.0.1", "*.wild.test"})
    EXPECT_EQ(f.ask(name).status, SignerStatus::NotPermitted) << name;
  EXPECT_EQ(f.ask(std::string("api.example.test\0.wild.test", 27)).status,
            SignerStatus::NotPermitted);
  EXPECT_EQ(f.issuer.counters().made, 0U);
}

TEST(Issuer, RefusesNamesThatAreNotConfiguredThoughTheConstraintsPermitThem) {
  IssuerOptions options;
  options.hosts = {"Api.example.test", "*.wild.test"};
  Fixture f(options);
  EXPECT_EQ(f.ask("api.example.test").status, SignerStatus::Signed);
  EXPECT_EQ(f.ask("sub.api.example.test").status, SignerStatus::NotPermitted);
  EXPECT_EQ(f.ask("a.wild.test").status, SignerStatus::Signed);
  EXPECT_EQ(f.ask("wild.test").status, SignerStatus::NotPermitted);
  EXPECT_EQ(f.ask("a.b.wild.test").status, SignerStatus::NotPermitted);
}

TEST(Issuer, RefusesABadKey) {
  Fixture f;
  f.spki = "no key";
  EXPECT_EQ(f.ask("api.example.test").status, SignerStatus::BadRequest);
}

TEST(Issuer, BoundsNewCertificatesButNotRepeatedOnes) {
  IssuerOptions options;
  options.burst = 3;
  options.per_second = 2;
  Fixture f(options);
  const auto ask_new = [&](std::chrono::nanoseconds t) {
    static int n = 0;
    return f.ask("h" + std::to_string(n++) + ".wild.test", t).status;
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask_new(0s), SignerStatus::Signed);
  EXPECT_EQ(ask_new(0s), SignerStatus::TooMany);
  EXPECT_EQ(f.ask("h0.wild.test").status, SignerStatus::Signed);  // kept
  EXPECT_EQ(ask_new(500ms), SignerStatus::Signed);
  EXPECT_EQ(ask_new(900ms), SignerStatus::TooMany);
  EXPECT_EQ(ask_new(1s), SignerStatus::Signed);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask_new(1000s), SignerStatus::Signed);
  EXPECT_EQ(ask_new(1000s), SignerStatus::TooMany);
}

TEST(Issuer, ForgetsWhatWasAskedForLeastRecently) {
  IssuerOptions options;
  options.cached = 2;
  Fixture f(options);
  const auto a = f.ask("a.wild.test").chain, b = f.ask("b.wild.test").chain;
  EXPECT_EQ(f.ask("a.wild.test").chain, a);
  (void)f.ask("c.wild.test");  // b leaves
  EXPECT_EQ(f.ask("a.wild.test").chain, a);
  EXPECT_NE(f.ask("b.wild.test").chain, b);
}

TEST(Issuer, StopsWhenItsAuthorityExpires) {
  Fixture f({}, 24h);
  const SignerReply last = f.ask("api.example.test", 23h);
  EXPECT_EQ(last.status, SignerStatus::Signed);
  EXPECT_EQ(last.not_after, at(24h).wall);
  EXPECT_EQ(f.ask("api.example.test", 24h).status, SignerStatus::Unavailable);
  EXPECT_THROW(Issuer(authority(24h), {}, crypto::system_random(), at(25h)), std::runtime_error);
}

}  // namespace
}  // namespace veilwire::signer
