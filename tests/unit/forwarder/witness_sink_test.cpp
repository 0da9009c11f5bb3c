// Against the rules of the real witness (agent/witness) over a store in memory, with lies in
// between.
#include "agent/forwarder/witness_sink.h"

#include "agent/host/clock.h"
#include "agent/witness/witness.h"
#include "tests/unit/evidence/made_log.h"
#include "tests/unit/forwarder/receiver.h"
#include "tests/unit/forwarder/told_samples.h"
#include "tests/unit/witness/memory_store.h"

#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include <gmock/gmock.h>

namespace veilwire::forwarder {
namespace {

using namespace testing;
using evidence::kMadeOrigin;
using evidence::MadeLog;
using ::testing::HasSubstr;
using ::testing::SizeIs;

proof::NoteSigner witness_key() {
  return *proof::NoteSigner::make("witness.example/1", proof::NoteKeyKind::Witness,
                                  crypto::PrivateKey::generate_ed25519());
}

std::string http(int status, const std::string& body, const std::string& fields = "") {
  return "HTTP/1.1 " + std::to_string(status) +
         " Some\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n" + fields + "\r\n" + body;
}

class WitnessServer {
 public:
  // What is answered instead of the witness's own answer; nullopt: the connection is cut.
  using Change = std::function<std::optional<std::string>(const std::string& own)>;

  proof::NoteSigner signer = witness_key();
  witness::MemoryStore store;
  std::size_t requests = 0;
  Change change;

  std::uint16_t port() const { return receiver_.port(); }
  std::vector<std::string>& held() { return store.logs[kMadeOrigin].records; }

 private:
  void serve(Stream& stream) {
    std::string bytes;
    std::size_t head = 0;
    while ((head = bytes.find("\r\n\r\n")) == bytes.npos ||
           bytes.size() < head + 4 + std::stoul(bytes.substr(bytes.find("Content-Length: ") + 16)))
      if (!stream.read(bytes)) return;
    ++requests;
    const std::string body = bytes.substr(head + 4);
    const auto batch = evidence::parse_batch(body);
    std::string answer = http(400, "{}");
    const bool is_ours = bytes.starts_with("POST /v1/records HTTP/1.1\r\n") &&
                         bytes.find("Content-Type: " + std::string(evidence::kBatchType)) < head;
    if (batch && is_ours) {
      const witness::Reply reply = witness_.take(store, "host-a", *batch);
      answer =
          http(reply.status, to_json(reply.answer), reply.retry_after ? "Retry-After: 7\r\n" : "");
    }
    const auto said = change ? change(answer) : answer;
    if (said) stream.write(*said);
  }

  witness::Rules rules_;
  witness::Witness witness_{rules_, signer, [] { return host::now().wall; }};
  Receiver receiver_{[this](Stream& stream) { serve(stream); }};
};

class WitnessSinkTest : public ::testing::Test {
 protected:
  WitnessSinkTest() {
    log_.state_key(key_);
    log_.say(3);
    log_.sign(key_, 60);
    log_.say(2);
    log_.sign(key_, 120);
    log_.say(1);
    settings_.key = server_.signer.verifier().to_string();
    settings_.url =
        identity::parse_url("http://127.0.0.1:" + std::to_string(server_.port()) + "/v1/records",
                            identity::PlainHttp::Loopback)
            .value();
    settings_.timeout = std::chrono::seconds(20);  // only a broken sink takes this long
  }

  std::vector<Told> told(std::uint64_t first, std::uint64_t last) const {
    std::vector<Told> out;
    for (std::uint64_t number = first; number <= last; ++number) {
      Told each{.record = number,
                .canonical = log_.records[static_cast<std::size_t>(number - 1)],
                .parsed = std::nullopt,
                .exchange = std::nullopt};
      auto parsed = audit::parse_record(each.canonical);
      if (parsed) each.parsed = *std::move(parsed);
      out.push_back(std::move(each));
    }
    return out;
  }
  Sent send(std::uint64_t first, std::uint64_t last) {
    if (!sink_) {
      sink_.emplace(io_, settings_, [] { return host::now().wall; });
      EXPECT_TRUE(sink_->asks_for_log());
      sink_->records_are_of(kMadeOrigin);
    }
    return send_all(io_, *sink_, told(first, last));
  }

  const proof::NoteSigner key_ = evidence::made_key();
  MadeLog log_;
  WitnessServer server_;
  WitnessSettings settings_;
  boost::asio::io_context io_;
  std::optional<WitnessSink> sink_;
};

TEST_F(WitnessSinkTest, GivesBackTheSignatureOfTheLastCheckpoint) {
  const Sent sent = send(1, 9);
  EXPECT_EQ(sent.problem, "");
  EXPECT_EQ(sent.done, 9U);
  EXPECT_EQ(server_.held(), log_.records);
  ASSERT_TRUE(sent.cosigned);
  EXPECT_EQ(sent.cosigned->size, 7U);
  const auto lines = proof::parse_signatures(sent.cosigned->line + "\n");
  const auto note =
      proof::parse_note(std::get<audit::Checkpoint>(told(8, 8)[0].parsed->record.body).note);
  EXPECT_TRUE(server_.signer.verifier().verify(note->text, lines->front()));
}

TEST_F(WitnessSinkTest, SaysASignatureOnce) {
  EXPECT_FALSE(send(1, 4).cosigned);
  EXPECT_EQ(send(5, 6).cosigned->size, 4U);
  EXPECT_FALSE(send(7, 7).cosigned);
  EXPECT_EQ(send(8, 8).cosigned->size, 7U);
  EXPECT_FALSE(send(9, 9).cosigned);
  EXPECT_EQ(server_.held(), log_.records);
}

TEST_F(WitnessSinkTest, AnAnswerThatWasLostCostsNothing) {
  server_.change = [](const std::string&) { return std::nullopt; };
  const Sent cut = send(1, 6);
  EXPECT_EQ(cut.done, 0U);
  EXPECT_NE(cut.problem, "");
  server_.change = nullptr;
  const Sent again = send(1, 9);
  EXPECT_EQ(again.done, 9U);
  EXPECT_EQ(again.cosigned->size, 7U);
  EXPECT_EQ(server_.held(), log_.records);
}

TEST_F(WitnessSinkTest, SaysWhatToDoAboutAWitnessThatHasLessThanItWasTold) {
  EXPECT_EQ(send(1, 3).done, 3U);
  const Sent sent = send(6, 9);
  EXPECT_EQ(sent.done, 0U);
  EXPECT_THAT(sent.problem, HasSubstr("holds 3 records of this log"));
  EXPECT_THAT(sent.problem, HasSubstr("rewind this sink to 4"));
}

TEST_F(WitnessSinkTest, BelievesNoSignatureOfAnotherKey) {
  settings_.key = witness_key().verifier().to_string();
  const Sent sent = send(1, 9);
  EXPECT_EQ(sent.done, 0U);
  EXPECT_FALSE(sent.cosigned);
  EXPECT_THAT(sent.problem, HasSubstr("signature is not of its configured key"));
}

TEST_F(WitnessSinkTest, BelievesNoSignatureOfAnotherCheckpoint) {
  server_.change = [](std::string own) {
    const std::size_t at = own.find("\"checkpoint\":7");
    if (at != own.npos) own.replace(at, 14, "\"checkpoint\":4");
    return own;
  };
  const Sent sent = send(1, 9);
  EXPECT_FALSE(sent.cosigned);
  EXPECT_THAT(sent.problem, HasSubstr("not of the checkpoint that it was sent"));
}

TEST_F(WitnessSinkTest, TellsOfTamperingAndSendsNothingMore) {
  EXPECT_EQ(send(1, 5).done, 5U);
  std::swap(log_.records[2], log_.records[3]);
  const Sent sent = send(3, 9);
  EXPECT_EQ(sent.done, 0U);
  EXPECT_THAT(sent.problem, HasSubstr("TAMPERING, says the witness: record 3 of veilwire/"));
  EXPECT_THAT(server_.store.noted, SizeIs(1));
}

TEST_F(WitnessSinkTest, WaitsAsLongAsItIsTold) {
  server_.store.away = true;
  const Sent sent = send(1, 5);
  EXPECT_EQ(sent.done, 0U);
  EXPECT_EQ(sent.retry_after, std::chrono::seconds(7));
  EXPECT_THAT(sent.problem, HasSubstr("status 503"));
}

TEST_F(WitnessSinkTest, BelievesNothingThatIsNoAnswer) {
  const std::pair<const char*, const char*> answers[] = {{"hello", "no witness"},
                                                         {"{}", "no witness"},
                                                         {"{\"size\":4}", "less than it was sent"},
                                                         {"{\"size\":0}", "less than it was sent"}};
  for (const auto& [body, problem] : answers) {
    server_.change = [body = std::string(body)](const std::string&) { return http(200, body); };
    const Sent sent = send(1, 5);
    EXPECT_EQ(sent.done, 0U) << body;
    EXPECT_THAT(sent.problem, HasSubstr(problem)) << body;
  }
}

TEST_F(WitnessSinkTest, SendsWhatIsTooMuchForOneRequestInSeveral) {
  for (int i = 0; i < 12; ++i) log_.put_bytes(std::string(audit::kRecordBytes - 1, 'x'));
  log_.sign(key_, 180);
  log_.say(1);
  const std::uint64_t all = log_.records.size();
  const Sent sent = send(1, all);
  EXPECT_EQ(sent.problem, "");
  EXPECT_EQ(sent.done, all);
  EXPECT_EQ(sent.cosigned->size, all - 2);
  EXPECT_EQ(server_.requests, 2U);
  EXPECT_EQ(server_.held(), log_.records);
}

TEST(WitnessSinkSettings, AreReadAndJudged) {
  const std::string key = witness_key().verifier().to_string();
  const auto read = [](const std::string& lines) {
    return read_witness_settings(host::Config::parse("[sink]\n" + lines, "t").section("sink"));
  };
  const WitnessSettings settings =
      read("endpoint = \"https://w.example:8443/\"\nwitness_key = \"" + key + "\"\n");
  EXPECT_EQ(settings.url.target, "/v1/records");
  EXPECT_EQ(settings.url.port, 8443);
  EXPECT_EQ(settings.key, key);
  const std::string of_log = evidence::made_key().verifier().to_string();
  for (const std::string& wrong :
       {"endpoint = \"http://w.example\"\nwitness_key = \"" + key + "\"\n",
        std::string("endpoint = \"https://w.example\"\n"),
        "endpoint = \"https://w.example\"\nwitness_key = \"" + of_log + "\"\n",
        std::string("endpoint = \"https://w.example\"\nwitness_key = \"x\"\n")})
    EXPECT_THROW((void)read(wrong), host::ConfigError) << wrong;
}

}  // namespace
}  // namespace veilwire::forwarder
