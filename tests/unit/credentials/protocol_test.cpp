#include "agent/host/protocol/credentials.h"

#include <gtest/gtest.h>

namespace veilwire::host::protocol {
namespace {

using namespace std::chrono_literals;

std::string known(std::string value, std::chrono::milliseconds valid_for = 5s) {
  return encode(CredentialAnswer{7, KnownCredential{Secret(std::move(value)), valid_for}})
      .value_or("");
}

TEST(CredentialsProtocol, SurvivesARoundTrip) {
  const CredentialQuestion question{0x0123456789abcdef, "team-key"};
  EXPECT_EQ(decode_credential_question(*encode(question)), question);
  const CredentialQuestion anew{1, "team-key", true};
  EXPECT_EQ(decode_credential_question(*encode(anew)), anew);
  const auto answer = decode_credential_answer(known("key of the team"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->id, 7U);
  EXPECT_EQ(std::get<KnownCredential>(answer->what).value.reveal(), "key of the team");
  EXPECT_EQ(std::get<KnownCredential>(answer->what).valid_for, 5s);
  const auto none = decode_credential_answer(*encode(CredentialAnswer{8, NoCredential{"why"}}));
  ASSERT_TRUE(none);
  EXPECT_EQ(std::get<NoCredential>(none->what).reason, "why");
}

TEST(CredentialsProtocol, TakesNoValueThatCouldEndAFieldOrGoOnBeyondOne) {
  EXPECT_NE(known(std::string(limits::kCredential, 'k')), "");
  for (const std::string& bad :
       {std::string(), std::string("a\r\nb"), std::string("a\n"), std::string("\0a", 2),
        std::string(" a"), std::string("a "), std::string("\xc3\xa9"),
        std::string(limits::kCredential + 1, 'k')})
    EXPECT_EQ(known(bad), "");
  std::string message = known("ab");
  message.back() = '\n';
  EXPECT_FALSE(decode_credential_answer(message));
}

TEST(CredentialsProtocol, TakesOneWordAsAName) {
  for (const std::string& bad : {std::string(), std::string("Team"), std::string("a b"),
                                 std::string("a/b"), std::string(limits::kCredentialName + 1, 'a')})
    EXPECT_FALSE(encode(CredentialQuestion{1, bad})) << bad;
}

TEST(CredentialsProtocol, CutsAReasonAndTheTimeThatSomethingIsGood) {
  const auto none =
      decode_credential_answer(*encode(CredentialAnswer{1, NoCredential{std::string(9999, '\n')}}));
  ASSERT_TRUE(none);
  EXPECT_EQ(std::get<NoCredential>(none->what).reason, std::string(kCredentialReason, '?'));
  const auto answer = decode_credential_answer(known("key", 1000h));
  ASSERT_TRUE(answer);
  EXPECT_EQ(std::get<KnownCredential>(answer->what).valid_for, kCredentialLongestValidity);
  EXPECT_EQ(known("key", -1s), "");
}

TEST(CredentialsProtocol, RefusesOtherVersionsAndKinds) {
  const std::string question = *encode(CredentialQuestion{1, "key"}), answer = known("key");
  EXPECT_FALSE(decode_credential_question(answer));
  EXPECT_FALSE(decode_credential_answer(question));
  EXPECT_FALSE(decode_credential_question(question.substr(0, 20)));
  EXPECT_FALSE(decode_credential_question(""));
  std::string other = question;
  other[4] = 1;
  EXPECT_FALSE(decode_credential_question(other));
}

}  // namespace
}  // namespace veilwire::host::protocol
