// The conversations with an IdP, carried to real ones and back: what our reading of the standards
// is worth. Each is had with every program; where they differ is in the table of habits.
#include "tests/support/real_idp.h"
#include "tests/unit/identity/carried.h"
#include "userspace/crypto/random.h"
#include "userspace/identity/authorization_request.h"
#include "userspace/identity/device_flow.h"
#include "userspace/identity/introspection.h"
#include "userspace/identity/jwt.h"
#include "userspace/identity/key_cache.h"
#include "userspace/identity/revocation.h"
#include "userspace/identity/token_request.h"
#include "userspace/identity/userinfo.h"

#include <map>
#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

struct Habits {
  testing::IdpProgram program{};
  std::string_view name;
  // Whom a machine's token is for, where it does not ask for a resource.
  std::string_view machine_audience;
  // The subject is the name, and nothing made up.
  bool subject_is_name = false;
  // It says no as RFC 6749, 5.2 has it. Otherwise it does with a status alone, or a word of its
  // own, and we take that for an IdP that fails: a proxy on the way says as much, and nobody is to
  // be signed out by one. A session ends all the same, when introspection says that its token is
  // not active, or once the last word is too old.
  bool refuses_by_the_book = false;
  // Who has no secret may give tokens back, and who has one may ask about those of others.
  // Otherwise people have to sign in through a client with a secret, that asks about its own.
  bool takes_tokens_of_others = false;
  // A refresh brings an ID token (OpenID Connect Core 1.0, 12.2 leaves it open), and with it the
  // groups of today; otherwise those are asked for.
  bool refreshes_id_token = false;
};

constexpr Habits kPrograms[] = {
    {
        .program = testing::IdpProgram::OidcProvider,
        .name = "OidcProvider",
        .machine_audience = "https://veilwire.test",
        .subject_is_name = true,
        .refuses_by_the_book = true,
        .takes_tokens_of_others = true,
        .refreshes_id_token = true,
    },
    {
        .program = testing::IdpProgram::Glewlwyd,
        .name = "Glewlwyd",
        .machine_audience = "profile",  // the scope
    },
};

class IdpConversation : public ::testing::TestWithParam<Habits> {
 protected:
  static void TearDownTestSuite() { running_.clear(); }

  void SetUp() override {
    auto& running = running_[GetParam().program];
    if (!running)
      running = std::make_unique<testing::RealIdp>(VEILWIRE_SOURCE_DIR, GetParam().program);
    idp_ = running.get();
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
  VerifiedToken verified_id(const Tokens& tokens, const OidcClient& client) {
    return verified(tokens.id_token,
                    {.issuer = idp_->issuer(), .audience = client.id(), .groups = {"groups"}});
  }
  VerifiedToken verified_id(const Tokens& tokens) { return verified_id(tokens, person_); }
  void expect_person(const VerifiedToken& token, std::string_view name) {
    EXPECT_EQ(token.preferred_username, name);
    EXPECT_EQ(token.subject == name, GetParam().subject_is_name) << token.subject;
  }
  void expect_refusal(const Result<Tokens, IdpFault>& answer, OAuthError code, IdpVerdict meaning) {
    ASSERT_FALSE(answer);
    const bool by_the_book = GetParam().refuses_by_the_book;
    EXPECT_EQ(answer.error().code, by_the_book ? code : OAuthError::Other)
        << to_string(answer.error());
    EXPECT_EQ(verdict(answer.error()), by_the_book ? meaning : IdpVerdict::Failing);
  }
  // The person signs in on another device.
  Tokens sign_in(const std::string& name) { return sign_in(name, person_); }
  Tokens sign_in(const std::string& name, const OidcClient& client) {
    auto start = read_device_start(ask(device_authorization_request(context(client), kScope)),
                                   *parse_issuer(idp_->issuer()), mono());
    EXPECT_TRUE(start) << to_string(start.error());
    DeviceFlow flow(std::move(start).value(), mono());
    const auto poll = [&] {
      const Monotonic due = flow.due().value();
      flow.asked(due);
      return flow.answered(ask(device_code_request(context(client), flow.start().device_code)), due,
                           0);
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
  static std::map<testing::IdpProgram, std::unique_ptr<testing::RealIdp>> running_;
  testing::RealIdp* idp_ = nullptr;
  OidcProvider provider_;
  KeyCache keys_;
  crypto::RandomSource random_ = crypto::system_random();
  OidcClient person_ = OidcClient::without_secret("workstation");
  OidcClient terminals_ = OidcClient::with_secret_basic(
      "terminal-server", Secret(std::string("made-up-secret-of-a-test")));
  OidcClient machine_ = OidcClient::with_secret_basic(
      "build-server", Secret(std::string("made-up-secret-of-a-test")));
};
std::map<testing::IdpProgram, std::unique_ptr<testing::RealIdp>> IdpConversation::running_;

std::string name_of(const ::testing::TestParamInfo<Habits>& test) {
  return std::string(test.param.name);
}
INSTANTIATE_TEST_SUITE_P(With, IdpConversation, ::testing::ValuesIn(kPrograms), name_of);

using Groups = std::vector<std::string>;

TEST_P(IdpConversation, AMachineIsGivenATokenThatVerifies) {
  const Tokens given =
      tokens(client_credentials_request(context(machine_), "profile", ""), IdToken::Optional);
  const VerifiedToken token =
      verified(given.access_token, {.kind = TokenKind::Access,
                                    .issuer = idp_->issuer(),
                                    .audience = std::string(GetParam().machine_audience)});
  EXPECT_EQ(token.subject, "build-server");
  EXPECT_EQ(token.authorized_party, "build-server");
  const OidcClient other = OidcClient::with_secret_basic("build-server", Secret(std::string("x")));
  const auto refused = read_tokens(ask(client_credentials_request(context(other), "profile", "")),
                                   IdToken::Optional, mono());
  expect_refusal(refused, OAuthError::InvalidClient, IdpVerdict::Misconfigured);
}

TEST_P(IdpConversation, APersonSignsInOnAnotherDevice) {
  const VerifiedToken token = verified_id(sign_in("alice"));
  expect_person(token, "alice");
  EXPECT_EQ(token.groups, (Groups{"developers", "release"}));
}

TEST_P(IdpConversation, APersonSignsInInABrowser) {
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
  expect_person(token, "bob");
  EXPECT_EQ(token.groups, (Groups{"developers"}));
  // A code that was caught is worth nothing.
  const auto again = read_tokens(
      ask(code_request(context(person_), *code, request->redirect_uri(), request->verifier())),
      IdToken::Required, mono());
  expect_refusal(again, OAuthError::InvalidGrant, IdpVerdict::Denied);
}

TEST_P(IdpConversation, ARefreshTellsWhatHasChanged) {
  idp_->tell("person", R"({"name":"carol","groups":["developers","release"]})");
  Tokens held = sign_in("carol");
  EXPECT_EQ(verified_id(held).groups, (Groups{"developers", "release"}));
  idp_->tell("person", R"({"name":"carol","groups":["developers"]})");
  const std::string old(held.refresh_token.reveal());
  renew(held, tokens(refresh_request(context(person_), held.refresh_token), IdToken::Optional));
  EXPECT_NE(held.refresh_token.reveal(), old);
  const VerifiedToken said = verified_id(held);
  if (GetParam().refreshes_id_token) {
    EXPECT_EQ(said.groups, (Groups{"developers"}));
  } else {
    EXPECT_EQ(said.groups, (Groups{"developers", "release"}));
    const auto info =
        read_userinfo(ask(userinfo_request(provider_, held)), said.subject, {"groups"});
    ASSERT_TRUE(info) << to_string(info.error());
    EXPECT_EQ(info->groups, (Groups{"developers"}));
  }
  idp_->tell("person", R"({"name":"carol","gone":true})");
  const auto refused = read_tokens(ask(refresh_request(context(person_), held.refresh_token)),
                                   IdToken::Optional, mono());
  expect_refusal(refused, OAuthError::InvalidGrant, IdpVerdict::Denied);
}

TEST_P(IdpConversation, ATokenThatIsGivenBackIsWorthNothing) {
  const bool of_others = GetParam().takes_tokens_of_others;
  const OidcClient& holder = of_others ? person_ : terminals_;
  const OidcClient& asker = of_others ? machine_ : terminals_;
  const Tokens held = sign_in("alice", holder);
  const std::string subject = verified_id(held, holder).subject;
  const auto standing = [&] {
    return read_introspection(
        ask(introspection_request(context(asker), held.refresh_token, TokenHint::RefreshToken)),
        {});
  };
  const auto before = standing();
  ASSERT_TRUE(before) << to_string(before.error());
  EXPECT_TRUE(confirms(*before, idp_->issuer(), subject, wall()));
  const auto revoked = read_revocation(
      ask(revocation_request(context(holder), held.refresh_token, TokenHint::RefreshToken)));
  EXPECT_TRUE(revoked) << to_string(revoked.error());
  const auto after = standing();
  ASSERT_TRUE(after) << to_string(after.error());
  EXPECT_FALSE(after->active);
}

TEST_P(IdpConversation, NewKeysAreAskedForWhenATokenNamesOne) {
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
  expect_person(verified_id(held), "alice");
}

// Only the one can be told to fail, which is a matter of ours and not of its program.
class IdpInTrouble : public IdpConversation {};
INSTANTIATE_TEST_SUITE_P(With, IdpInTrouble, ::testing::Values(kPrograms[0]), name_of);

TEST_P(IdpInTrouble, SaysNothingAboutThePerson) {
  const Tokens held = sign_in("alice");
  idp_->tell("trouble", R"({"status":503})");
  const auto failed = read_tokens(ask(refresh_request(context(person_), held.refresh_token)),
                                  IdToken::Optional, mono());
  ASSERT_FALSE(failed);
  EXPECT_EQ(verdict(failed.error()), IdpVerdict::Failing);
  EXPECT_FALSE(keys_.answered(ask(key_set_request(provider_)), mono(), 0));
  expect_person(verified_id(held), "alice");  // by the keys that are there
  idp_->tell("trouble", "{}");
}

}  // namespace
}  // namespace veilwire::identity
