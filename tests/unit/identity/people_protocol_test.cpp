#include "agent/host/protocol/people.h"
#include "userspace/base/limits.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::host::protocol {
namespace {

using std::chrono::seconds;
using Ask = PeopleAsk::What;
using Answer = PeopleAnswer::What;

TEST(PeopleProtocol, AsksAreReadAsTheyWereWritten) {
  const auto again = [](PeopleAsk ask) { return decode_people_ask(encode(ask).reveal()); };
  for (const Ask what : {Ask::WhoAmI, Ask::LoginDevice, Ask::Logout, Ask::Sessions}) {
    const auto read = again({.what = what});
    ASSERT_TRUE(read);
    EXPECT_EQ(read->what, what);
  }
  const auto login = again({.what = Ask::Login, .port = 40000});
  ASSERT_TRUE(login);
  EXPECT_EQ(login->port, 40000);
  const std::string text = "/signed-in?code=\"x\"\\\n&state=\xc3\xa9";
  for (const Ask what : {Ask::Callback, Ask::Attach, Ask::Revoke}) {
    const auto read = again({.what = what, .text = Secret(std::string(text))});
    ASSERT_TRUE(read);
    EXPECT_EQ(read->text.reveal(), text);
  }
  const std::string lines = std::string(limits::kSamlResponse, 'A') + "\r\n";
  const auto response =
      again({.what = Ask::Response, .text = Secret(std::string(lines)), .relay_state = "state"});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->text.reveal(), lines);
  EXPECT_EQ(response->relay_state, "state");
}

TEST(PeopleProtocol, WhatIsNoAskIsRefused) {
  const auto error = [](std::string_view message) {
    const auto read = decode_people_ask(message);
    EXPECT_FALSE(read) << message;
    return read ? PeopleProtocolError{} : read.error();
  };
  for (const std::string_view message :
       {"", "whoami", "[]", R"({"veilwire":1})", R"({"veilwire":1,"ask":"who"})",
        R"({"veilwire":1,"ask":"login"})", R"({"veilwire":1,"ask":"login","port":65536})",
        R"({"veilwire":1,"ask":"whoami","port":5})", R"({"veilwire":1,"ask":"attach"})",
        R"({"veilwire":1,"ask":"attach","text":""})", R"({"veilwire":1,"ask":"attach","text":5})",
        R"({"veilwire":1,"ask":"whoami","text":"x"})",
        R"({"veilwire":1,"ask":"response","text":"x"})",
        R"({"veilwire":1,"ask":"callback","text":"x","relay_state":"s"})",
        R"({"veilwire":1,"ask":"whoami","ask":"logout"})"})
    EXPECT_EQ(error(message), PeopleProtocolError::Malformed);
  EXPECT_EQ(error(R"({"veilwire":2,"ask":"whoami"})"), PeopleProtocolError::OtherVersion);
  EXPECT_EQ(error(R"({"ask":"whoami"})"), PeopleProtocolError::OtherVersion);
  const PeopleAsk large{.what = Ask::Attach, .text = Secret(std::string(kPeopleAsk, 'x'))};
  EXPECT_EQ(error(encode(large).reveal()), PeopleProtocolError::Malformed);
}

TEST(PeopleProtocol, AnswersAreReadAsTheyWereWritten) {
  PeopleAnswer answer{.what = Answer::Session};
  answer.session = PeopleSession{.issuer = "https://idp.example",
                                 .subject = "s\"1",
                                 .name = "Alice",
                                 .groups = {"developers", "release"},
                                 .person_class = "human",
                                 .method = "pkce",
                                 .binding = "login of user 1000",
                                 .standing = "fresh",
                                 .age = seconds(7),
                                 .expires = seconds(600)};
  const auto read = decode_people_answer(encode(answer));
  ASSERT_TRUE(read && read->session);
  EXPECT_EQ(read->session->subject, "s\"1");
  EXPECT_EQ(read->session->groups, answer.session->groups);
  EXPECT_FALSE(read->session->groups_cut);
  EXPECT_EQ(read->session->method, "pkce");
  EXPECT_EQ(read->session->age, seconds(7));
  EXPECT_EQ(read->session->expires, seconds(600));
  const auto device = decode_people_answer(encode({.what = Answer::Device,
                                                   .text = "https://idp.example/device",
                                                   .code = "AB-CD",
                                                   .complete = "https://idp.example/device?c=AB-CD",
                                                   .expires = seconds(120)}));
  ASSERT_TRUE(device);
  EXPECT_EQ(device->code, "AB-CD");
  EXPECT_EQ(device->expires, seconds(120));
  const auto address = decode_people_answer(encode({.what = Answer::Address,
                                                    .text = "https://idp.example",
                                                    .callback = "http://127.0.0.1:1/s"}));
  ASSERT_TRUE(address);
  EXPECT_EQ(address->callback, "http://127.0.0.1:1/s");
  const auto done = decode_people_answer(encode({.what = Answer::Done, .count = 3}));
  ASSERT_TRUE(done);
  EXPECT_EQ(done->count, 3U);
}

TEST(PeopleProtocol, GroupsThatDoNotFitAreLeftOutAndSaidToBe) {
  PeopleAnswer answer{.what = Answer::Session, .session = PeopleSession{}};
  answer.session->groups.assign(1000, std::string(1024, 'g'));
  const std::string bytes = encode(answer);
  EXPECT_LE(bytes.size(), kPeopleAnswer);
  const auto read = decode_people_answer(bytes);
  ASSERT_TRUE(read && read->session);
  EXPECT_TRUE(read->session->groups.empty());
  EXPECT_TRUE(read->session->groups_cut);
}

TEST(PeopleProtocol, ALongTextIsCutBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "\xc3\xa9";
  const auto read = decode_people_answer(encode({.what = Answer::Refused, .text = "x" + text}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->text, "x" + text.substr(0, read->text.size() - 1));
}

}  // namespace
}  // namespace veilwire::host::protocol
