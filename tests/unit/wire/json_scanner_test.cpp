// The tokenizer over every split: golden events with offsets, what it must refuse, and nlohmann's
// parser as an oracle.
#include "userspace/wire/json_scanner.h"

#include "tests/support/every_split.h"

#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace veilwire::wire {
namespace {

using testing::every_split;
using testing::Pieces;
using Kind = JsonEvent::Kind;

// One event a line; the pieces of a string joined, as only they may depend on the cut.
std::string scan(const Pieces& pieces, JsonOptions options) {
  JsonScanner scanner(options);
  std::string log;
  std::string piece;
  std::uint64_t piece_at = 0;
  const auto end_piece = [&] {
    if (!piece.empty()) log += std::to_string(piece_at) + " piece " + piece + "\n";
    piece.clear();
  };
  const auto add = [&](const std::vector<JsonEvent>& events) {
    for (const JsonEvent& event : events) {
      if (event.kind == Kind::Piece) {
        if (piece.empty()) piece_at = event.offset;
        EXPECT_EQ(event.offset, piece_at + piece.size());
        EXPECT_FALSE(event.bytes.empty());
        piece += event.bytes;
        continue;
      }
      end_piece();
      log += std::to_string(event.offset) + " " + std::string(to_string(event.kind));
      if (event.kind == Kind::Number) log += " " + std::string(event.bytes);
      log += "\n";
    }
  };
  const auto failed = [&](const JsonFault& fault) {
    end_piece();
    return log + "fault at " + std::to_string(fault.offset) + ": " +
           std::string(to_string(fault.error)) + "\n";
  };
  for (const std::string_view part : pieces) {
    std::vector<JsonEvent> events;
    const auto fed = scanner.feed(part, events);
    add(events);
    if (!fed) return failed(fed.error());
  }
  std::vector<JsonEvent> events;
  const auto ended = scanner.finish(events);
  add(events);
  if (!ended) return failed(ended.error());
  end_piece();
  return log;
}

std::string tokens(std::string_view input, JsonOptions options = {}) {
  every_split(input, [&](const Pieces& pieces) { return scan(pieces, options); });
  return scan({input}, options);
}

std::string fault(std::string_view input, JsonOptions options = {}) {
  const std::string log = tokens(input, options);
  const std::size_t at = log.find("fault");
  return at == std::string::npos ? "" : log.substr(at, log.size() - at - 1);
}

TEST(JsonScanner, SaysWhereEachTokenLies) {
  EXPECT_EQ(tokens(" {\"a\" : [1, -2.50e+3,\"x\\u00e9y\", true,false , null,{}, []] }\n"),
            "1 begin object\n"
            "2 begin key\n3 piece a\n4 end key\n"
            "8 begin array\n"
            "9 number 1\n12 number -2.50e+3\n"
            "21 begin string\n22 piece x\\u00e9y\n30 end string\n"
            "33 true\n38 false\n46 null\n"
            "51 begin object\n52 end object\n55 begin array\n56 end array\n"
            "57 end array\n59 end object\n");
}

TEST(JsonScanner, TakesAnyValueAtTheTop) {
  EXPECT_EQ(tokens("0"), "0 number 0\n");
  EXPECT_EQ(tokens("-0.0E-00 "), "0 number -0.0E-00\n");
  EXPECT_EQ(tokens("\"\""), "0 begin string\n1 end string\n");
  EXPECT_EQ(tokens("true"), "0 true\n");
  EXPECT_EQ(tokens("\t[]\r\n"), "1 begin array\n2 end array\n");
  EXPECT_EQ(tokens("\xEF\xBB\xBF[]"), "3 begin array\n4 end array\n");
}

TEST(JsonScanner, GivesEachNumberItsOwnBytes) {
  JsonScanner scanner;
  std::vector<JsonEvent> events;
  ASSERT_TRUE(scanner.feed("[12", events));
  ASSERT_TRUE(scanner.feed("34, 5, 67", events));
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[1].bytes, "1234");
  EXPECT_EQ(events[1].offset, 1U);
  EXPECT_EQ(events[2].bytes, "5");
}

TEST(JsonScanner, RefusesWhatTheGrammarDoesNotHave) {
  EXPECT_EQ(fault(""), "fault at 0: ended early");
  EXPECT_EQ(fault("  "), "fault at 2: ended early");
  EXPECT_EQ(fault("\xEF\xBB"), "fault at 2: ended early");
  EXPECT_EQ(fault("\xEF\xBB[]"), "fault at 2: unexpected byte");
  EXPECT_EQ(fault(" \xEF\xBB\xBF[]"), "fault at 1: unexpected byte");
  EXPECT_EQ(fault("{"), "fault at 1: ended early");
  EXPECT_EQ(fault("{,}"), "fault at 1: unexpected byte");
  EXPECT_EQ(fault("{\"a\"}"), "fault at 4: unexpected byte");
  EXPECT_EQ(fault("{\"a\":}"), "fault at 5: unexpected byte");
  EXPECT_EQ(fault("{\"a\":1,}"), "fault at 7: unexpected byte");
  EXPECT_EQ(fault("{a:1}"), "fault at 1: unexpected byte");
  EXPECT_EQ(fault("{\"a\" 1}"), "fault at 5: unexpected byte");
  EXPECT_EQ(fault("{1:2}"), "fault at 1: unexpected byte");
  EXPECT_EQ(fault("[1,]"), "fault at 3: unexpected byte");
  EXPECT_EQ(fault("[,1]"), "fault at 1: unexpected byte");
  EXPECT_EQ(fault("[1 2]"), "fault at 3: unexpected byte");
  EXPECT_EQ(fault("[1}"), "fault at 2: unexpected byte");
  EXPECT_EQ(fault("{\"a\":1]"), "fault at 6: unexpected byte");
  EXPECT_EQ(fault("]"), "fault at 0: unexpected byte");
  EXPECT_EQ(fault("[] []"), "fault at 3: unexpected byte");
  EXPECT_EQ(fault("[]x"), "fault at 2: unexpected byte");
  EXPECT_EQ(fault("// a\n1"), "fault at 0: unexpected byte");
  EXPECT_EQ(fault("'a'"), "fault at 0: unexpected byte");
  EXPECT_EQ(fault("[1\v]"), "fault at 2: unexpected byte");
  EXPECT_EQ(fault("NaN"), "fault at 0: unexpected byte");
}

TEST(JsonScanner, RefusesBadNumbersAndLiterals) {
  EXPECT_EQ(fault("01"), "fault at 1: bad number");
  EXPECT_EQ(fault("-"), "fault at 1: ended early");
  EXPECT_EQ(fault("-a"), "fault at 1: bad number");
  EXPECT_EQ(fault("+1"), "fault at 0: unexpected byte");
  EXPECT_EQ(fault(".5"), "fault at 0: unexpected byte");
  EXPECT_EQ(fault("1.]"), "fault at 2: bad number");
  EXPECT_EQ(fault("1.e5"), "fault at 2: bad number");
  EXPECT_EQ(fault("1e"), "fault at 2: ended early");
  EXPECT_EQ(fault("1e+ "), "fault at 3: bad number");
  EXPECT_EQ(fault("1.2.3"), "fault at 3: unexpected byte");
  EXPECT_EQ(fault("0x1"), "fault at 1: unexpected byte");
  EXPECT_EQ(fault("tru"), "fault at 3: ended early");
  EXPECT_EQ(fault("trueish"), "fault at 4: unexpected byte");
  EXPECT_EQ(fault("nuLl"), "fault at 2: bad literal");
}

TEST(JsonScanner, RefusesBadStringsAtTheByteThatMakesThemBad) {
  EXPECT_EQ(tokens("\"ab\ncd\""),
            "0 begin string\n1 piece ab\nfault at 3: control byte in string\n");
  EXPECT_EQ(fault("\"a\\x\""), "fault at 3: bad escape");
  EXPECT_EQ(fault("\"\\u12g4\""), "fault at 5: bad escape");
  EXPECT_EQ(fault("\"\\u12\""), "fault at 5: bad escape");
  EXPECT_EQ(fault("\"abc"), "fault at 4: ended early");
  EXPECT_EQ(fault(std::string_view("\"\\\0\"", 4)), "fault at 2: bad escape");
  EXPECT_EQ(fault("\"\x7f\""), "");
}

TEST(JsonScanner, ChecksUtf8InStrings) {
  EXPECT_EQ(fault("\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF\""), "");
  EXPECT_EQ(fault("\"\x80\""), "fault at 1: bad UTF-8");
  EXPECT_EQ(fault("\"\xC0\xAF\""), "fault at 1: bad UTF-8");
  EXPECT_EQ(fault("\"\xE0\x9F\xBF\""), "fault at 2: bad UTF-8");
  EXPECT_EQ(fault("\"\xF0\x8F\xBF\xBF\""), "fault at 2: bad UTF-8");
  EXPECT_EQ(fault("\"\xF4\x90\x80\x80\""), "fault at 2: bad UTF-8");
  EXPECT_EQ(fault("\"\xED\xA0\xBD\""), "fault at 2: bad UTF-8");
  EXPECT_EQ(fault("\"\xC3\""), "fault at 2: bad UTF-8");
  EXPECT_EQ(fault("\"\xC3\\n\""), "fault at 2: bad UTF-8");
  EXPECT_EQ(fault("\"\xED\xA0\xBD\xED\xB8\x80\"", {.utf8 = Utf8::Surrogates}), "");
  EXPECT_EQ(fault("\"\xED\xC0\"", {.utf8 = Utf8::Surrogates}), "fault at 2: bad UTF-8");
  EXPECT_EQ(fault("\"\xFF\xC3\"", {.utf8 = Utf8::Any}), "");
  EXPECT_EQ(fault("[\xC3\xA9]", {.utf8 = Utf8::Any}), "fault at 1: unexpected byte");
}

TEST(JsonScanner, BoundsDepthAndNumbers) {
  const std::string deep(limits::kJsonDepth, '[');
  EXPECT_EQ(scan({deep + std::string(limits::kJsonDepth, ']')}, {}).find("fault"),
            std::string::npos);
  EXPECT_NE(scan({deep + "{"}, {}).find("fault at 256: nested too deep"), std::string::npos);
  const std::string digits(kJsonNumber, '7');
  EXPECT_EQ(scan({digits}, {}).find("fault"), std::string::npos);
  EXPECT_EQ(scan({digits.substr(0, 99), digits.substr(98)}, {}),
            "fault at 4096: number too long\n");
}

TEST(JsonScanner, AFragmentMayEndAnywhere) {
  const std::string_view whole = "{\"a\":[1.5,\"x\\n\\u00e9\",true,{\"b\":null}]}";
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    EXPECT_EQ(fault(whole.substr(0, size), {.fragment = true}), "") << size;
  }
  EXPECT_EQ(tokens("[1", {.fragment = true}), "0 begin array\n1 number 1\n");
  EXPECT_EQ(tokens("[1.", {.fragment = true}), "0 begin array\n");
  EXPECT_EQ(fault("[1,]", {.fragment = true}), "fault at 3: unexpected byte");
}

TEST(JsonScanner, ReadsManyValuesWhereAsked) {
  EXPECT_EQ(tokens("{}\n1\n\n\"a\"\n", {.many_values = true}),
            "0 begin object\n1 end object\n3 number 1\n6 begin string\n7 piece a\n8 end string\n");
  EXPECT_EQ(fault("", {.many_values = true}), "");
  EXPECT_EQ(fault("{}\n{", {.many_values = true}), "fault at 4: ended early");
}

TEST(JsonScanner, AgreesWithAnIndependentParserOnMutatedTexts) {
  const std::vector<std::string> seeds = {
      R"({"model":"m","max_tokens":1024,"messages":[{"role":"user","content":"hi \"there\" \u00e9\n"}]})",
      R"([0,-1,1.5,2e10,-3.25E-2,true,false,null,"",{},[],[[1]],{"a":{"b":[]}}])",
      "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80 \\ud83d\\ude00\"",
  };
  constexpr std::string_view kAlphabet = "{}[]:,\"\\u0019-+.eE truefalsn/\t\n\x01\x80\xC3\xA9\xED";
  std::mt19937 random(20261123);
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  std::size_t accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = seeds[below(seeds.size())];
    for (std::size_t edits = below(3); edits > 0; --edits) {
      const std::size_t at = below(text.size());
      switch (below(3)) {
        case 0:
          text[at] = kAlphabet[below(kAlphabet.size())];
          break;
        case 1:
          text.erase(at, 1 + below(4));
          break;
        default:
          text.insert(at, 1, kAlphabet[below(kAlphabet.size())]);
          break;
      }
      if (text.empty()) break;
    }
    const bool ours = scan({text}, {}).find("fault") == std::string::npos;
    // It also refuses numbers that overflow a double and pairs of surrogates that do not match,
    // which the grammar has.
    const bool theirs = nlohmann::json::accept(text);
    if (ours != theirs) {
      const bool half_pair =
          text.find("\\ud") != std::string::npos || text.find("\\uD") != std::string::npos;
      const bool large = text.find('e') != std::string::npos || text.find('E') != std::string::npos;
      ASSERT_TRUE(ours && (half_pair || large)) << text;
    }
    accepted += ours ? 1 : 0;
  }
  EXPECT_GT(accepted, 2000U);
}

TEST(JsonScanner, AgreesWithAnIndependentParserOnEveryShortText) {
  constexpr std::string_view kAlphabet = "{}[],:\"a10-.e\\ ";
  std::size_t count = 1;
  for (int length = 0; length <= 4; ++length, count *= kAlphabet.size()) {
    for (std::size_t number = 0; number < count; ++number) {
      std::string text;
      std::size_t rest = number;
      for (int i = 0; i < length; ++i, rest /= kAlphabet.size())
        text += kAlphabet[rest % kAlphabet.size()];
      JsonScanner scanner;
      std::vector<JsonEvent> events;
      bool ours = true;
      for (const char c : text) ours = ours && scanner.feed({&c, 1}, events).has_value();
      ours = ours && scanner.finish(events).has_value();
      ASSERT_EQ(ours, nlohmann::json::accept(text)) << text;
    }
  }
}

}  // namespace
}  // namespace veilwire::wire
