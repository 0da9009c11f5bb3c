#include "tests/unit/flow/editor_harness.h"
#include "userspace/crypto/encoding.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

const EditorContext kMcp{.service = policy::Service::Mcp,
                         .media_type = "application/json",
                         .target = "/mcp",
                         .request_id = "1",
                         .mcp_method = ""};

std::string resource(const std::string& blob) {
  return R"({"jsonrpc":"2.0","id":1,"result":{"contents":[{"uri":"note:///a","blob":")" + blob +
         R"(","mimeType":"x"}]}})";
}
std::string blob_of(const Outcome& outcome) {
  return nlohmann::json::parse(outcome.bytes)["result"]["contents"][0]["blob"];
}
std::string decoded(const std::string& blob) {
  return crypto::base64_decode(blob).value_or("not base64: " + blob);
}

TEST(Base64Text, IsMaskedInside) {
  for (const std::string before : {"", "a", "ab", "abc", "abcd"}) {
    for (const std::string after : {"", "x", "xy", "xyz"}) {
      const std::string text = before + std::string(kToken) + after;
      const Outcome outcome = run(kMcp, resource(crypto::base64_encode(text)));
      EXPECT_EQ(decoded(blob_of(outcome)), masked(text));
      EXPECT_EQ(outcome.masks.size(), 1U);
    }
  }
}

TEST(Base64Text, OverEverySplitTheSameComesOut) {
  const std::string text =
      "one sk-Abcdefgh01234567 two --BEGIN--x\ny--END-- pin = \"1234\" caf\xC3\xA9 sk-";
  const std::string body = resource(crypto::base64_encode(text));
  EXPECT_EQ(decoded(blob_of(run(kMcp, body))), masked(text));
  testing::every_split(body, [](const testing::Pieces& pieces) { return run(kMcp, pieces); });
}

TEST(Base64Text, WithoutAFindingKeepsItsBytes) {
  std::string wrapped = crypto::base64_encode(std::string(700, 'x') + " sk-no");
  for (std::size_t at = 76; at < wrapped.size(); at += 80) wrapped.insert(at, "\\r\\n");
  for (const std::string& blob :
       {crypto::base64_encode("text"), std::string("dGV4dA"), std::string("d\\u0047V4dA=="),
        wrapped, std::string("YT8_Pz8-"), std::string("YT8\\/Pz8+"), std::string()}) {
    const std::string body = resource(blob);
    EXPECT_EQ(run(kMcp, body), (Outcome{.bytes = body, .masks = {}, .blocked = ""}));
    testing::every_split(body, [](const testing::Pieces& pieces) { return run(kMcp, pieces); });
  }
}

TEST(Base64Text, BehindAFindingIsWrittenInTheSameAlphabet) {
  const std::string text = "?\?>>" + std::string(kToken) + "?\?>>?";
  std::string url = crypto::base64url_encode(text);
  ASSERT_NE(url.find_first_of("-_"), std::string::npos);
  EXPECT_EQ(blob_of(run(kMcp, resource(url))), crypto::base64url_encode(masked(text)));
  std::string slashes = crypto::base64_encode(text);
  for (std::size_t at = 0; (at = slashes.find('/', at)) != std::string::npos; at += 2)
    slashes.insert(at, "\\");
  EXPECT_EQ(decoded(blob_of(run(kMcp, resource(slashes)))), masked(text));
}

TEST(Base64Text, ThatIsNoTextIsNotTouched) {
  std::string image("\x89PNG\r\n\x1a\n", 8);
  for (int i = 0; i < 300; ++i) image += std::string(kToken) + '\0';
  const std::string pdf = "%PDF-1.7\n" + std::string(600, 'x') + std::string(kToken);
  for (const std::string& bytes : {image, pdf, image.substr(0, 40)}) {
    const std::string body = resource(crypto::base64_encode(bytes));
    EXPECT_EQ(run(kMcp, body), (Outcome{.bytes = body, .masks = {}, .blocked = ""}));
    testing::every_split(body.substr(0, 400),
                         [](const testing::Pieces& pieces) { return run(kMcp, pieces); });
  }
}

TEST(Base64Text, ThatIsNotBase64IsTextAsItStands) {
  const std::string token(kToken);
  for (const std::string& blob : {token + ".", "x " + token, "dGV4dA== " + token, "d=" + token,
                                  crypto::base64_encode(std::string(600, 'x')) + "! " + token}) {
    const Outcome outcome = run(kMcp, resource(blob));
    EXPECT_EQ(outcome.bytes.find(token), std::string::npos) << outcome.bytes;
    EXPECT_EQ(outcome.masks.size(), 1U);
    EXPECT_EQ(without_masks(outcome),
              resource(std::string(blob).erase(blob.find(token), token.size())));
    testing::every_split(resource(blob),
                         [](const testing::Pieces& pieces) { return run(kMcp, pieces); });
  }
}

TEST(Base64Text, BlocksBeforeAByteOfIt) {
  const std::string body = resource(crypto::base64_encode("fine " + std::string(kRefused)));
  const Outcome outcome = run(kMcp, body);
  EXPECT_TRUE(outcome.blocked.starts_with("refused "));
  EXPECT_EQ(outcome.bytes.find("Ymst"), std::string::npos);
  testing::every_split(body, [](const testing::Pieces& pieces) { return run(kMcp, pieces); });
}

TEST(Base64Text, BlocksInsideOfWhatIsMasked) {
  for (const std::string end : {"", " --END-- more"}) {
    const std::string text = "fine --BEGIN-- " + std::string(kRefused) + end;
    EXPECT_TRUE(run(kMcp, resource(crypto::base64_encode(text))).blocked.starts_with("refused "));
    testing::every_split(resource(crypto::base64_encode(text)), [](const testing::Pieces& pieces) {
      Outcome outcome = run(kMcp, pieces);
      outcome.masks.clear();  // the region's length is known or not
      return outcome;
    });
  }
}

TEST(Base64Text, StandsInDocumentsOfTheMessagesApiToo) {
  const EditorContext request{.service = policy::Service::Anthropic,
                              .direction = policy::Direction::Request,
                              .media_type = "application/json",
                              .target = "/v1/messages",
                              .request_id = "",
                              .mcp_method = ""};
  const std::string body =
      R"({"messages":[{"role":"user","content":[{"type":"document","source":{"type":"base64","media_type":"text/plain","data":")" +
      crypto::base64_encode(std::string(kToken)) + R"("}}]}]})";
  const auto out = nlohmann::json::parse(run(request, body).bytes);
  EXPECT_EQ(decoded(out["messages"][0]["content"][0]["source"]["data"]), masked(kToken));
}

}  // namespace
}  // namespace veilwire::flow
