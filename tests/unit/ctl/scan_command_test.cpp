// `veilwire scan` as a shell sees it.
#include "tests/unit/ctl/run_veilwire.h"
#include "tests/unit/ctl/scan_fixture.h"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using nlohmann::json;
using testing::Ran;

class ScanCommand : public ::testing::Test {
 protected:
  // With the policy and a key; stdout only unless `more` says otherwise.
  Ran scan(const std::string& more) const { return testing::run(common_ + more); }
  Ran scan_errors(const std::string& more) const {
    return testing::run(common_ + more + " 2>&1 >/dev/null");
  }

  testing::ScratchFolder folder_;
  std::string common_ = "scan --policy " + testing::write_scan_policy(folder_) + " --key " +
                        testing::write_scan_key(folder_) + " ";
  std::string text_ = folder_.write("text", "a tok_ab12cd34 b\nlast");
  std::string clean_ = folder_.write("clean", "nothing here\n");
};

TEST_F(ScanCommand, MasksAFileOrStandardInput) {
  const Ran file = scan(text_);
  EXPECT_EQ(file.exit_code, 1);
  EXPECT_EQ(file.output.find("a [MASKED:test-token:"), 0U) << file.output;
  EXPECT_NE(file.output.find("] b\nlast"), std::string::npos);
  EXPECT_EQ(scan("< " + text_).output, file.output);
  EXPECT_EQ(scan("- < " + text_).output, file.output);
  const Ran clean = scan(clean_);
  EXPECT_EQ(clean.exit_code, 0);
  EXPECT_EQ(clean.output, "nothing here\n");
}

TEST_F(ScanCommand, ListsFindingsWithoutTheSecret) {
  const Ran ran = scan("--findings " + clean_ + " " + text_ + " - < " + text_);
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.output.find(text_ + ":1:3: test-token: a [MASKED:test-token:"), 0U) << ran.output;
  EXPECT_NE(ran.output.find("\n<stdin>:1:3: test-token: "), std::string::npos) << ran.output;
  EXPECT_EQ(ran.output.find("tok_"), std::string::npos);
  EXPECT_EQ(scan("--findings " + clean_).exit_code, 0);
  EXPECT_EQ(scan("--findings --exit-zero " + text_).exit_code, 0);
  const json document = json::parse(scan("--format json " + text_).output);
  EXPECT_EQ(document["findings"].size(), 1U);
  EXPECT_EQ(document["bytes"], 21);
}

TEST_F(ScanCommand, DirectionAndAllChooseWhatCounts) {
  const std::string staff = folder_.write("staff", "staff-123456");
  EXPECT_EQ(scan("--findings " + staff).exit_code, 0);
  EXPECT_EQ(scan("--findings --direction response " + staff).exit_code, 0);
  EXPECT_EQ(scan("--findings --direction request " + staff).exit_code, 1);
  EXPECT_EQ(scan("--findings --all " + staff).exit_code, 1);
}

TEST_F(ScanCommand, TheMaskIsTheSameForTheSameKeyOnly) {
  const std::string other = folder_.write("other", std::string(32, 'o'));
  const Ran with_other =
      testing::run("scan --policy " + folder_ / "policy.toml --key " + other + " " + text_);
  EXPECT_EQ(scan(text_).output, scan(text_).output);
  EXPECT_EQ(with_other.exit_code, 1);
  EXPECT_NE(scan(text_).output, with_other.output);
}

TEST_F(ScanCommand, AForeignKeyIsANoteOnceSomethingIsFound) {
  const std::string config =
      folder_.write("agent.toml", "[proxy]\nsite_key = \"" + folder_ / "none" + "\"\npolicy = \"" +
                                      folder_ / "policy.toml" + "\"\n");
  const std::string run = "--config " + config + " scan ";
  EXPECT_NE(testing::run(run + text_ + " 2>&1 >/dev/null").output.find("/none: No such file"),
            std::string::npos);
  EXPECT_EQ(testing::run(run + clean_ + " 2>&1 >/dev/null").output, "");
}

TEST_F(ScanCommand, WhatCannotBeDoneIsTwoWhateverIsFound) {
  EXPECT_EQ(scan("--findings " + text_ + " " + folder_ / "none 2>/dev/null").exit_code, 2);
  EXPECT_EQ(scan_errors(folder_ / "none").output,
            "veilwire: " + folder_ / "none: No such file or directory\n");
  EXPECT_EQ(scan("--key " + folder_ / "none " + text_ + " 2>/dev/null").exit_code, 2);
  EXPECT_EQ(testing::run("scan --policy " + folder_ / "none " + text_ + " 2>/dev/null").exit_code,
            2);
  EXPECT_EQ(scan("--frobnicate 2>/dev/null").exit_code, 2);
  EXPECT_EQ(scan("--format xml " + text_ + " 2>/dev/null").exit_code, 2);
  EXPECT_EQ(scan("--chunks 0 " + text_ + " 2>/dev/null").exit_code, 2);
  EXPECT_EQ(scan(text_ + " > /dev/full 2>/dev/null").exit_code, 2);
}

TEST_F(ScanCommand, FoldersAreSearchedWhenAskedTo) {
  folder_.write("tree/sub/hidden", "tok_ab12cd34");
  EXPECT_EQ(scan("--findings " + folder_ / "tree 2>/dev/null").exit_code, 2);
  const Ran ran = scan("--findings --recursive " + folder_ / "tree");
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.output.find(folder_ / "tree/sub/hidden:1:1: "), 0U) << ran.output;
  EXPECT_EQ(scan("--recursive " + folder_ / "tree 2>/dev/null").exit_code, 2);
}

TEST_F(ScanCommand, BinaryFilesAreLeftOutAloud) {
  const std::string binary = folder_.write("binary", std::string("\0tok_ab12cd34", 13));
  const Ran ran = scan_errors("--findings " + binary);
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_NE(ran.output.find(binary + ": binary: not searched"), std::string::npos) << ran.output;
  EXPECT_EQ(scan("--findings --text " + binary).exit_code, 1);
  // Masked text cannot lack a file and be good.
  EXPECT_EQ(scan(binary + " 2>/dev/null").exit_code, 2);
}

TEST_F(ScanCommand, ADiffIsSearchedInWhatItAdds) {
  const std::string diff =
      folder_.write("diff",
                    "--- a/src/x.c\n+++ b/src/x.c\n@@ -4,2 +4,3 @@\n-tok_00000000\n+<<BEGIN>>\n"
                    "+tok_11111111\n-x\n+<<END>> tok_ab12cd34\n");
  const Ran ran = scan("--diff " + diff);
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.output.find("src/x.c:4:1: test-block: [MASKED:test-block:"), 0U) << ran.output;
  EXPECT_NE(ran.output.find("\nsrc/x.c:6:9: test-token: "), std::string::npos) << ran.output;
  EXPECT_EQ(ran.output.find("tok_"), std::string::npos);
  for (const char* chunks : {"1", "7", "random:1"})
    EXPECT_EQ(scan("--diff --chunks " + std::string(chunks) + " < " + diff).output, ran.output);
  EXPECT_FALSE(
      json::parse(scan("--diff -f json " + diff).output)["findings"][0].contains("offset"));
  EXPECT_EQ(scan_errors("--diff " + text_).output,
            "veilwire: " + text_ + ":2: this is no unified diff (is it coloured?)\n");
  EXPECT_EQ(scan("--diff " + text_ + " 2>/dev/null").exit_code, 2);
  EXPECT_EQ(scan("--diff /dev/null").exit_code, 0);
}

TEST_F(ScanCommand, ChunksChangeNothing) {
  const std::string whole = scan(text_).output;
  for (const char* chunks : {"1", "2", "3", "5", "1000", "random", "random:3"})
    EXPECT_EQ(scan("--chunks " + std::string(chunks) + " " + text_ + " 2>/dev/null").output, whole)
        << chunks;
  EXPECT_NE(scan_errors("--chunks random " + text_).output.find("--chunks random:"),
            std::string::npos);
}

TEST_F(ScanCommand, JsonLinesKeepTheirIds) {
  const std::string lines = folder_.write("lines",
                                          "{\"id\": 1, \"text\": \"a\\ntok_ab12cd34\", \"x\": []}\n"
                                          "{\"id\": \"\\u00e4\", \"text\": \"\"}\n"
                                          "{\"text\": \"c\", \"id\": null}");
  const Ran ran = scan("--jsonl " + lines);
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.output.find("{\"id\":1,\"masked\":\"a\\n[MASKED:test-token:"), 0U) << ran.output;
  EXPECT_NE(ran.output.find("\"}\n{\"id\":\"\xc3\xa4\",\"masked\":\"\"}\n"
                            "{\"id\":null,\"masked\":\"c\"}\n"),
            std::string::npos)
      << ran.output;
  EXPECT_EQ(scan("--jsonl --chunks 1 " + lines).output, ran.output);
  const std::string first = scan("--jsonl --findings " + lines).output;
  const json line = json::parse(first.substr(0, first.find('\n')));
  EXPECT_EQ(line["findings"][0]["offset"], 2);
  EXPECT_EQ(line["findings"][0]["length"], 12);
}

TEST_F(ScanCommand, ABadJsonLineStopsWithItsNumberAndIsNotQuoted) {
  for (const char* bad : {"tok_ab12cd34", "[]", "{\"id\": 1}", "{\"id\": [], \"text\": \"\"}",
                          "{\"id\": 1, \"text\": 2}", "", "{\"id\":1,\"text\":\"\xff\"}"}) {
    const std::string lines =
        folder_.write("lines", "{\"id\":1,\"text\":\"a\"}\n" + std::string(bad) +
                                   "\n{\"id\":3,\"text\":\"c\"}\n");
    const Ran ran = scan("--jsonl " + lines + " 2>/dev/null");
    EXPECT_EQ(ran.exit_code, 2) << bad;
    EXPECT_EQ(ran.output, "{\"id\":1,\"masked\":\"a\"}\n") << bad;
    const Ran errors = scan_errors("--jsonl " + lines);
    EXPECT_EQ(errors.output.find("veilwire: " + lines + ":2: "), 0U) << errors.output;
    EXPECT_EQ(errors.output.find("tok_"), std::string::npos);
  }
}

// A pipe whose writer waits: what is certain comes out before the end.
TEST_F(ScanCommand, APipeIsMaskedAsItComes) {
  const std::string fifo = folder_ / "fifo";
  const Ran ran = testing::shell(
      "mkfifo " + fifo + "; (echo first; timeout 20 cat " + fifo + ") | " + testing::veilwire() +
      " " + common_ + "| { read line; echo \"$line\"; echo second > " + fifo + "; cat; }");
  EXPECT_EQ(ran.output, "first\nsecond\n");
}

}  // namespace
}  // namespace veilwire::ctl
