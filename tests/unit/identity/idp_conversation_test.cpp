// The conversations with an IdP, carried to a real one and back: what our reading of the standards
// is worth.
#include "agent/identity/idp_client.h"
#include "tests/support/real_idp.h"
#include "userspace/crypto/random.h"
#include "userspace/identity/authorization_request.h"
#include "userspace/identity/device_flow.h"
#include "userspace/identity/introspection.h"
#include "userspace/identity/jwt.h"
#include "userspace/identity/key_cache.h"
#include "userspace/identity/revocation.h"
#include "userspace/identity/token_request.h"

#include <chrono>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kPatience{20};  // only what is broken takes this long

WallTime wall() { return {std::chrono::system_clock::now().time_since_epoch()}; }
Monotonic mono() { return {std::chrono::steady_clock::now().time_since_epoch()}; }

class IdpConversation : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { idp_ = std::make_unique<testing::RealIdp>(VEILWIRE_SOURCE_DIR); }
  static void TearDownTestSuite() { idp_.reset(); }

  void SetUp() override {
    const auto issuer = parse_issuer(idp_->issuer());
    ASSERT_TRUE(issuer);
    auto provider = read_discovery(ask(discovery_request(*issuer)), *issuer);
    ASSERT_TRUE(provider) << to_string(provider.error());
    provider_ = *std::move(provider);
    fetch_keys();
  }
  void fetch_keys() {
    keys_.asked(mono());
    const auto taken = keys_.answered(ask(key_set_request(provider_)), mono(), 0);
    ASSERT_TRUE(taken) << to_string(taken.error());
  }

  static IdpResponse ask(const IdpRequest& request) {
    asio::io_context io;
    agent_identity::IdpClient client(io, nullptr, wall);
    IdpResponse response;
    asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> {
          auto answer = co_await client.ask(request, kPatience);
          EXPECT_TRUE(answer) << agent_identity::to_string(answer.error().error);
          if (answer) response = std::move(answer).value();
        },
        asio::detached);
    io.run();
    return response;
  }
  static IdpResponse ask(const std::optional<IdpRequest>& request) {
    EXPECT_TRUE(request);
    return request ? ask(*request) : IdpResponse();
  }
  ClientContext context(const OidcClient& client) const {
    return {.provider = provider_, .client = client, .now = wall(), .random = random_};
  }
  Tokens tokens(const std::optional<IdpRequest>& request, IdToken id_token) {
    auto tokens = read_tokens(ask(request), id_token, mono());
    EXPECT_TRUE(tokens) << to_string(tokens.error());
    return tokens ? std::move(tokens).value() : Tokens();
  }
  VerifiedToken verified(const Secret& token, const TokenExpectation& expected) {
    auto verified = verify_token(token.reveal(), *keys_.keys(mono()), expected, wall());
    EXPECT_TRUE(verified) << to_string(verified.error().error) << verified.error().about;
    return verified ? std::move(verified).value() : VerifiedToken();
  }
  VerifiedToken verified_id(const Tokens& tokens) {
    return verified(tokens.id_token,
                    {.issuer = idp_->issuer(), .audience = "workstation", .groups = {"groups"}});
  }
  // The person signs in on another device.
  Tokens sign_in(const std::string& name) {
    auto start = read_device_start(ask(device_authorization_request(context(person_), kScope)),
                                   *parse_issuer(idp_->issuer()), mono());
    EXPECT_TRUE(start) << to_string(start.error());
    DeviceFlow flow(std::move(start).value(), mono());
    const auto poll = [&] {
      const Monotonic due = flow.due().value();
      flow.asked(due);
      return flow.answered(ask(device_code_request(context(person_), flow.start().device_code)),
                           due, 0);
    };
    EXPECT_FALSE(poll());
    EXPECT_EQ(flow.state(mono()), DeviceFlow::State::Waiting);
    idp_->visit(name, flow.start().verification_uri_complete);
    auto tokens = poll();
    EXPECT_TRUE(tokens);
    EXPECT_EQ(flow.state(mono()), DeviceFlow::State::Done);
    return tokens ? *std::move(tokens) : Tokens();
  }

  static constexpr std::string_view kScope = "openid offline_access profile groups";
  static std::unique_ptr<testing::RealIdp> idp_;
  OidcProvider provider_;
  KeyCache keys_;
  crypto::RandomSource random_ = crypto::system_random();
  OidcClient person_ = OidcClient::without_secret("workstation");
  OidcClient machine_ = OidcClient::with_secret_basic(
      "build-server", Secret(std::string("made-up-secret-of-a-test")));
};
std::unique_ptr<testing::RealIdp> IdpConversation::idp_;

using Groups = std::vector<std::string>;

TEST_F(IdpConversation, AMachineIsGivenATokenThatVerifies) {
  const Tokens given =
      tokens(client_credentials_request(context(machine_), "profile", ""), IdToken::Optional);
  const VerifiedToken token = verified(
      given.access_token,
      {.kind = TokenKind::Access, .issuer = idp_->issuer(), .audience = "https://veilwire.test"});
  EXPECT_EQ(token.subject, "build-server");
  EXPECT_EQ(token.authorized_party, "build-server");
  const OidcClient other = OidcClient::with_secret_basic("build-server", Secret(std::string("x")));
  const auto refused = read_tokens(ask(client_credentials_request(context(other), "profile", "")),
                                   IdToken::Optional, mono());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, OAuthError::InvalidClient);
  EXPECT_EQ(verdict(refused.error()), IdpVerdict::Misconfigured);
}

TEST_F(IdpConversation, APersonSignsInOnAnotherDevice) {
  const VerifiedToken token = verified_id(sign_in("alice"));
  EXPECT_EQ(token.subject, "alice");
  EXPECT_EQ(token.preferred_username, "alice");
  EXPECT_EQ(token.groups, (Groups{"developers", "release"}));
}

TEST_F(IdpConversation, APersonSignsInInABrowser) {
  auto request =
      AuthorizationRequest::make(provider_, "workstation", {.port = 9, .path = "/signed-in"},
                                 {.scope = std::string(kScope), .prompt = "consent"}, random_);
  ASSERT_TRUE(request);
  const std::string end = idp_->visit("bob", request->url());
  const std::string origin = "http://127.0.0.1:9";
  ASSERT_TRUE(end.starts_with(origin)) << end;
  EXPECT_FALSE(request->take_callback("/signed-in?code=x&state=y"));
  const auto code = request->take_callback(end.substr(origin.size()));
  ASSERT_TRUE(code) << to_string(code.error().error);
  const Tokens given =
      tokens(code_request(context(person_), *code, request->redirect_uri(), request->verifier()),
             IdToken::Required);
  const VerifiedToken token = verified(given.id_token, {.issuer = idp_->issuer(),
                                                        .audience = "workstation",
                                                        .nonce = request->nonce(),
                                                        .groups = {"groups"}});
  EXPECT_EQ(token.subject, "bob");
  EXPECT_EQ(token.groups, (Groups{"developers"}));
  // A code that was caught is worth nothing.
  const auto again = read_tokens(
      ask(code_request(context(person_), *code, request->redirect_uri(), request->verifier())),
      IdToken::Required, mono());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, OAuthError::InvalidGrant);
}

TEST_F(IdpConversation, ARefreshTellsWhatHasChanged) {
  idp_->tell("person", R"({"name":"carol","groups":["developers","release"]})");
  Tokens held = sign_in("carol");
  EXPECT_EQ(verified_id(held).groups, (Groups{"developers", "release"}));
  idp_->tell("person", R"({"name":"carol","groups":["developers"]})");
  const std::string old(held.refresh_token.reveal());
  renew(held, tokens(refresh_request(context(person_), held.refresh_token), IdToken::Optional));
  EXPECT_NE(held.refresh_token.reveal(), old);
  EXPECT_EQ(verified_id(held).groups, (Groups{"developers"}));
  idp_->tell("person", R"({"name":"carol","gone":true})");
  const auto refused = read_tokens(ask(refresh_request(context(person_), held.refresh_token)),
                                   IdToken::Optional, mono());
  ASSERT_FALSE(refused);
  EXPECT_EQ(verdict(refused.error()), IdpVerdict::Denied) << to_string(refused.error());
}

TEST_F(IdpConversation, ATokenThatIsGivenBackIsWorthNothing) {
  const Tokens held = sign_in("alice");
  const auto standing = [&] {
    return read_introspection(
        ask(introspection_request(context(machine_), held.refresh_token, TokenHint::RefreshToken)),
        {});
  };
  const auto before = standing();
  ASSERT_TRUE(before) << to_string(before.error());
  EXPECT_TRUE(confirms(*before, idp_->issuer(), "alice", wall()));
  const auto revoked = read_revocation(
      ask(revocation_request(context(person_), held.refresh_token, TokenHint::RefreshToken)));
  EXPECT_TRUE(revoked) << to_string(revoked.error());
  const auto after = standing();
  ASSERT_TRUE(after) << to_string(after.error());
  EXPECT_FALSE(after->active);
}

TEST_F(IdpConversation, NewKeysAreAskedForWhenATokenNamesOne) {
  idp_->tell("keys", "{}");
  const Tokens held = sign_in("alice");
  const TokenExpectation expected{
      .issuer = idp_->issuer(), .audience = "workstation", .groups = {"groups"}};
  const auto unknown = verify_token(held.id_token.reveal(), *keys_.keys(mono()), expected, wall());
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().error, TokenError::UnknownKey);
  EXPECT_FALSE(keys_.unknown_key(mono()));  // they have just been asked for
  EXPECT_TRUE(keys_.unknown_key(mono() + limits::kKeySetPause));
  fetch_keys();
  EXPECT_EQ(verified_id(held).subject, "alice");
}

TEST_F(IdpConversation, AnIdpThatFailsSaysNothingAboutThePerson) {
  const Tokens held = sign_in("alice");
  idp_->tell("trouble", R"({"status":503})");
  const auto failed = read_tokens(ask(refresh_request(context(person_), held.refresh_token)),
                                  IdToken::Optional, mono());
  ASSERT_FALSE(failed);
  EXPECT_EQ(verdict(failed.error()), IdpVerdict::Failing);
  EXPECT_FALSE(keys_.answered(ask(key_set_request(provider_)), mono(), 0));
  EXPECT_EQ(verified_id(held).subject, "alice");  // by the keys that are there
  idp_->tell("trouble", "{}");
}

}  // namespace
}  // namespace veilwire::identity
