#include "agent/identity/event_settings.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace veilwire::agent_identity {
namespace {

const std::string kPoll = "poll = \"https://idp.example/events\"\n";
const std::string kIssuer = "issuer = \"https://idp.example\"\n";
const std::string kRest = "audience = \"veilwire\"\ntoken_file = \"/t\"\n";

std::vector<TransmitterSettings> read(const std::string& toml, bool with_idp = true) {
  const auto section = host::Config::parse(toml, "f").section("identity");
  const auto url = identity::parse_url("https://people.example", identity::PlainHttp::No);
  return read_transmitters(section, with_idp ? url : std::nullopt);
}
std::string table(const std::string& toml) { return "[[identity.transmitter]]\n" + toml; }
std::string complaint(const std::string& toml, bool with_idp = true) {
  try {
    (void)read(toml, with_idp);
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

TEST(EventSettings, FewAreEnough) {
  EXPECT_TRUE(read("").empty());
  const auto all = read(table(kPoll + kIssuer + kRest));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].poll.endpoint.text, "https://idp.example/events");
  EXPECT_TRUE(all[0].poll.long_poll);
  EXPECT_EQ(all[0].poll.interval, std::chrono::seconds(15));
  EXPECT_EQ(all[0].expected.transmitter, "https://idp.example");
  EXPECT_EQ(all[0].expected.audience, "veilwire");
  EXPECT_EQ(all[0].expected.issuer, "https://people.example");
  EXPECT_FALSE(all[0].keys);
  EXPECT_EQ(all[0].token_file, "/t");
}

TEST(EventSettings, AllOfThemAreRead) {
  const auto all =
      read(table(kPoll + kIssuer + kRest +
                 "people_issuer = \"https://others.example\"\nkeys = \"https://idp.example/keys\"\n"
                 "long_poll = false\npoll_seconds = 60\n"));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].expected.issuer, "https://others.example");
  EXPECT_EQ(all[0].keys->text, "https://idp.example/keys");
  EXPECT_FALSE(all[0].poll.long_poll);
  EXPECT_EQ(all[0].poll.interval, std::chrono::seconds(60));
}

TEST(EventSettings, WhatCannotBeMeantIsRefusedWithItsPlace) {
  const struct {
    std::string toml, complaint;
  } all[] = {
      {kIssuer + kRest, "poll is missing"},
      {kPoll + kRest, "issuer is missing"},
      {kPoll + kIssuer + "audience = \"veilwire\"\n", "token_file is missing"},
      {kPoll + kIssuer + "token_file = \"/t\"\n", "audience is missing"},
      {"poll = \"http://idp.example/events\"\n" + kIssuer + kRest,
       "poll: must be an https address"},
      {kPoll + "issuer = \"idp.example\"\n" + kRest, "issuer: must be an https address without"},
      {kPoll + kIssuer + kRest + "keys = \"/keys\"\n", "keys: must be an https address"},
      {kPoll + kIssuer + kRest + "poll_seconds = 61\n", "poll_seconds: must be a whole number"},
      {kPoll + kIssuer + kRest + "jwks = \"https://idp.example/keys\"\n", "jwks: unknown key"},
      {kPoll + kIssuer + kRest + table(kPoll + kIssuer + kRest), "poll: is another transmitter's"},
  };
  for (const auto& [toml, expected] : all)
    EXPECT_NE(complaint(table(toml)).find(expected), std::string::npos)
        << toml << "\nwas refused with: " << complaint(table(toml));
}

TEST(EventSettings, WhosePeopleAreMeantIsSaidWhereNobodySignsIn) {
  EXPECT_NE(complaint(table(kPoll + kIssuer + kRest), false).find("people_issuer is missing"),
            std::string::npos);
}

TEST(EventSettings, ATokenFileHoldsATokenForUsAlone) {
  const std::string path = ::testing::TempDir() + "veilwire_transmitter_token";
  const auto write = [&](const std::string& text) { std::ofstream(path) << text; };
  write("made-up-token\n");
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  EXPECT_EQ(read_bearer(path).reveal(), "Bearer made-up-token");
  write("made-up token\nX-Other: 1\n");
  EXPECT_THROW((void)read_bearer(path), std::runtime_error);
  write("\n");
  EXPECT_THROW((void)read_bearer(path), std::runtime_error);
  write("made-up-token\n");
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  EXPECT_THROW((void)read_bearer(path), std::runtime_error);
  std::filesystem::remove(path);
  EXPECT_THROW((void)read_bearer(path), std::runtime_error);
}

}  // namespace
}  // namespace veilwire::agent_identity
