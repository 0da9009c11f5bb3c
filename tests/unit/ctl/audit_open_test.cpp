#include "agent/ctl/audit_open.h"

#include "agent/ctl/audit_ledger.h"
#include "agent/ctl/audit_proof.h"
#include "agent/ctl/passphrase.h"
#include "tests/unit/sealing/made_auditor.h"
#include "userspace/audit/head_digest.h"
#include "userspace/crypto/encoding.h"
#include "userspace/sealing/key_wrap.h"
#include "userspace/sealing/session_sealer.h"
#include "userspace/wire/content_coding.h"

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using sealing::testing::ada;
using sealing::testing::at;
using sealing::testing::bob;
using sealing::testing::cleo;
using sealing::testing::MadeAuditor;
using ::testing::HasSubstr;

const std::string kWriter(32, 'a');
constexpr const char* kSession = "00c0ffee00c0ffee";

class AuditOpen : public ::testing::Test {
 protected:
  AuditOpen()
      : sealer_(std::move(*sealing::SessionSealer::make(
            std::move(
                *sealing::Auditors::load(std::vector{ada().certificate, bob().certificate}, at())),
            crypto::system_random(), at()))) {
    put(audit::OriginalKey{.key_id = crypto::hex_encode(sealer_.wrapped().id),
                           .recipients = {},
                           .cms = sealer_.wrapped().cms},
        0);
    use(ada());
  }
  void use(const MadeAuditor& auditor) {
    options_.key = folder_.write("key.pem", auditor.key);
    options_.certificate = folder_.write("certificate.pem", auditor.certificate);
  }
  void put(audit::Body body, std::uint64_t exchange) {
    records_.push_back({{"host", "boot", kSession, exchange}, {}, std::move(body)});
  }
  void keep(std::uint64_t exchange, const std::string& direction, const std::string& text,
            const std::string& coding = "") {
    audit::RequestHead request;
    audit::ResponseHead response;
    if (!coding.empty()) response.fields.emplace_back("content-encoding", coding);
    put(direction == "request" ? audit::Body(request) : audit::Body(response), exchange);
    const crypto::Digest head = audit::head_digest(records_.back());
    auto body =
        sealer_.body({.host = "host",
                      .writer = kWriter,
                      .session = kSession,
                      .exchange = exchange,
                      .direction = direction == "request" ? sealing::BodyDirection::Request
                                                          : sealing::BodyDirection::Response},
                     head);
    (void)body.write(text);
    sealing::Chunk chunk = body.finish();
    put(audit::OriginalChunk{.direction = direction,
                             .key_id = crypto::hex_encode(sealer_.wrapped().id),
                             .head = crypto::hex_encode(head),
                             .index = 0,
                             .last = true,
                             .content = std::move(chunk.bytes)},
        exchange);
  }
  int open(bool terminal = false) {
    out_.str("");
    err_.str("");
    SessionRecords records{.session = kSession, .exchange = exchange_, .read = {}};
    records.read = [&](const SessionRecords::Visit& visit) {
      std::uint64_t seq = 0;
      for (const audit::Record& record : records_) {
        const std::string bytes = audit::canonical(record, kWriter, ++seq);
        visit(*audit::parse_record(bytes), bytes);
      }
    };
    return audit_open(records, options_, {.out = out_, .err = err_, .terminal = terminal});
  }

  const veilwire::testing::ScratchFolder folder_;
  sealing::SessionSealer sealer_;
  std::vector<audit::Record> records_;
  std::optional<std::uint64_t> exchange_;
  OpenOptions options_;
  std::ostringstream out_, err_;
};

TEST_F(AuditOpen, WritesWhatWasTyped) {
  keep(1, "request", "what was typed\n");
  EXPECT_EQ(open(), 0) << err_.str();
  EXPECT_EQ(out_.str(), "what was typed\n");
  use(bob());
  EXPECT_EQ(open(), 0) << err_.str();
  EXPECT_EQ(out_.str(), "what was typed\n");
}

TEST_F(AuditOpen, ATerminalIsNotDriven) {
  keep(1, "request", "\x1b[2Jtyped");
  EXPECT_EQ(open(true), 0);
  EXPECT_EQ(out_.str(), "\\x1b[2Jtyped\n");
}

TEST_F(AuditOpen, OfSeveralOneIsChosen) {
  keep(1, "request", "one");
  keep(1, "response", "two");
  keep(2, "request", "three");
  EXPECT_EQ(open(), kAuditUsage);
  EXPECT_THAT(err_.str(), HasSubstr("00c0ffee00c0ffee.1 --direction response"));
  EXPECT_EQ(out_.str(), "");
  options_.direction = "response";
  EXPECT_EQ(open(), 0);
  EXPECT_EQ(out_.str(), "two");
  options_.direction = "request";
  exchange_ = 2;
  EXPECT_EQ(open(), 0);
  EXPECT_EQ(out_.str(), "three");
}

TEST_F(AuditOpen, AsJsonAllOfThemAreThere) {
  keep(1, "request", "one");
  keep(1, "response", "\xff");
  options_.json = true;
  EXPECT_EQ(open(), 0);
  const auto bodies = nlohmann::json::parse(out_.str());
  ASSERT_EQ(bodies.size(), 2U);
  EXPECT_EQ(bodies[0]["session"], kSession);
  EXPECT_EQ(bodies[0]["content"], "one");
  EXPECT_EQ(bodies[0]["whole"], true);
  EXPECT_EQ(bodies[1]["direction"], "response");
  EXPECT_EQ(bodies[1]["content_base64"], "/w==");
}

TEST_F(AuditOpen, AContentCodingIsRemovedUnlessItIsWanted) {
  std::string coded;
  auto encoder = wire::Encoder::make({wire::Coding::Gzip});
  ASSERT_TRUE(encoder && encoder->feed("what was sent", coded) && encoder->finish(coded));
  keep(1, "response", coded, "gzip");
  EXPECT_EQ(open(), 0);
  EXPECT_EQ(out_.str(), "what was sent");
  options_.coded = true;
  EXPECT_EQ(open(), 0);
  EXPECT_EQ(out_.str(), coded);
  keep(2, "response", "as it came", "lzma");
  exchange_ = 2;
  EXPECT_EQ(open(), 0);
  EXPECT_EQ(out_.str(), "as it came");
  options_.coded = false;
  EXPECT_EQ(open(), kAuditDisproved);
  EXPECT_THAT(err_.str(), HasSubstr("--coded"));
}

TEST_F(AuditOpen, SaysThatTheEndIsMissing) {
  keep(1, "request", "typed");
  std::get<audit::OriginalChunk>(records_.back().body).last = false;
  EXPECT_EQ(open(), kAuditDisproved);
  records_.pop_back();
  EXPECT_EQ(open(), kAuditUnknownId);
  EXPECT_THAT(err_.str(), HasSubstr("policy did not keep it"));
}

TEST_F(AuditOpen, AnotherKeyOpensNothingAndSaysSo) {
  keep(1, "request", "typed");
  use(cleo());
  EXPECT_EQ(open(), kAuditLocked);
  EXPECT_THAT(err_.str(), HasSubstr("wrapped for other auditors"));
  options_.key = folder_.write("key.pem", ada().key);
  EXPECT_EQ(open(), kAuditFailed);
  EXPECT_THAT(err_.str(), HasSubstr("is not the key of the certificate"));
}

TEST_F(AuditOpen, TheKeyOfTheSessionIsEnough) {
  keep(1, "request", "typed");
  const auto key = sealing::unwrap_key(sealer_.wrapped(), ada().certificate, ada().key);
  ASSERT_TRUE(key);
  options_ = {};
  options_.session_key = folder_.write("session.key", std::string(key->bytes().reveal()));
  EXPECT_EQ(open(), 0) << err_.str();
  EXPECT_EQ(out_.str(), "typed");
  folder_.write("session.key", std::string(32, 'x'));
  EXPECT_EQ(open(), kAuditLocked);
  folder_.write("session.key", "short");
  EXPECT_EQ(open(), kAuditFailed);
  EXPECT_THAT(err_.str(), HasSubstr("not the 32 bytes"));
}

TEST_F(AuditOpen, AnEncryptedKeyOpensWithItsPassphrase) {
  keep(1, "request", "typed");
  const auto key = sealing::testing::p256();
  const auto plain = sealing::testing::make_auditor(key, {.name = "Eve", .serial = 7});
  auto sealer = sealing::SessionSealer::make(
      std::move(*sealing::Auditors::load(std::vector{plain.certificate, bob().certificate}, at())),
      crypto::system_random(), at());
  records_.clear();
  sealer_ = std::move(*sealer);
  put(audit::OriginalKey{.key_id = crypto::hex_encode(sealer_.wrapped().id),
                         .recipients = {},
                         .cms = sealer_.wrapped().cms},
      0);
  keep(1, "request", "typed");
  options_.key = folder_.write("key.pem", sealing::testing::key_pem(key, "a phrase"));
  options_.certificate = folder_.write("certificate.pem", plain.certificate);
  options_.passphrase_file = folder_.write("phrase", "a phrase\nsecond line\n");
  EXPECT_EQ(open(), 0) << err_.str();
  EXPECT_EQ(out_.str(), "typed");
  folder_.write("phrase", "another\n");
  EXPECT_EQ(open(), kAuditFailed);
  EXPECT_THAT(err_.str(), HasSubstr("the passphrase does not open it"));
  options_.passphrase_file = folder_ / "nowhere";
  EXPECT_EQ(open(), kAuditFailed);
  EXPECT_THAT(err_.str(), HasSubstr("nowhere: No such file"));
}

}  // namespace
}  // namespace veilwire::ctl
