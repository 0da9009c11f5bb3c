#include "agent/setup/questions.h"

#include "agent/setup/answers.h"

#include <sstream>

#include <gtest/gtest.h>

namespace veilwire::setup {
namespace {

Answers asked(const std::string& said) {
  std::istringstream in(said);
  std::ostringstream out;
  return read_answers(ask_answers(in, out, {"api.anthropic.com"}), "/x/answers");
}

TEST(Questions, NothingSaidMeansTheDefaults) {
  const Answers answers = asked("\n\n\n\n\n\n\n");
  EXPECT_EQ(answers.ca, Answers::Ca::Made);
  EXPECT_TRUE(answers.hosts.empty());
  EXPECT_TRUE(answers.system_store && answers.node && answers.start);
  EXPECT_NE(answers.tables.find("local"), std::string::npos);
}

TEST(Questions, WhatIsSaidIsWhatAFleetWouldWrite) {
  const Answers answers = asked(
      "bought\nimported\na.example, *.b.example\nca.pem\n\nca.key\nno\nyes\nmy.toml\nsaml\nuid\n"
      "urn:us\nidp.xml\nno\n");
  EXPECT_EQ(answers.ca, Answers::Ca::Imported);
  EXPECT_EQ(answers.hosts, (std::vector<std::string>{"a.example", "*.b.example"}));
  EXPECT_EQ(answers.certificate, "/x/ca.pem");
  EXPECT_EQ(answers.key, "/x/ca.key");
  EXPECT_FALSE(answers.system_store);
  EXPECT_EQ(answers.policy, "/x/my.toml");
  ASSERT_EQ(answers.files.size(), 1u);
  EXPECT_EQ(answers.files[0].source, "/x/idp.xml");
  EXPECT_NE(answers.tables.find("urn:us"), std::string::npos);
  EXPECT_FALSE(answers.start);
}

TEST(Questions, ThatEndInTheMiddleAreNoAnswers) { EXPECT_THROW((void)asked("made\n"), NoAnswer); }

}  // namespace
}  // namespace veilwire::setup
