// Text in gzip, by itself and in the base64 of a JSON document.
#include "userspace/flow/packed_text.h"

#include "tests/unit/flow/editor_harness.h"
#include "userspace/base/limits.h"
#include "userspace/crypto/encoding.h"
#include "userspace/wire/content_coding.h"

#include <random>
#include <string>

#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

const EditorContext kMcp{.service = policy::Service::Mcp,
                         .media_type = "application/json",
                         .target = "/mcp",
                         .request_id = "1",
                         .mcp_method = ""};

std::string gzip(std::string_view text) {
  auto encoder = wire::Encoder::make({wire::Coding::Gzip});
  std::string out;
  EXPECT_TRUE(encoder && encoder->feed(text, out) && encoder->finish(out));
  return out;
}
std::string gunzip(std::string_view packed) {
  auto decoder = wire::Decoder::make({wire::Coding::Gzip});
  std::string out;
  if (!decoder || !decoder->feed(packed, out) || !decoder->finish()) return "no gzip";
  return out;
}

// What becomes of it; "as it was" where it stays.
std::string edited(std::string_view packed, std::size_t room = limits::kUnpackedText) {
  const auto out = edit_gzip(packed, engine(), room);
  if (!out) return "as it was";
  return out->blocked ? "blocked" : gunzip(out->bytes);
}

std::string resource(const std::string& blob) {
  return R"({"jsonrpc":"2.0","id":1,"result":{"contents":[{"uri":"note:///a","blob":")" + blob +
         R"(","mimeType":"x"}]}})";
}
std::string blob_of(std::string_view body) {
  return nlohmann::json::parse(body)["result"]["contents"][0]["blob"];
}

// Letters that gzip makes little of.
std::string noise(std::size_t size) {
  std::minstd_rand random(7);
  std::string text(size, 'x');
  for (char& c : text) c = static_cast<char>('a' + random() % 16);
  return text;
}

TEST(PackedText, IsPackedAnewWhereSomethingIsFound) {
  for (const std::size_t before : {0U, 3U, 600U, 700000U}) {
    const std::string text =
        noise(before) + " " + std::string(kToken) + " pin = \"12345\" --BEGIN-- x";
    EXPECT_EQ(edited(gzip(text)), masked(text));
  }
  EXPECT_EQ(edited(gzip("a") + gzip(std::string(kToken))), masked("a" + std::string(kToken)));
  EXPECT_EQ(edited(gzip("fine " + std::string(kRefused))), "blocked");
  EXPECT_EQ(edited(gzip(std::string(kToken) + std::string(kRefused))), "blocked");
  const std::string utf16(
      "\xFF\xFEs\0k\0-\0A\0b\0c\0d\0e\0f\0g\0h\0000\0001\0002\0003\0004\0005\0006\0007\0", 40);
  EXPECT_NE(edited(gzip(utf16)).find(std::string("M\0A\0S\0K\0", 8)), std::string::npos);
}

TEST(PackedText, StaysWhereNothingIsFound) {
  for (const std::string& text :
       {std::string(), std::string("fine"), noise(100000),
        std::string(512, '\0') + std::string(kToken), gzip(std::string(kToken))})
    EXPECT_EQ(edited(gzip(text)), "as it was");
  EXPECT_EQ(edited("\x1f\x8b\x08 no gzip"), "as it was");
}

TEST(PackedText, ThatIsBrokenKeepsWhatStandsBeforeIt) {
  const std::string token(kToken);
  EXPECT_EQ(edited(gzip(token) + "behind"), masked(token));
  EXPECT_EQ(edited(gzip("fine") + "behind"), "as it was");
  const std::string packed = gzip(token + noise(5000));
  const std::string out = edited(packed.substr(0, packed.size() - 1000));
  EXPECT_TRUE(masked(token + noise(5000)).starts_with(out));
  EXPECT_TRUE(out.starts_with(masked(token)));
}

TEST(PackedText, IsUnpackedWithinBounds) {
  const std::string token(kToken);
  const std::string zeros(std::size_t{8} << 20, 'o');
  EXPECT_EQ(edited(gzip(zeros + token)), "as it was");
  const std::string left = edited(gzip(token + zeros));
  EXPECT_TRUE(masked(token + zeros).starts_with(left));
  EXPECT_LT(left.size(), 200000U);
  EXPECT_EQ(edited(gzip(noise(100000) + token), 50000), "as it was");
  std::size_t room = 300000;
  (void)edit_gzip(gzip(noise(200000)), engine(), room);
  EXPECT_EQ(room, 100000U);
  (void)edit_gzip(gzip(noise(200000)), engine(), room);
  EXPECT_EQ(room, 0U);
  EXPECT_EQ(edited(gzip(token), room), "as it was");
}

TEST(PackedText, InBase64IsMaskedOverEverySplit) {
  const std::string token(kToken);
  for (const std::string& text : {token, "caf\xC3\xA9 " + token + "\n", noise(1500) + token}) {
    const std::string body = resource(crypto::base64_encode(gzip(text)));
    const Outcome outcome = run(kMcp, body);
    const std::string blob = blob_of(outcome.bytes);
    EXPECT_EQ(gunzip(crypto::base64_decode(blob).value_or("")), masked(text));
    EXPECT_EQ(outcome.masks.size(), 1U);
    EXPECT_EQ(without_masks(outcome), resource(""));
    testing::every_split(body, [](const testing::Pieces& pieces) { return run(kMcp, pieces); });
  }
}

TEST(PackedText, InBase64WithoutAFindingKeepsItsBytes) {
  for (const std::string& text : {std::string("fine"), noise(2000), std::string(3000, '\0')}) {
    std::string blob = crypto::base64_encode(gzip(text));
    for (std::size_t at = 20; at < blob.size(); at += 80) blob.insert(at, "\\r\\n");
    const std::string body = resource(blob);
    EXPECT_EQ(run(kMcp, body), (Outcome{.bytes = body, .masks = {}, .blocked = ""}));
    testing::every_split(body, [](const testing::Pieces& pieces) { return run(kMcp, pieces); });
  }
}

TEST(PackedText, InBase64Blocks) {
  const std::string body = resource(crypto::base64_encode(gzip(std::string(kRefused))));
  testing::every_split(body, [](const testing::Pieces& pieces) { return run(kMcp, pieces); });
  EXPECT_TRUE(run(kMcp, body).blocked.starts_with("refused "));
  const std::string end = cut_short(kMcp, body.substr(0, body.size() - 30), "Stopped.");
  EXPECT_EQ(blob_of(end), "");
}

TEST(PackedText, InWhatIsNoBase64AfterAllIsMaskedToo) {
  const std::string token(kToken);
  const std::string body = resource(crypto::base64_encode(gzip(noise(600) + token)) + "! " + token);
  const Outcome outcome = run(kMcp, body);
  EXPECT_EQ(outcome.masks.size(), 2U);
  EXPECT_TRUE(blob_of(outcome.bytes).ends_with("! " + masked(token)));
  testing::every_split(body, [](const testing::Pieces& pieces) { return run(kMcp, pieces); });
}

TEST(PackedText, OverItsBoundIsLookedIntoUpToThere) {
  const std::string token(kToken);
  const std::string words = noise(18 << 20);
  for (const bool first : {true, false}) {
    const std::string packed = gzip(first ? token + words : words + token);
    ASSERT_GT(packed.size(), limits::kPackedText);
    const std::string body = resource(crypto::base64_encode(packed));
    const auto editor = make_body_editor(kMcp, engine());
    Released out;
    editor->feed(std::string_view(body).substr(0, body.size() / 2), out);
    EXPECT_GT(editor->held(), body.size() / 3);
    editor->feed(std::string_view(body).substr(body.size() / 2), out);
    EXPECT_EQ(editor->held(), 0U);
    editor->finish(out);
    if (!first) {
      EXPECT_EQ(out.bytes, body);
      continue;
    }
    const std::string left = gunzip(crypto::base64_decode(blob_of(out.bytes)).value_or(""));
    EXPECT_TRUE(masked(token + words).starts_with(left));
    EXPECT_GT(left.size(), limits::kPackedText);
  }
}

TEST(PackedText, TakesItsShareOfTheRoomOfAllLines) {
  const EditorContext lines{.service = policy::Service::Anthropic,
                            .media_type = "application/x-jsonl",
                            .target = "/",
                            .request_id = "",
                            .mcp_method = ""};
  const auto line = [](const std::string& text) {
    return R"({"content":[{"source":{"type":"base64","data":")" +
           crypto::base64_encode(gzip(text)) + "\"}}]}\n";
  };
  const std::string token = line(std::string(kToken));
  const std::string many = line(noise(limits::kUnpackedText / 4));
  EXPECT_EQ(run(lines, many + many + many + token).masks.size(), 1U);
  EXPECT_EQ(run(lines, many + many + many + many + token).masks.size(), 0U);
}

}  // namespace
}  // namespace veilwire::flow
