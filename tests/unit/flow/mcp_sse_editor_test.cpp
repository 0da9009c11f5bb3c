#include "tests/unit/flow/editor_harness.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using nlohmann::json;

const EditorContext kMcp{.service = policy::Service::Mcp,
                         .media_type = "text/event-stream",
                         .target = "/mcp",
                         .request_id = "\"call-1\"",
                         .mcp_method = "tools/call"};
const EditorContext kGeneric{.service = policy::Service::Generic,
                             .media_type = "text/event-stream",
                             .target = "/",
                             .request_id = "",
                             .mcp_method = ""};

TEST(McpSse, GoldenStreamsComeOutAsTheyWentIn) {
  for (const std::string& name : golden_files("mcp", ".sse")) {
    SCOPED_TRACE(name);
    for (const std::string& body : {golden(name), with_crlf(golden(name)), with_cr(golden(name))}) {
      EXPECT_EQ(run(kMcp, body), (Outcome{.bytes = body, .masks = {}, .blocked = ""}));
      testing::every_split(body, [](const testing::Pieces& pieces) { return run(kMcp, pieces); });
    }
  }
}

TEST(McpSse, MasksEachMessageAndLeavesTheRestOfTheEvent) {
  const std::string token(kToken), mask = masked(kToken);
  const std::string body =
      "id: " + token + "\nevent: message\nretry: 5\ndata: {\"jsonrpc\":\"2.0\",\"id\":\"" + token +
      "\",\ndata: \"result\":{\"content\":[{\"type\":\"text\",\"text\":\"x " + token + "\"}]}}\n\n";
  std::string expected = body;
  expected.replace(expected.rfind(token), token.size(), mask);
  const Outcome outcome = run(kMcp, body);
  EXPECT_EQ(outcome.bytes, expected);
  EXPECT_EQ(without_masks(outcome), std::string(body).erase(body.rfind(token), token.size()));
  testing::every_split(body, [](const testing::Pieces& pieces) { return run(kMcp, pieces); });
}

TEST(McpSse, TextOfOneMessageDoesNotGoOnInTheNext) {
  const std::string body =
      "data: {\"method\":\"notifications/message\",\"params\":{\"data\":\"sk-Abcdefgh\"}}\n\n"
      "data: {\"method\":\"notifications/message\",\"params\":{\"data\":\"01234567\"}}\n\n";
  EXPECT_EQ(run(kMcp, body).bytes, body);
}

TEST(McpSse, TheAddressOfTheOlderTransportStays) {
  const std::string body =
      "event: endpoint\ndata: /messages?sessionId=" + std::string(kToken) + "\n\n";
  EXPECT_EQ(run(kMcp, body).bytes, body);
}

TEST(McpSse, EventsOfOtherNamesMayBeAnyText) {
  const std::string token(kToken);
  EXPECT_EQ(run(kMcp, "event: note\ndata: plain " + token + "\ndata: more\n\n").bytes,
            "event: note\ndata: plain " + masked(kToken) + "\ndata: more\n\n");
  EXPECT_EQ(run(kGeneric,
                "data: plain " + token + "\n\ndata: {\"a\":\"" + token + "\"}\n\ndata: [DONE]\n\n")
                .bytes,
            "data: plain " + masked(kToken) + "\n\ndata: {\"a\":\"" + masked(kToken) +
                "\"}\n\ndata: [DONE]\n\n");
}

TEST(McpSse, MasksLinesThatNoClientReads) {
  const std::string token(kToken), mask = masked(kToken);
  const auto stream = [&](const std::string& text) {
    return ": " + text + "\nevent: endpoint\ndata: /x?id=" + token + "\n" + text +
           "\nid: " + token + "\n\nid: 1\ndata:\nretry: " + text + "\n\nid: " + token +
           "\ndata: {}\nid: 2\n\n: " + text;
  };
  const Outcome outcome = run(kMcp, stream(token));
  std::string expected = stream(mask);
  expected.replace(expected.rfind("id: " + token) + 4, token.size(), mask);  // another follows
  EXPECT_EQ(outcome.bytes, expected);
  EXPECT_EQ(without_masks(outcome).find("MASKED"), std::string::npos);
  testing::every_split(stream(token),
                       [](const testing::Pieces& pieces) { return run(kMcp, pieces); });
}

// eventsource-parser takes these three characters at the beginning for a byte order mark.
TEST(McpSse, AMisspeltByteOrderMarkIsNoWayAround) {
  const std::string misspelt = "\xC3\xAF\xC2\xBB\xC2\xBF";
  const std::string body = "data: {\"result\":\"\\u0073k-Abcdefgh01234567\"}\n\n";
  for (const std::string& mark : {misspelt, "\xEF\xBB\xBF" + misspelt}) {
    EXPECT_TRUE(run(kMcp, mark + body).malformed);
    EXPECT_EQ(run(kMcp, mark + body).bytes, "");
  }
  const std::string good = "data: {}\n\n" + misspelt + "data: {}\n\n";
  EXPECT_EQ(run(kMcp, good).bytes, good);
}

TEST(McpSse, SaysWhatIsNoMessage) {
  for (const std::string bad : {"data: {\"jsonrpc\":\n\n", "event: message\ndata: hello\n\n",
                                "data: {} x\n\n", "data: {\"id\":1"}) {
    EXPECT_TRUE(run(kMcp, bad).malformed) << bad;
    EXPECT_EQ(run(kMcp, bad).bytes, "");
  }
}

TEST(McpSse, MasksAnEventThatTheEndOfTheBodyCuts) {
  const std::string token(kToken);
  EXPECT_EQ(run(kMcp, "data: {\"error\":\"" + token + "\"}").bytes,
            "data: {\"error\":\"" + masked(kToken) + "\"}");
  EXPECT_EQ(run(kMcp, "data: {\"error\":\"" + token + "\"}\r\n").bytes,
            "data: {\"error\":\"" + masked(kToken) + "\"}\r\n");
}

TEST(McpSse, ABlockEndsTheStreamWithAnErrorForTheRequest) {
  const std::string body =
      golden("mcp/stream.sse") +
      "event: message\ndata: "
      "{\"id\":\"call-1\",\"result\":{\"content\":[{\"text\":\"bk-Abcdefgh01234567\"}]}}\n\n";
  testing::every_split(body, [](const testing::Pieces& pieces) { return run(kMcp, pieces); });
  EXPECT_EQ(run(kMcp, body).bytes, golden("mcp/stream.sse"));
  const std::string out = cut_short(kMcp, body, "Refused.");
  const auto events = read_events(out);
  EXPECT_EQ(json::parse(events.back().data),
            json::parse(
                R"({"jsonrpc":"2.0","id":"call-1","error":{"code":-32603,"message":"Refused."}})"));
  EXPECT_EQ(events.back().name, "message");
}

TEST(McpSse, EndsEarlyAtEveryPointWithAWholeEvent) {
  const std::string body = golden("mcp/stream.sse");
  for (std::size_t size = 0; size <= body.size(); ++size) {
    for (const Event& event : read_events(cut_short(kMcp, body.substr(0, size), "no"))) {
      ASSERT_TRUE(event.data.empty() || json::accept(event.data)) << event.data;
    }
  }
}

TEST(McpSse, WithoutARequestThatWaitsTheNoticeIsAComment) {
  EditorContext listening = kMcp;
  listening.request_id = "";
  EXPECT_EQ(cut_short(listening, "", "no\nmore"), ": no more\n\n");
}

}  // namespace
}  // namespace veilwire::flow
