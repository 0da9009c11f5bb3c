#include "agent/setup/answers.h"

#include "agent/host/config.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::setup {
namespace {

std::string complaint(const std::string& toml) try {
  (void)read_answers(toml, "/x/setup.toml");
  return {};
} catch (const host::ConfigError& e) {
  return e.what();
}

TEST(Answers, NothingMeansTheDefaults) {
  const Answers answers = read_answers("", "/x/setup.toml");
  EXPECT_EQ(answers.ca, Answers::Ca::Made);
  EXPECT_TRUE(answers.system_store && answers.node && answers.start);
  EXPECT_EQ(answers.tables, "");
}

TEST(Answers, PathsAreRelativeToTheFile) {
  const Answers answers = read_answers(
      "[ca]\nfrom = \"imported\"\ncertificate = \"ca.pem\"\nkey = \"/keys/ca.key\"\n"
      "[policy]\nfile = \"../policy.toml\"\n"
      "[[host.file]]\npath = \"/etc/veilwire/saml-idp.xml\"\nsource = \"idp.xml\"\nmode = "
      "\"0640\"\n",
      "/x/setup.toml");
  EXPECT_EQ(answers.certificate, "/x/ca.pem");
  EXPECT_EQ(answers.key, "/keys/ca.key");
  EXPECT_EQ(answers.policy, "/policy.toml");
  ASSERT_EQ(answers.files.size(), 1u);
  EXPECT_EQ(answers.files[0].source, "/x/idp.xml");
  EXPECT_EQ(answers.files[0].mode, 0640u);
}

TEST(Answers, MistakesHaveTheirPlace) {
  EXPECT_EQ(complaint("[ca]\ndays = 0\n"),
            "/x/setup.toml:2:8: [ca] days: must be a whole number from 1 to 3650");
  EXPECT_NE(complaint("\n[trust]\nnod = true\n").find("/x/setup.toml:3:1: [trust] nod: unknown"),
            std::string::npos);
  EXPECT_NE(complaint("node = true\n").find("1:1: node: stands outside of a table"),
            std::string::npos);
}

TEST(Answers, WhatDoesNotGoTogetherIsRefused) {
  for (const char* toml :
       {"[ca]\ncertificate = \"a\"\n", "[ca]\nfrom = \"imported\"\ncertificate = \"a\"\n",
        "[ca]\nfrom = \"imported\"\nkey = \"a\"\n", "[ca]\nfrom = \"requested\"\nkey = \"a\"\n",
        "[ca]\nfrom = \"requested\"\ndays = 3\n"})
    EXPECT_NE(complaint(toml), "") << toml;
}

TEST(Answers, FilesGoOnlyWhereOursAre) {
  for (const char* path : {"/etc/passwd", "/etc/veilwire/../passwd", "/etc/veilwire", "relative",
                           "/var/lib/veilwire-setup/journal", "/var/lib/veilwire-key", ""})
    EXPECT_NE(complaint("[[host.file]]\nsource = \"x\"\npath = \"" + std::string(path) + "\"\n"),
              "")
        << path;
  for (const char* mode : {"0666", "0x10", "9", "", "7777", "0000000644444"})
    EXPECT_NE(complaint("[[host.file]]\nsource = \"x\"\npath = \"/etc/veilwire/a\"\nmode = \"" +
                        std::string(mode) + "\"\n"),
              "")
        << mode;
}

}  // namespace
}  // namespace veilwire::setup
