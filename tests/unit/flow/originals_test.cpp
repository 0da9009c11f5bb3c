// What policy keeps of bodies as they came: which records there are, in which order, and that an
// auditor opens what went in.
#include "userspace/flow/originals.h"

#include "tests/unit/flow/relay_fixture.h"
#include "tests/unit/sealing/made_auditor.h"
#include "userspace/base/limits.h"
#include "userspace/evidence/original_reader.h"
#include "userspace/sealing/key_wrap.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::flow {
namespace {

using evidence::OriginalBody;
using sealing::testing::ada;
using sealing::testing::at;
using sealing::testing::bob;
using sealing::testing::cleo;
using sealing::testing::MadeAuditor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kWriter = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kSecret = "KEY-12345678";

std::string keeping(std::string_view rules) {
  return std::string(kPolicy) + std::string(rules) +
         "\n[auditors]\ncertificates = [\"a.pem\", \"b.pem\"]\n";
}

std::shared_ptr<const Ruleset> ruleset_for(const std::string& text,
                                           const std::vector<std::string>& certificates) {
  auto policy = policy::parse(text, "policy.toml");
  if (!policy) {
    ADD_FAILURE() << policy::to_string(policy.error());
    return nullptr;
  }
  std::shared_ptr<const sealing::Auditors> auditors;
  if (!certificates.empty())
    auditors = std::make_shared<sealing::Auditors>(
        std::move(*sealing::Auditors::load(certificates, at())));
  std::vector<masking::RulePack> packs;
  packs.push_back(*masking::parse_rule_pack(kPack, "pack.toml"));
  return *Ruleset::build(*std::move(policy), std::move(packs),
                         Secret(std::string("0123456789abcdef0123456789abcdef")),
                         ElementCache::kBytes, auditors);
}

std::vector<std::string> two() { return {ada().certificate, bob().certificate}; }

class OriginalsTest : public ::testing::Test {
 protected:
  void begin(const std::string& policy, const std::vector<std::string>& certificates = two()) {
    ruleset = ruleset_for(policy, certificates);
    now.wall = at();
    RelayTarget target;
    target.host = "api.anthropic.com";
    target.service = policy::Service::Anthropic;
    target.place = {"", std::string(kWriter), ""};
    target.random = crypto::system_random();
    relay = std::make_unique<HttpRelay>(std::move(target), ruleset, sink);
    identity::Person person;
    person.issuer = "local";
    person.subject = "1000";
    person.groups = {"finance"};
    person.valid_until = {std::chrono::hours(1)};
    relay->identity_known(person, now);
  }
  static std::string post(std::string_view body, std::string_view extra = "") {
    return "POST /v1/messages HTTP/1.1\r\nHost: api.anthropic.com\r\n" + std::string(extra) +
           "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + std::string(body);
  }
  static std::string question(std::string_view model = "m") {
    return R"({"model":")" + std::string(model) +
           R"(","messages":[{"role":"user","content":"it is )" + std::string(kSecret) + "\"}]}";
  }
  static std::string answer(std::string_view body) {
    return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }
  void exchange(const std::string& request, const std::string& response) {
    relay->from_client(post(request), now);
    relay->from_upstream(answer(response), now);
  }

  // As an auditor sees the records.
  std::map<std::string, std::string> opened(const MadeAuditor& auditor,
                                            std::vector<OriginalBody>* bodies = nullptr) const {
    std::map<std::string, std::string> texts;
    evidence::OriginalReader reader(
        [&](const sealing::WrappedKey& wrapped) {
          return sealing::unwrap_key(wrapped, auditor.certificate, auditor.key);
        },
        [&](const OriginalBody& body, std::string_view text) {
          texts[std::to_string(body.exchange) + " " + body.direction] += text;
        });
    std::uint64_t seq = 0;
    for (std::size_t i = 0; i < sink.records.size(); ++i) {
      const audit::Record record{{"", "", "", sink.exchanges[i]}, {}, sink.records[i]};
      const std::string bytes = audit::canonical(record, kWriter, ++seq);
      reader.add(*audit::parse_record(bytes), bytes);
    }
    const auto all = reader.finish();
    for (const OriginalBody& body : all)
      EXPECT_TRUE(bodies != nullptr || !body.problem) << body.problem.value_or("");
    if (bodies != nullptr) *bodies = all;
    return texts;
  }
  std::size_t place_of(std::string_view event, std::size_t from = 0) const {
    const auto found =
        std::find(sink.order.begin() + static_cast<std::ptrdiff_t>(from), sink.order.end(), event);
    return static_cast<std::size_t>(found - sink.order.begin());
  }

  Now now;
  std::shared_ptr<const Ruleset> ruleset;
  SinkLog sink;
  std::unique_ptr<HttpRelay> relay;
};

TEST_F(OriginalsTest, NothingIsKeptWherePolicyDoesNotAskForIt) {
  begin(std::string(kPolicy), {});
  exchange(question(), R"({"x":"KEY-12345678"})");
  EXPECT_TRUE(sink.all<audit::OriginalKey>().empty());
  EXPECT_TRUE(sink.all<audit::OriginalChunk>().empty());
  EXPECT_EQ(sink.outcome(), "complete");
}

TEST_F(OriginalsTest, BothBodiesAreKeptAsTheyCameAndEveryAuditorOpensThem) {
  begin(keeping("[[original]]\nkeep = \"both\"\n"));
  const std::string said = R"({"x":"KEY-12345678"})";
  exchange(question(), said);
  EXPECT_EQ(sink.upstream.find(kSecret), std::string::npos);
  EXPECT_EQ(sink.client.find(kSecret), std::string::npos);
  for (const MadeAuditor& auditor : {ada(), bob()})
    EXPECT_THAT(opened(auditor),
                ElementsAre(std::pair("1 request", question()), std::pair("1 response", said)));
  const auto keys = sink.all<audit::OriginalKey>();
  ASSERT_EQ(keys.size(), 1U);
  ASSERT_EQ(keys[0].recipients.size(), 2U);
  EXPECT_EQ(keys[0].recipients[0].subject, "CN=Ada");
  EXPECT_EQ(sink.exchanges[place_of("record original.key")], 0U);
}

TEST_F(OriginalsTest, SomebodyElsesKeyOpensNothing) {
  begin(keeping("[[original]]\nkeep = \"both\"\n"));
  exchange(question(), R"({"x":1})");
  std::vector<OriginalBody> bodies;
  EXPECT_TRUE(opened(cleo(), &bodies).empty());
  ASSERT_EQ(bodies.size(), 2U);
  EXPECT_TRUE(bodies[0].locked && bodies[1].locked);
}

TEST_F(OriginalsTest, StandBeforeWhatWasMadeOfThemAndBeforeAnythingIsReleased) {
  begin(keeping("[[original]]\nkeep = \"both\"\n"));
  exchange(question(), R"({"x":1})");
  EXPECT_THAT(sink.order,
              ElementsAre("record original.key", "record request.head", "record original.chunk",
                          "record request.body", "upstream", "record response.head",
                          "record original.chunk", "record response.fragment", "client", "client",
                          "record exchange.close"));
}

TEST_F(OriginalsTest, AStreamIsOnRecordBeforeEachPieceOfItIsReleased) {
  begin(keeping("[[original]]\nkeep = \"response\"\n"));
  relay->from_client(post(question()), now);
  EXPECT_TRUE(sink.all<audit::OriginalChunk>().empty());
  relay->from_upstream(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
      "Transfer-Encoding: chunked\r\n\r\n",
      now);
  std::string sent;
  const auto piece = [&](const std::string& events) {
    sent += events;
    const std::size_t before = sink.order.size();
    relay->from_upstream(chunk(events), now);
    EXPECT_LT(place_of("record original.chunk", before), place_of("client", before)) << events;
  };
  piece(kOpening);
  piece(delta("it is KEY-12"));
  piece(delta("345678 and so on"));
  relay->from_upstream("0\r\n\r\n", now);
  EXPECT_EQ(opened(ada())["1 response"], sent);
  EXPECT_EQ(sink.client.find(kSecret), std::string::npos);
  const auto chunks = sink.all<audit::OriginalChunk>();
  EXPECT_EQ(chunks.size(), 4U);
  EXPECT_TRUE(chunks.back().last);
  EXPECT_LT(place_of("record original.chunk"), place_of("record exchange.close"));
}

TEST_F(OriginalsTest, AnAnswerThatIsCutEndsWhereItWasCut) {
  begin(keeping("[[original]]\nkeep = \"both\"\n"));
  relay->from_client(post(question()), now);
  relay->from_upstream(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
      "Transfer-Encoding: chunked\r\n\r\n" +
          chunk(kOpening),
      now);
  relay->upstream_ended(false, now);
  EXPECT_EQ(opened(bob())["1 response"], kOpening);
  EXPECT_TRUE(sink.all<audit::OriginalChunk>().back().last);
}

TEST_F(OriginalsTest, WhatIsBlockedIsKeptToo) {
  begin(keeping("[[original]]\nkeep = \"both\"\n"));
  const std::string typed = R"({"model":"m","messages":[{"role":"user","content":"BAD-1234"}]})";
  relay->from_client(post(typed), now);
  EXPECT_EQ(sink.outcome(), "blocked");
  EXPECT_EQ(opened(ada())["1 request"], typed);
  EXPECT_TRUE(sink.upstream.empty());
}

TEST_F(OriginalsTest, ALargeBodyIsSeveralChunks) {
  begin(keeping("[[original]]\nkeep = \"request\"\n"));
  const std::string typed = R"({"model":"m","messages":[{"role":"user","content":")" +
                            std::string(200'000, 'x') + "\"}]}";
  relay->from_client(post(typed), now);
  EXPECT_EQ(sink.all<audit::OriginalChunk>().size(), 4U);
  EXPECT_EQ(opened(ada())["1 request"], typed);
}

TEST_F(OriginalsTest, FirstRuleDecides) {
  const std::string policy = keeping(
      "[[original]]\nmodel = \"quiet-*\"\nkeep = \"none\"\n"
      "[[original]]\ngroup = \"legal\"\nkeep = \"both\"\n"
      "[[original]]\ngroup = \"finance\"\nhost = \"api.anthropic.com\"\nkeep = \"response\"\n");
  begin(policy);
  exchange(question("quiet-1"), R"({"x":1})");
  EXPECT_TRUE(sink.all<audit::OriginalChunk>().empty());
  exchange(question("loud-1"), R"({"x":2})");
  EXPECT_THAT(opened(ada()), ElementsAre(std::pair("2 response", R"({"x":2})")));
}

TEST_F(OriginalsTest, OneKeyServesAllExchangesUntilTheAuditorsAreOthers) {
  const std::string policy = keeping("[[original]]\nkeep = \"request\"\n");
  begin(policy);
  exchange(question("a"), R"({"x":1})");
  exchange(question("b"), R"({"x":1})");
  EXPECT_EQ(sink.all<audit::OriginalKey>().size(), 1U);
  relay->adopt(ruleset_for(policy, two()));  // the same, read again
  exchange(question("c"), R"({"x":1})");
  EXPECT_EQ(sink.all<audit::OriginalKey>().size(), 1U);
  relay->adopt(ruleset_for(policy, {ada().certificate, cleo().certificate}));
  exchange(question("d"), R"({"x":1})");
  EXPECT_EQ(sink.all<audit::OriginalKey>().size(), 2U);
  EXPECT_EQ(opened(ada()).size(), 4U);
  std::vector<OriginalBody> bodies;
  EXPECT_THAT(opened(cleo(), &bodies), ElementsAre(std::pair("4 request", question("d"))));
  EXPECT_EQ(opened(bob(), &bodies).size(), 3U);
}

TEST_F(OriginalsTest, AnAuditorWhoseTimeIsOverRefusesNewExchangesAndSaysWho) {
  begin(keeping("[[original]]\nkeep = \"both\"\n"));
  exchange(question(), R"({"x":1})");
  sink.upstream.clear();
  now.wall = at(std::chrono::hours(2));
  relay->from_client(post(question()), now);
  EXPECT_TRUE(sink.upstream.empty());
  EXPECT_THAT(sink.client, HasSubstr("sealed for auditors"));
  EXPECT_EQ(sink.outcome(), "original not sealed");
  const auto gaps = sink.all<audit::Gap>();
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].reason, "original not sealed");
  EXPECT_EQ(gaps[0].detail, "auditor 1 (CN=Ada): its time is over");
  EXPECT_EQ(gaps[0].action, "block");
}

TEST_F(OriginalsTest, WherePolicyLetsItPassThereIsAGap) {
  begin(keeping("[[original]]\nkeep = \"both\"\n") + "unsealed = \"pass\"\n");
  now.wall = at(std::chrono::hours(2));
  exchange(question(), R"({"x":1})");
  EXPECT_EQ(sink.outcome(), "complete");
  EXPECT_TRUE(sink.all<audit::OriginalChunk>().empty());
  ASSERT_EQ(sink.all<audit::Gap>().size(), 1U);
  EXPECT_EQ(sink.all<audit::Gap>()[0].action, "pass");
}

TEST_F(OriginalsTest, WhoNeedsNoneIsNotRefused) {
  begin(keeping("[[original]]\ngroup = \"legal\"\nkeep = \"both\"\n"));
  now.wall = at(std::chrono::hours(2));
  exchange(question(), R"({"x":1})");
  EXPECT_EQ(sink.outcome(), "complete");
  EXPECT_TRUE(sink.all<audit::Gap>().empty());
}

TEST_F(OriginalsTest, ARequestThatCannotBeReadIsKeptForEveryModelThatIs) {
  const std::string policy = keeping(
      "[[original]]\nmodel = \"quiet\"\nkeep = \"none\"\n"
      "[[original]]\nmodel = \"m\"\nkeep = \"request\"\n");
  begin(policy);
  relay->from_client(post("whatever", "Content-Encoding: lzma\r\n"), now);
  EXPECT_EQ(opened(ada())["1 request"], "whatever");
}

TEST_F(OriginalsTest, WhatPassesUnseenIsSealedAsItPasses) {
  begin(keeping("[[original]]\nkeep = \"request\"\n") + "[uninspected]\nover_limit = \"pass\"\n");
  const std::size_t size = limits::kRequestBody + 300'000;
  relay->from_client("POST /v1/files HTTP/1.1\r\nHost: api.anthropic.com\r\nContent-Length: " +
                         std::to_string(size) + "\r\n\r\n",
                     now);
  const std::string piece(100'000, 'x');
  for (std::size_t sent = 0; sent < size; sent += std::min(piece.size(), size - sent))
    relay->from_client(piece.substr(0, std::min(piece.size(), size - sent)), now);
  EXPECT_EQ(opened(bob())["1 request"].size(), size);
}

// The session's own records and every byte that goes anywhere are what they are without originals.
TEST_F(OriginalsTest, NothingElseChanges) {
  begin(std::string(kPolicy), {});
  exchange(question(), R"({"x":"KEY-12345678"})");
  const SinkLog plain = std::exchange(sink, {});
  begin(keeping("[[original]]\nkeep = \"both\"\n"));
  exchange(question(), R"({"x":"KEY-12345678"})");
  EXPECT_EQ(sink.client, plain.client);
  EXPECT_EQ(sink.upstream, plain.upstream);
  std::erase_if(sink.order, [](const std::string& event) {
    return event.find("original") != std::string::npos;
  });
  EXPECT_EQ(sink.order, plain.order);
}

}  // namespace
}  // namespace veilwire::flow
