#include "userspace/masking/rule_pack.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::masking {
namespace {

std::string error_of(std::string_view toml) {
  const auto pack = parse_rule_pack(toml, "test.toml");
  if (pack) return "";
  return std::to_string(pack.error().line) + ":" + std::to_string(pack.error().column) + ": " +
         pack.error().message;
}

TEST(RulePack, ReadsEveryKey) {
  const auto pack = parse_rule_pack(R"toml(
title = "rules"
[[rules]]
id = "a-1"
description = "d"
category = "pii"
regex = '''x(\d+)'''
secretGroup = 1
max_length = 64
entropy = 3.5
keywords = ["Key", "x"]
validator = "luhn"
replacement = "[gone]"
positive = ["x1"]
negative = ["x"]
source = "nowhere"
tags = ["t"]
[[rules.allowlists]]
regexes = ['''^0''']
stopwords = ["Example"]
[[rules.allowlists]]
regexTarget = "match"
regexes = ['''^x00''']
[[rules]]
id = "b"
begin = "B"
end = "E"
)toml",
                                    "test.toml");
  ASSERT_TRUE(pack) << pack.error().message;
  EXPECT_EQ(pack->name, "test.toml");
  ASSERT_EQ(pack->rules.size(), 2U);
  const Rule& a = pack->rules[0];
  EXPECT_EQ(a.id, "a-1");
  EXPECT_EQ(a.category, "pii");
  EXPECT_EQ(a.regex, "x(\\d+)");
  EXPECT_EQ(a.secret_group, 1U);
  EXPECT_EQ(a.max_length, 64U);
  EXPECT_DOUBLE_EQ(a.entropy, 3.5);
  EXPECT_EQ(a.keywords, (std::vector<std::string>{"key", "x"}));
  EXPECT_EQ(a.validator, "luhn");
  EXPECT_EQ(a.replacement, "[gone]");
  EXPECT_EQ(a.allow, std::vector<std::string>{"^0"});
  EXPECT_EQ(a.allow_match, std::vector<std::string>{"^x00"});
  EXPECT_EQ(a.stopwords, std::vector<std::string>{"example"});
  EXPECT_EQ(a.positive, std::vector<std::string>{"x1"});
  EXPECT_EQ(pack->rules[1].category, "secret");
  EXPECT_EQ(pack->rules[1].begin, "B");
}

TEST(RulePack, AGitleaksFileIsAPack) {
  const auto pack = parse_rule_pack(R"toml(
title = "gitleaks config"
minVersion = "v8.25.0"
[allowlist]
description = "global"
paths = ['''gitleaks\.toml''']
regexes = ['''(?i)^true|false|null$''']
[[rules]]
id = "adafruit-api-key"
description = "Identified a potential Adafruit API Key"
regex = '''(?i)[\w.-]{0,50}?(?:adafruit)(?:[ \t\w.-]{0,20})[\s'"]{0,3}(?:=|>|:{1,3}=)[\x60'"\s=]{0,5}([a-z0-9_-]{32})(?:[\x60'"\s;]|\\[nr]|$)'''
keywords = ["adafruit"]
[[rules]]
id = "pkcs12-file"
path = '''(?i)(?:^|\/)[^\/]+\.p(?:12|fx)$'''
[[rules]]
id = "x"
regex = '''x-([a-z]{10})'''
entropy = 2
[[rules.allowlists]]
condition = "AND"
paths = ['''x''']
regexes = ['''y''']
[[rules.allowlists]]
regexTarget = "line"
regexes = ['''z''']
)toml",
                                    "gitleaks.toml");
  ASSERT_TRUE(pack) << pack.error().line << ": " << pack.error().message;
  ASSERT_EQ(pack->rules.size(), 2U) << "a rule about file names has nothing to say of a stream";
  EXPECT_TRUE(pack->rules[1].allow.empty()) << "what depends on a path lets nothing through";
}

TEST(RulePack, ErrorsNameLineAndColumn) {
  EXPECT_EQ(error_of("[[rules]]\nid = 'a'\nregexp = 'x'\n"), "3:1: unknown key 'regexp'");
  EXPECT_EQ(error_of("colour = 1\n"), "1:1: unknown key 'colour'");
  EXPECT_EQ(error_of("[[rules]]\nid = 'a'\nregex = 7\n"), "3:9: expected a string");
  EXPECT_EQ(error_of("[[rules]]\nid = 'a'\nregex = 'x'\nentropy = -1\n"),
            "4:11: expected bits a byte, from 0 to 8");
  EXPECT_EQ(error_of("[[rules]]\nid = 'a'\nregex = 'x'\nvalidator = 'none'\n"),
            "4:13: unknown validator 'none'");
  EXPECT_EQ(error_of("[[rules]]\nid = 'a'\nregex = 'x'\nsecretGroup = 1000\n"),
            "4:15: expected a number from 0 to 100");
  EXPECT_EQ(error_of("[[rules]]\nid = 'a'\nregex = 'x'\n[[rules]]\nid = 'a'\nregex = 'y'\n"),
            "4:1: a second rule 'a'");
  EXPECT_EQ(error_of("[[rules]]\nregex = 'x'\n"), "1:1: a rule without an id");
  EXPECT_EQ(error_of("[[rules]]\nid = 'A b'\nregex = 'x'\n").substr(0, 5), "1:1: ");
  EXPECT_EQ(error_of("[[rules]]\nid = 'a'\n"), "1:1: rule 'a': either regex, or begin and end");
  EXPECT_EQ(error_of("[[rules]]\nid = 'a'\nbegin = 'x'\n"),
            "1:1: rule 'a': begin and end belong together");
  EXPECT_EQ(
      error_of("[[rules]]\nid = 'a'\nregex = 'x'\n[[rules.allowlists]]\nregexTarget = 'word'\n")
          .substr(0, 4),
      "4:1:");
  EXPECT_EQ(error_of("rules = 3\n"), "1:9: rules is written [[rules]]");
  EXPECT_EQ(error_of("[[rules]\n").substr(0, 2), "1:");
  EXPECT_EQ(error_of("[*\n").substr(0, 2), "1:");
}

}  // namespace
}  // namespace veilwire::masking
