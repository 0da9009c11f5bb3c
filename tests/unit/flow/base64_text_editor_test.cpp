#include "tests/unit/flow/editor_harness.h"
#include "userspace/crypto/encoding.h"

#include <string>

#include <gmock/gmock.h>
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

TEST(Base64Text, IsMaskedInsideWhateverItsEncoding) {
  const std::string filler = "caf\xE9 " + std::string(600, 'x');
  for (const std::string& text : {"caf\xE9 " + std::string(kToken) + " na\xEFve",
                                  filler + " " + std::string(kToken) + " \xFF"}) {
    const std::string body = resource(crypto::base64_encode(text));
    EXPECT_EQ(decoded(blob_of(run(kMcp, body))), masked(text));
  }
  for (const bool marked : {false, true}) {
    for (const bool big : {false, true}) {
      const auto in_utf16 = [&](const std::string& ascii) {
        std::string bytes = marked ? (big ? "\xFE\xFF" : "\xFF\xFE") : "";
        for (const char c : ascii) bytes += big ? std::string{'\0', c} : std::string{c, '\0'};
        return bytes;
      };
      for (const std::size_t before : {0U, 3U, 700U}) {
        const std::string text = std::string(before, 'x') + " " + std::string(kToken) + "\r\n. a";
        const std::string body = resource(crypto::base64_encode(in_utf16(text)));
        const Outcome outcome = run(kMcp, body);
        EXPECT_EQ(decoded(blob_of(outcome)), in_utf16(masked(text)));
        EXPECT_EQ(outcome.masks.size(), 1U);
        if (before < 700)
          testing::every_split(body,
                               [](const testing::Pieces& pieces) { return run(kMcp, pieces); });
      }
    }
  }
}

// Few bytes that are no UTF-8 may be text, or base64 by chance.
TEST(Base64Text, ThatMayBeTextByChanceIsReadBothWays) {
  const std::string chance = "x7700123456781+/7700123456789+//";
  ASSERT_TRUE(crypto::base64_decode(chance));
  EXPECT_THAT(run(kMcp, resource(chance)).masks, ::testing::SizeIs(2));
}

// What a client makes of a document that ends early inside of the blob.
void expect_base64(const std::string& out, const std::string& text, const std::string& at) {
  const auto parsed = nlohmann::json::parse(out, nullptr, false);
  ASSERT_FALSE(parsed.is_discarded()) << at << out;
  const auto& contents = parsed["result"]["contents"][0];
  std::string blob = contents["blob"];
  EXPECT_EQ(contents["notice"], "Stopped.\n") << at << out;
  std::erase_if(blob, [](char c) { return c == ' ' || c == '\r' || c == '\n'; });
  const auto bytes = crypto::base64_decode(blob);
  ASSERT_TRUE(bytes) << at << "not base64: " << blob;
  EXPECT_EQ(*bytes, text.substr(0, bytes->size())) << at;
}

TEST(Base64Text, EndsEarlyAsBase64AtEveryCut) {
  std::string image("\x89PNG\r\n\x1a\n", 8);
  while (image.size() < 540) image += static_cast<char>(image.size());
  const std::string words(520, 'w');
  for (const std::string& text :
       {words, words + std::string(kToken) + " a word --BEGIN--x--END-- more", image}) {
    std::string wrapped = crypto::base64_encode(text);
    for (std::size_t at = 76; at < wrapped.size(); at += 80) wrapped.insert(at, "\\r\\n");
    wrapped.insert(694, "\\u0020 ");
    for (const std::string& blob : {crypto::base64_encode(text), wrapped}) {
      const std::string body = resource(blob);
      const std::size_t begin = body.find("blob\":\"") + 7;
      for (std::size_t size = begin; size < begin + blob.size(); ++size) {
        const std::string expected = text == image ? image : masked(text);
        const auto at = "at " + std::to_string(size - begin) + ": ";
        expect_base64(cut_short(kMcp, body.substr(0, size), "Stopped.\n"), expected, at);
        // And where what came before was cut too.
        const auto editor = make_body_editor(kMcp, engine());
        Released out;
        for (std::size_t i = size - size % 5; i <= size; ++i)
          editor->feed(body.substr(i == size - size % 5 ? 0 : i - 1, i == size - size % 5 ? i : 1),
                       out);
        editor->end_early("Stopped.\n", out);
        expect_base64(out.bytes, expected, at);
      }
    }
  }
}

TEST(Base64Text, EndsEarlyAsBase64WhereItBlocks) {
  for (const std::string before :
       {"", "a", "ab", "abc", "abcd", "--BEGIN-- ", "--BEGIN-- x --END-- ab"}) {
    const std::string text = before + std::string(kRefused) + " and more";
    const std::string body = resource(crypto::base64_encode(text));
    testing::every_split(body, [&](const testing::Pieces& pieces) {
      const auto editor = make_body_editor(kMcp, engine());
      Released out;
      for (const std::string_view piece : pieces) editor->feed(piece, out);
      editor->finish(out);
      EXPECT_TRUE(out.blocked);
      editor->end_early("Stopped.\n", out);
      expect_base64(out.bytes, masked(before), "");
      return out.bytes;
    });
  }
}

TEST(Base64Text, ThatIsNotBase64TakesTheNoticeItself) {
  const std::string body = resource("plain, text that is cut");
  const auto out = cut_short(kMcp, body.substr(0, body.find("that")), "Stopped.");
  EXPECT_EQ(nlohmann::json::parse(out)["result"]["contents"][0]["blob"], "plain, text Stopped.");
}

TEST(Base64Text, EndsEarlyAsBase64BehindAFault) {
  const std::string words(540, 'w');
  const std::string image = "\x89PNG\r\n" + std::string(534, '\x1a');
  for (const std::string& text : {words, image}) {
    const std::string body = resource(crypto::base64_encode(text));
    const std::size_t begin = body.find("blob\":\"") + 7;
    for (std::size_t size = begin + 690; size < begin + 720; ++size) {
      // A raw line end cannot stand in a string.
      const std::string out = cut_short(kMcp, body.substr(0, size) + "\n", "Stopped.\n");
      if (text == image || (size - begin) % 4 == 0) {  // else unpadded, or no base64
        const auto blob = nlohmann::json::parse(out)["result"]["contents"][0]["blob"];
        const auto bytes = crypto::base64_decode(std::string(blob));
        ASSERT_TRUE(bytes) << size - begin << ": " << blob;
        EXPECT_EQ(bytes->substr(0, 500), text.substr(0, 500));
      }
      EXPECT_TRUE(nlohmann::json::accept(out));
    }
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
