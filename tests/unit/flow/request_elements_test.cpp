#include "userspace/flow/request_elements.h"

#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> bytes_of(std::string_view document) {
  std::vector<std::string> found;
  for (const RequestElement& element : request_elements(document))
    found.emplace_back((element.assistant ? "assistant " : "") + std::string(element.bytes));
  return found;
}

crypto::Digest said(std::string_view message) {
  return said_in({message, message::Zone::AnthropicTurn, false});
}

TEST(RequestElements, AreTheObjectsOfThreeArraysAndASystemThatIsText) {
  EXPECT_THAT(bytes_of(R"({"model":"m","messages":[{"a":"]}"}, {"b":[{}]},"s",1,[{}]],)"
                       R"("other":[{"c":1}],"tools":[{"d":"\\\"{"}],"system": "text"})"),
              ElementsAre(R"({"a":"]}"})", R"({"b":[{}]})", R"({"d":"\\\"{"})", R"("text")"));
  EXPECT_THAT(bytes_of(R"({"messages":[{"a":1},{"b":)"), ElementsAre(R"({"a":1})"));
  for (const char* none : {"", "[", "{", "{}", "[{}]", R"({"messages":{}})", R"({"messages":[]})",
                           R"({"messages")", R"({"messages":"x)", "null", R"({"a":1)"})
    EXPECT_THAT(bytes_of(none), IsEmpty()) << none;
}

TEST(RequestElements, KnowWhatTheAssistantIsSaidToHaveSaid) {
  EXPECT_THAT(
      bytes_of(
          R"({"messages":[{"role":"user"},{"content":[{"role":"user"}], "role" : "assistant"},)"
          R"({"role":"assistant","role":"user"},{"content":"\"role\":\"assistant\""}]})"),
      ElementsAre(
          R"({"role":"user"})", R"(assistant {"content":[{"role":"user"}], "role" : "assistant"})",
          R"({"role":"assistant","role":"user"})", R"({"content":"\"role\":\"assistant\""})"));
}

TEST(SaidIn, IsTheTextWhereverACacheMarkStands) {
  const auto plain = said(R"({"role":"user","content":"hello"})");
  EXPECT_EQ(plain, said(R"({ "content" : [{"type":"text","text":"hello"}], "role":"user"})"));
  EXPECT_EQ(plain, said(R"({"role":"user","content":[{"type":"text","text":"hello",)"
                        R"("cache_control":{"type":"ephemeral"}}]})"));
  EXPECT_NE(plain, said(R"({"role":"user","content":"hello."})"));
}

TEST(SaidIn, TellsRowsOfTextsApart) {
  const auto two = said(R"({"content":[{"text":"ab"},{"text":"c"}]})");
  EXPECT_NE(two, said(R"({"content":[{"text":"a"},{"text":"bc"}]})"));
  EXPECT_NE(two, said(R"({"content":[{"text":"abc"}]})"));
  EXPECT_NE(said(R"({"content":[{"input":{"a":"b"}}]})"),
            said(R"({"content":[{"input":{"ab":""}}]})"));
  EXPECT_NE(said(R"({"content":[{"input":{"a":"b"}}]})"),
            said(R"({"content":[{"input":{"c":"b"}}]})"));
}

}  // namespace
}  // namespace veilwire::flow
