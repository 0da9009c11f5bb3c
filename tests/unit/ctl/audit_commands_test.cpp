#include "agent/ctl/audit_commands.h"

#include "agent/ctl/audit_ledger.h"
#include "agent/ctl/audit_views.h"
#include "tests/unit/recorder/ledger_fixture.h"

#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <sys/wait.h>

namespace veilwire::ctl {
namespace {

using recorder::arrival;
using recorder::writer_id;

constexpr const char* kSession = "00c0ffee00c0ffee";

std::string delta(const std::string& text) {
  return "event: content_block_delta\ndata: "
         "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{"
         "\"type\":\"text_delta\",\"text\":\"" +
         text + "\"}}\n\n";
}

class AuditCommands : public testing::Test {
 protected:
  AuditCommands() {
    using audit::sample;
    put(0,
        sample(audit::SessionOpen{.peer = audit::sample_peer(),
                                  .destination = "203.0.113.7:443",
                                  .server_name = "api.anthropic.com",
                                  .handling = "intercepted",
                                  .tls = "TLSv1.3"}),
        0);
    put(1, head("/v1/messages"), 10);
    put(1,
        sample(audit::RequestBody{
            .offset = 0, .content = R"({"key":"[MASKED:aws:7f3a]"})", .masks = {mask(8, 17)}}),
        11);
    put(1,
        sample(audit::ResponseHead{
            .status = 200,
            .fields = {{"content-type", "text/event-stream"}, {"x", "\x1b]0;evil\x07"}}}),
        500);
    released(1, 0, delta("Hello \\u001b[31m"), 510);
    released(1, delta("Hello \\u001b[31m").size(), delta("world"), 1510);
    put(1,
        sample(audit::ExchangeClose{
            .outcome = "complete", .request_bytes = 27, .response_bytes = 200, .masked = 1}),
        1600);
    // Not of the Messages API, not even text; with a mask that begins in one fragment and ends in
    // the next, and a hole.
    audit::RequestHead other = std::get<audit::RequestHead>(head("/data?x=\x1b[2J").body);
    other.service = "generic";
    other.model.clear();
    put(2, sample(other), 2000);
    put(2, sample(audit::ResponseHead{.status = 451, .fields = {}}), 2001);
    put(2, sample(audit::ResponseFragment{.offset = 0, .content = "ab[MA", .masks = {mask(2, 8)}}),
        2002);
    put(2, sample(audit::ResponseFragment{.offset = 5, .content = "SKED]\xff\x1b[0m", .masks = {}}),
        2003);
    put(2,
        sample(audit::Gap{
            .reason = "unknown coding", .detail = "lzma", .action = "pass", .bytes = 12}),
        2004);
    put(2, sample(audit::ResponseFragment{.offset = 100, .content = "tail", .masks = {}}), 2005);
    put(2,
        sample(audit::Blocked{.direction = "response",
                              .rule = "private-key",
                              .category = "secret",
                              .digest = "8899",
                              .answer = "reset"}),
        2006);
    EXPECT_TRUE(ledger_.commit(batch_));
  }

  static audit::MaskedSpan mask(std::uint64_t offset, std::uint64_t released) {
    return {.rule = "aws",
            .category = "secret",
            .offset = offset,
            .length = 20,
            .digest = "7f3a",
            .action = "mask",
            .released_length = released};
  }
  static audit::Record head(const std::string& target) {
    return audit::sample(audit::RequestHead{.person = audit::sample_person(),
                                            .service = "anthropic",
                                            .method = "POST",
                                            .target = target,
                                            .fields = {{"x-api-key", "digest:00"}},
                                            .model = "claude-x",
                                            .mcp_method = {},
                                            .tool = {},
                                            .policy_digest = "ab12",
                                            .credential = "all-staff"});
  }
  void released(std::uint64_t exchange, std::size_t offset, const std::string& bytes, int ms) {
    put(exchange,
        audit::sample(audit::ResponseFragment{.offset = offset, .content = bytes, .masks = {}}),
        ms);
    if (exchange == 1) raw_ += bytes;
  }
  void put(std::uint64_t exchange, audit::Record record, int ms) {
    record.context.exchange = exchange;
    record.time.mono.since_start += std::chrono::milliseconds(ms);
    record.time.wall.since_epoch += std::chrono::milliseconds(ms);
    batch_.push_back(arrival(writer_id(1), batch_.size() + 1, record));
  }

  int list(const recorder::ExchangeFilter& filter, bool json = false) {
    return audit_list(reader(), filter, json, screen(false));
  }
  int show(const std::string& id, bool json = false, bool terminal = false) {
    return audit_show(reader(), id, json, screen(terminal));
  }
  int replay(ReplayOptions options, bool terminal = false) {
    if (options.id.empty()) options.id = "00c0ffee00c0ffee.1";
    options.sleep = [this](std::chrono::nanoseconds pause) { slept_ += pause; };
    return audit_replay(reader(), options, screen(terminal));
  }
  recorder::LedgerReader& reader() {
    if (!reader_) reader_.emplace(path_);
    return *reader_;
  }
  Screen screen(bool terminal) {
    out_.str("");
    err_.str("");
    slept_ = {};
    return {.out = out_, .err = err_, .terminal = terminal};
  }
  bool has(const std::string& text) const { return out_.str().find(text) != std::string::npos; }
  void expect_harmless(const std::string& text) {
    for (const char c : text) {
      EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << static_cast<int>(c);
      EXPECT_NE(c, 0x7f);
    }
  }

  recorder::TemporaryFolder folder_;
  const std::string path_ = folder_ / "ledger.db";
  recorder::Ledger ledger_{recorder::options_for(path_)};
  std::vector<recorder::Arrival> batch_;
  std::string raw_;
  std::optional<recorder::LedgerReader> reader_;
  std::ostringstream out_, err_;
  std::chrono::nanoseconds slept_{};
};

TEST_F(AuditCommands, ListNamesWhoWhereWhatAndWhatWasFound) {
  EXPECT_EQ(list({}), 0);
  EXPECT_TRUE(has("TIME (UTC)")) << out_.str();
  EXPECT_TRUE(has("00c0ffee00c0ffee.1")) << out_.str();
  EXPECT_TRUE(has("Ada Lovelace"));
  EXPECT_TRUE(has("api.anthropic.com"));
  EXPECT_TRUE(has("POST /v1/messages"));
  EXPECT_TRUE(has("claude-x"));
  EXPECT_TRUE(has("200"));
  EXPECT_TRUE(has("1 secret"));
  EXPECT_TRUE(has("complete"));
  EXPECT_TRUE(has("2 secret, 1 blocked, 1 gap")) << out_.str();
  expect_harmless(out_.str());
  EXPECT_EQ(list({.since_wall_ns = {}, .person = "nobody", .session = {}}), 0);
  EXPECT_EQ(out_.str(), "");
  EXPECT_NE(err_.str(), "");
  EXPECT_EQ(list({.since_wall_ns = {}, .person = {}, .session = {}, .limit = 1}), 0);
  EXPECT_FALSE(has("ffee.1"));
  EXPECT_NE(err_.str().find("--limit"), std::string::npos);
}

TEST_F(AuditCommands, ListAsJsonIsJson) {
  EXPECT_EQ(list({}, /*json=*/true), 0);
  const auto rows = nlohmann::json::parse(out_.str());
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1]["id"], "00c0ffee00c0ffee.1");
  EXPECT_EQ(rows[1]["status"], 200);
  EXPECT_EQ(rows[1]["findings"]["secret"], 1);
  EXPECT_EQ(rows[1]["rules"]["aws"], 1);
  EXPECT_EQ(rows[1]["decisions"], nlohmann::json({"masked"}));
  EXPECT_EQ(rows[0]["decisions"], nlohmann::json({"blocked", "masked", "gap"}));
  EXPECT_EQ(rows[0]["target"], "/data?x=\\x1b[2J");
  EXPECT_EQ(list({.since_wall_ns = {}, .person = "nobody", .session = {}}, true), 0);
  EXPECT_EQ(nlohmann::json::parse(out_.str()), nlohmann::json::array());
}

TEST_F(AuditCommands, StatsCountFindingsAndDecisions) {
  EXPECT_EQ(audit_stats(reader(), {.filter = {}, .by = {}}, screen(false)), 0);
  for (const char* line :
       {"     FINDINGS  EXCHANGES  MASKED  BLOCKED  DENIED  GAPS\n",
        "all         3          2       2        1       0     1\n",
        "aws                 2          2       2        1       0     1\n",
        "aws in engineering                 2", "Ada Lovelace         3", "claude-x         1"}) {
    EXPECT_TRUE(has(line)) << line << "\nin\n" << out_.str();
  }
  expect_harmless(out_.str());
  recorder::ExchangeFilter filter;
  filter.rule = "private-key";
  filter.limit = 1;
  EXPECT_EQ(audit_stats(reader(), {.filter = filter, .by = {"rule", "rule-group"}, .json = true},
                        screen(false)),
            0);
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_EQ(json["all"]["exchanges"], 1);
  EXPECT_EQ(json["all"]["blocked"], 1);
  EXPECT_EQ(json["by"].size(), 2U);
  ASSERT_EQ(json["by"]["rule-group"].size(), 1U);
  EXPECT_EQ(json["by"]["rule-group"][0]["group"], "engineering");
  EXPECT_EQ(json["by"]["rule-group"][0]["findings"], 1);
}

TEST_F(AuditCommands, WhatStrangersNamedDoesNotReachTheTerminalInStats) {
  audit::Record asked = head("/");
  std::get<audit::RequestHead>(asked.body).model = "\x1b]0;evil\x07";
  put(3, asked, 3000);
  ASSERT_TRUE(ledger_.commit(batch_));
  EXPECT_EQ(audit_stats(reader(), {.filter = {}, .by = {"model"}}, screen(true)), 0);
  EXPECT_TRUE(has("\\x1b]0;evil\\x07")) << out_.str();
  expect_harmless(out_.str());
}

TEST_F(AuditCommands, ShowTellsEverythingAboutAnExchange) {
  EXPECT_EQ(show("00c0ffee00c0ffee.1"), 0);
  for (const char* text :
       {"exchange    00c0ffee00c0ffee.1\n", "2026-11-23 18:00:00.133 UTC",
        "Ada Lovelace (local:1000", "groups engineering, on call",
        "uid 1000, pid 4321 (HTTP Client)", "login uid 1000",
        "api.anthropic.com 203.0.113.7:443, intercepted, TLSv1.3", "POST /v1/messages\n",
        "model       claude-x", "credential  all-staff", "x-api-key: digest:00",
        R"({"key":"[MASKED:aws:7f3a]"})", "200, after 0.490 s", "x: \\x1b]0;evil\\x07",
        "Hello \\u001b[31m", "complete, after 1.590 s",
        "request offset 8: aws (secret), 20 bytes, 7f3a, mask"}) {
    EXPECT_TRUE(has(text)) << text << "\nin\n" << out_.str();
  }
  expect_harmless(out_.str());
}

TEST_F(AuditCommands, ShowMarksMasksGapsHolesAndBlocks) {
  EXPECT_EQ(show("00c0ffee00c0ffee.2"), 0);
  EXPECT_TRUE(
      has("ab[MASKED]\\xff\\x1b[0m\n[gap: unknown coding, lzma, 12 bytes, pass]\n"
          "[85 bytes are not in the ledger]\ntail\n"
          "[blocked in the response: private-key (secret), 8899; the client got: reset]\n"))
      << out_.str();
  expect_harmless(out_.str());
  EXPECT_EQ(show("00c0ffee00c0ffee.2", false, /*terminal=*/true), 0);
  EXPECT_TRUE(has("ab\x1b[7m[MASKED]\x1b[0m\\xff")) << out_.str();
  EXPECT_EQ(show("00c0ffee00c0ffee.1", false, true), 0);
  EXPECT_TRUE(has("{\"key\":\"\x1b[7m[MASKED:aws:7f3a]\x1b[0m\"}")) << out_.str();
}

TEST_F(AuditCommands, ShowAsJsonHasTheRecordsAsCommitted) {
  EXPECT_EQ(show("00c0ffee00c0ffee.2", /*json=*/true), 0);
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_EQ(json["id"], "00c0ffee00c0ffee.2");
  ASSERT_EQ(json["records"].size(), 8U);
  for (std::size_t i = 7; i < 14; ++i) EXPECT_TRUE(has(batch_[i].bytes)) << batch_[i].bytes;
  EXPECT_EQ(show("00c0ffee00c0ffee.0", true), 0);
  EXPECT_EQ(nlohmann::json::parse(out_.str())["records"].size(), 1U);
}

TEST_F(AuditCommands, ADerivedPersonWhomNobodyHasConfirmedLatelyIsShownAsThat) {
  audit::Record asked = head("/v1/messages");
  std::get<audit::RequestHead>(asked.body).person = audit::sample_derived();
  put(3, asked, 3000);
  identity::Person other = audit::sample_derived();
  other.groups = {"auditors"};
  put(3,
      audit::sample(
          audit::IdentityChange{.what = "changed", .reason = {}, .answer = {}, .person = other}),
      3001);
  put(3,
      audit::sample(audit::IdentityChange{
          .what = "lost", .reason = "signed\nout", .answer = "error event", .person = other}),
      3002);
  ASSERT_TRUE(ledger_.commit(batch_));

  EXPECT_EQ(list({}), 0);
  EXPECT_TRUE(has("Ada Lovelace as root (cached)")) << out_.str();
  EXPECT_EQ(list({}, /*json=*/true), 0);
  const auto rows = nlohmann::json::parse(out_.str());
  const nlohmann::json expected = {{"issuer", "https://idp.example"},
                                   {"subject", "1000"},
                                   {"name", "Ada Lovelace"},
                                   {"running_as", "root"},
                                   {"class", "derived"},
                                   {"method", "pkce"},
                                   {"standing", "cached"},
                                   {"age_ms", 308'000}};
  EXPECT_EQ(rows[0]["person"], expected);

  EXPECT_EQ(show("00c0ffee00c0ffee.3"), 0);
  for (const char* text : {"person      Ada Lovelace as root (https://idp.example:1000, derived, "
                           "by pkce, uid 0 in its "
                           "container, not confirmed for 308 s), groups engineering, on call\n",
                           "[from here on as Ada Lovelace as root (https://idp.example:1000, "
                           "derived, by pkce, uid 0 in "
                           "its container, not confirmed for 308 s), groups auditors]\n",
                           "[identity lost: signed\\x0aout; the client got: error event]\n"}) {
    EXPECT_TRUE(has(text)) << text << "\nin\n" << out_.str();
  }
  EXPECT_EQ(replay({.id = "00c0ffee00c0ffee.3", .sleep = {}}), 0);
  EXPECT_EQ(err_.str(),
            "[identity lost; the client got: error event]\n"
            "veilwire: nothing was released to the client\n");
}

TEST_F(AuditCommands, ALedgerThatNoRecorderHasOpenedSinceIsListedAsItIs) {
  recorder::make_earlier(path_);
  recorder::Database(path_, recorder::Database::Mode::Create)
      .execute(
          "ALTER TABLE exchanges DROP COLUMN standing;"
          "ALTER TABLE contents DROP COLUMN packed;"
          "DELETE FROM migrations WHERE version >= 3");
  EXPECT_EQ(list({}, /*json=*/true), 0);
  const auto rows = nlohmann::json::parse(out_.str());
  EXPECT_EQ(rows[1]["person"]["name"], "Ada Lovelace");
  EXPECT_FALSE(rows[1]["person"].contains("standing"));
}

TEST_F(AuditCommands, RawReplayIsExactlyWhatWasReleased) {
  EXPECT_EQ(replay({.id = {}, .raw = true, .sleep = {}}), 0);
  EXPECT_EQ(out_.str(), raw_);
  EXPECT_EQ(err_.str(), "");
  EXPECT_EQ(slept_, std::chrono::milliseconds(1100 - 90));
  EXPECT_EQ(replay({.id = "00c0ffee00c0ffee.2", .no_wait = true, .raw = true, .sleep = {}}), 0);
  EXPECT_EQ(out_.str(), "ab[MASKED]\xff\x1b[0mtail");
  EXPECT_EQ(replay({.id = {}, .raw = true, .sleep = {}}, /*terminal=*/true), kAuditUsage);
  EXPECT_EQ(out_.str(), "");
}

TEST_F(AuditCommands, ReplayShowsTheTextAsThePersonSawIt) {
  EXPECT_EQ(replay({.id = {}, .sleep = {}}, true), 0);
  EXPECT_EQ(out_.str(), "Hello \\x1b[31mworld\n");
  EXPECT_EQ(slept_, std::chrono::milliseconds(1010));
  EXPECT_EQ(replay({.id = {}, .speed = 2, .sleep = {}}), 0);
  EXPECT_EQ(slept_, std::chrono::milliseconds(505));
  EXPECT_EQ(replay({.id = {}, .no_wait = true, .sleep = {}}), 0);
  EXPECT_EQ(slept_, std::chrono::milliseconds(0));
}

TEST_F(AuditCommands, ReplayOfOtherBytesIsEscapedAndNotesStandApart) {
  EXPECT_EQ(replay({.id = "00c0ffee00c0ffee.2", .sleep = {}}, true), 0);
  EXPECT_EQ(out_.str(), "ab[MASKED]\\xff\\x1b[0mtail");
  EXPECT_EQ(err_.str(),
            "[gap: unknown coding, lzma]\n[blocked: private-key; the client got: reset]\n");
}

TEST_F(AuditCommands, AnIdMayBeShortAndAWrongOneIsExplained) {
  EXPECT_EQ(show("00c.1"), 0);
  EXPECT_TRUE(has("exchange    00c0ffee00c0ffee.1"));
  EXPECT_EQ(show("00c0ffee00c0ffee"), kAuditUnknownId);
  EXPECT_NE(err_.str().find("several exchanges: 00c0ffee00c0ffee.1 00c0ffee00c0ffee.2"),
            std::string::npos)
      << err_.str();
  EXPECT_EQ(show("00c0ffee00c0ffee.9"), kAuditUnknownId);
  EXPECT_EQ(show("ab"), kAuditUnknownId);
  for (const char* wrong : {"", ".", ".1", "xyz", "00c0ffee00c0ffee0", "00c0.x", "00c0.", "00c0.-1",
                            "00c0.1.2", "00c0.99999999999999999999", "00C0.1", "%"}) {
    EXPECT_EQ(show(wrong), kAuditUsage) << wrong;
    EXPECT_NE(err_.str(), "");
  }
  EXPECT_EQ(out_.str(), "");
}

TEST_F(AuditCommands, TheOldestExchangeOfALongConnectionIsFound) {
  for (std::uint64_t exchange = 3; exchange <= 10'001; ++exchange)
    put(exchange, head("/v1/messages"), static_cast<int>(3000 + exchange));
  ASSERT_TRUE(ledger_.commit(batch_));
  EXPECT_EQ(show("00c0ffee.1"), 0);
  EXPECT_TRUE(has("exchange    00c0ffee00c0ffee.1\n"));
  EXPECT_EQ(show("00c0ffee.10001"), 0);
  EXPECT_EQ(show("00c0ffee.10002"), kAuditUnknownId);
  EXPECT_EQ(show("00c0ffee"), kAuditUnknownId);
  EXPECT_NE(err_.str().find("exchanges: ... 00c0ffee00c0ffee.9982 "), std::string::npos)
      << err_.str();
}

TEST_F(AuditCommands, ALedgerThatIsNotThereOrNotForUsIsExplained) {
  std::ostringstream err;
  EXPECT_FALSE(open_ledger(folder_ / "absent.db", err));
  EXPECT_NE(err.str().find("no ledger at"), std::string::npos);
  err.str("");
  EXPECT_FALSE(open_ledger("/dev/null", err));
  EXPECT_NE(err.str(), "");
  if (::geteuid() != 0) GTEST_SKIP() << "SKIPPED: becoming another user needs root";
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(2);
    std::ostringstream denied;
    const bool opened = open_ledger(path_, denied).has_value();
    ::_exit(!opened && denied.str().find("not for this user") != std::string::npos ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_F(AuditCommands, TheLedgerIsTheConfiguredOne) {
  EXPECT_EQ(ledger_path(folder_ / "absent.toml", false), "/var/lib/veilwire-recorder/ledger.db");
  EXPECT_ANY_THROW((void)ledger_path(folder_ / "absent.toml", true));
}

// The program itself: options and exit codes.
TEST_F(AuditCommands, TheProgramSaysByItsExitCodeWhatHappened) {
  const auto run = [&](const std::string& arguments) {
    const int status = std::system(  // NOLINT(cert-env33-c): our own words
        (VEILWIRE_BINARY_DIR "/bin/veilwire audit " + arguments + " >" + (folder_ / "out") + " 2>" +
         (folder_ / "err"))
            .c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  const std::string ledger = " --ledger " + path_;
  EXPECT_EQ(run("list" + ledger), 0);
  EXPECT_EQ(run("list --since 1h --limit 5 --person 1000 --json" + ledger), 0);
  EXPECT_EQ(run("list --since 2026-11-01 --until 2027-01-01 --group engineering --server "
                "api.anthropic.com --rule aws --category secret --model claude-x --decision masked "
                "--session 00c0" +
                ledger),
            0);
  std::ifstream listed(folder_ / "out");
  EXPECT_NE((std::string{std::istreambuf_iterator<char>(listed), {}}).find("ffee.1"),
            std::string::npos);
  EXPECT_EQ(run("list --decision nonsense" + ledger), 2);
  EXPECT_EQ(run("list --session xyz" + ledger), 2);
  EXPECT_EQ(run("list --until nonsense" + ledger), 2);
  EXPECT_EQ(run("stats" + ledger), 0);
  EXPECT_EQ(run("stats --by rule --by group --person 1000 --limit 3 --json" + ledger), 0);
  EXPECT_EQ(run("stats --by nonsense" + ledger), 2);
  EXPECT_EQ(run("list --since nonsense" + ledger), 2);
  EXPECT_EQ(run("list --limit 0" + ledger), 2);
  EXPECT_EQ(run("show 00c.1" + ledger), 0);
  EXPECT_EQ(run("show 00c.1 --json" + ledger), 0);
  EXPECT_EQ(run("show ffff" + ledger), 3);
  EXPECT_EQ(run("show" + ledger), 2);
  EXPECT_EQ(run("replay 00c.1 --no-wait --raw" + ledger), 0);
  std::ifstream in(folder_ / "out", std::ios::binary);
  EXPECT_EQ((std::string{std::istreambuf_iterator<char>(in), {}}), raw_);
  EXPECT_EQ(run("replay 00c.1 --speed 0" + ledger), 2);
  EXPECT_EQ(run("list --ledger " + (folder_ / "absent.db")), 1);
  EXPECT_EQ(run("nonsense"), 2);
  EXPECT_EQ(run("--help"), 0);
}

}  // namespace
}  // namespace veilwire::ctl
