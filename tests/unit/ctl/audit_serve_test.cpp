#include "agent/ctl/audit_serve.h"

#include "tests/unit/recorder/ledger_fixture.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <future>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

#include <gmock/gmock.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

namespace veilwire::ctl {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(ServeAddress, IsNumericAndOfThisHostUnlessSaidOtherwise) {
  const auto spelled = [](const char* text) {
    const auto a = parse_serve_address(text);
    return a ? (a->v6 ? "[" + a->address + "]" : a->address) + ":" + std::to_string(a->port) +
                   (a->loopback() ? "" : " open")
             : "none";
  };
  EXPECT_EQ(spelled(""), "127.0.0.1:0");
  EXPECT_EQ(spelled("8080"), "127.0.0.1:8080");
  EXPECT_EQ(spelled("127.0.0.2"), "127.0.0.2:0");
  EXPECT_EQ(spelled("[::1]:80"), "[::1]:80");
  EXPECT_EQ(spelled("0.0.0.0:80"), "0.0.0.0:80 open");
  EXPECT_EQ(spelled("[::]"), "[::]:0 open");
  for (const char* wrong : {"65536", "localhost:80", ":80", "127.0.0.1:", "127.1:80", "[::1", "::1",
                            "[127.0.0.1]:80", "[::1]80", "00c0ffee00c0ffee.1"})
    EXPECT_EQ(spelled(wrong), "none") << wrong;
}

TEST(ServedHead, RepeatsNothingOfTheConnectionAndNothingThatLeadsElsewhere) {
  const std::string head = served_head({.status = 200,
                                        .fields = {{"Content-Type", "text/event-stream"},
                                                   {"Anthropic-Version", "1"},
                                                   {"retry-after", "3"},
                                                   {"request-id", "a\r\nset-cookie: b"},
                                                   {"content-length", "5"},
                                                   {"Content-Encoding", "br"},
                                                   {"transfer-encoding", "chunked"},
                                                   {"set-cookie", "a=b"},
                                                   {"location", "https://evil.example/"},
                                                   {"anthropic-\nx", "y"},
                                                   {"Alt-Svc", "h3"}}},
                                       /*chunked=*/true);
  EXPECT_EQ(head,
            "HTTP/1.1 200 Replayed\r\ncontent-type: text/event-stream\r\nanthropic-version: 1\r\n"
            "retry-after: 3\r\ncontent-security-policy: sandbox\r\n"
            "x-content-type-options: nosniff\r\ncache-control: no-store\r\n"
            "transfer-encoding: chunked\r\nconnection: close\r\n\r\n");
}

class AuditServe : public testing::Test {
 protected:
  AuditServe() {
    put(1, audit::RequestBody{.offset = 0, .content = "question", .masks = {}}, 0);
    put(1, audit::ResponseHead{.status = 201, .fields = {{"content-type", "text/plain"}}}, 100);
    put(1, audit::ResponseFragment{.offset = 0, .content = "ab[MASKED]", .masks = {}}, 200);
    put(1, audit::ResponseFragment{.offset = 10, .content = "", .masks = {}}, 250);
    put(1, audit::ResponseFragment{.offset = 10, .content = "\xff end\n", .masks = {}}, 400);
    put(1, close("complete"), 500);
    put(2, audit::ResponseHead{.status = 200, .fields = {}}, 0);
    put(2, audit::ResponseFragment{.offset = 0, .content = "half", .masks = {}}, 1);
    put(2,
        audit::Blocked{
            .direction = "response", .rule = "r", .category = "c", .digest = {}, .answer = "reset"},
        2);
    put(2, close("blocked"), 3);
    put(3, audit::ResponseHead{.status = 204, .fields = {}}, 0);
    put(3, close("complete"), 1);
    put(4, audit::UpstreamError{.reason = "refused"}, 0);
    EXPECT_TRUE(ledger_.commit(batch_));
  }
  ~AuditServe() override { stop(); }

  static audit::ExchangeClose close(const char* outcome) {
    return {.outcome = outcome, .request_bytes = 0, .response_bytes = 0, .masked = 0};
  }
  void put(std::uint64_t exchange, audit::Body body, int ms) {
    audit::Record record = audit::sample(std::move(body), exchange);
    record.time.mono.since_start += std::chrono::milliseconds(ms);
    batch_.push_back(recorder::arrival(recorder::writer_id(1), batch_.size() + 1, record));
  }

  // Serves in a thread; its address is what it says first.
  void serve(const std::string& id, bool no_wait, double speed = 1) {
    stop();
    const ReplayOptions options{.id = id, .speed = speed, .no_wait = no_wait, .sleep = {}};
    stop_.reset(::eventfd(0, EFD_CLOEXEC));
    said_.emplace();
    thread_ = std::thread([this, options] {
      recorder::LedgerReader reader(path_);
      std::ostringstream out;
      exit_code_ = audit_serve(reader, options, {}, stop_, {.out = out, .err = said_->stream});
    });
    url_ = said_->url.get_future().get();
  }
  void stop() {
    if (!thread_.joinable()) return;
    EXPECT_EQ(::eventfd_write(stop_.get(), 1), 0);
    thread_.join();
    EXPECT_EQ(exit_code_, 0);
  }

  struct Curl {
    std::string output;
    int status = -1;
  };
  Curl curl(const std::string& arguments) const {
    Curl out;
    std::FILE* pipe =  // NOLINTNEXTLINE(cert-env33-c): our own words
        ::popen(("curl --noproxy '*' -sS -N --max-time 20 " + arguments + " " + url_ +
                 "/v1/messages 2>&1")
                    .c_str(),
                "r");
    if (pipe == nullptr) return out;
    std::array<char, 4096> piece{};
    while (const std::size_t n = std::fread(piece.data(), 1, piece.size(), pipe))
      out.output.append(piece.data(), n);
    const int status = ::pclose(pipe);
    out.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return out;
  }

  // What is written to it, until a flush with an address.
  struct Said : std::stringbuf {
    int sync() override {
      const std::string text = str();
      const std::size_t at = text.find("http://");
      if (at != std::string::npos && !std::exchange(told, true))
        url.set_value(text.substr(at, text.find(' ', at) - at));
      return 0;
    }
    bool told = false;
    std::promise<std::string> url;
    std::ostream stream{this};
  };

  recorder::TemporaryFolder folder_;
  const std::string path_ = folder_ / "ledger.db";
  recorder::Ledger ledger_{recorder::options_for(path_)};
  std::vector<recorder::Arrival> batch_;
  host::UniqueFd stop_;
  std::optional<Said> said_;
  std::thread thread_;
  std::string url_;
  int exit_code_ = -1;
};

TEST_F(AuditServe, GivesEachClientWhatThePersonSaw) {
  serve("00c0ffee.1", /*no_wait=*/true);
  EXPECT_THAT(url_, StartsWith("http://127.0.0.1:"));
  const std::string seen = "ab[MASKED]\xff end\n";
  EXPECT_EQ(curl("").output, seen);
  const std::string big = folder_ / "big";
  { std::ofstream(big) << std::string(3'000'000, 'x'); }
  EXPECT_EQ(curl("-d question").output, seen);
  EXPECT_EQ(curl("-H 'Expect: 100-continue' --data-binary @" + big).output, seen);
  EXPECT_EQ(curl("-H 'Transfer-Encoding: chunked' --data-binary @" + big).output, seen);
  EXPECT_EQ(curl("--http1.0").output, seen);
  const Curl head = curl("-i");
  EXPECT_THAT(head.output, StartsWith("HTTP/1.1 201 Replayed\r\ncontent-type: text/plain\r\n"));
  EXPECT_EQ(curl("-I").status, 0);
  EXPECT_THAT(curl("-I").output, Not(HasSubstr("MASKED")));
  // A page elsewhere that gave its own name our address.
  EXPECT_THAT(curl("-i -H 'Host: evil.example'").output, StartsWith("HTTP/1.1 421 "));
}

TEST_F(AuditServe, KeepsTheTimingOrDividesIt) {
  const auto seconds = [&](double speed) {
    serve("00c0ffee.1", false, speed);
    const auto started = std::chrono::steady_clock::now();
    EXPECT_EQ(curl("").status, 0);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  };
  // From the client's last byte to the last fragment.
  EXPECT_GE(seconds(1), 0.4);
  EXPECT_GE(seconds(0.5), 0.8);
  serve("00c0ffee.1", false, 0.001);
  const Curl first = curl("--max-time 0.3");  // it leaves before the head
  EXPECT_EQ(first.status, 28);
  stop();  // and does not hold up the end
}

TEST_F(AuditServe, AnAnswerThatBrokeOffBreaksOffAgain) {
  serve("00c0ffee.2", /*no_wait=*/true);
  const Curl run = curl("");
  EXPECT_THAT(run.output, StartsWith("half"));
  EXPECT_EQ(run.status, 18) << run.output;  // CURLE_PARTIAL_FILE
}

TEST_F(AuditServe, AnAnswerWithoutBodyHasNone) {
  serve("00c0ffee.3", /*no_wait=*/true);
  const Curl run = curl("-i");
  EXPECT_EQ(run.status, 0) << run.output;
  EXPECT_THAT(run.output, StartsWith("HTTP/1.1 204 Replayed\r\n"));
  EXPECT_THAT(run.output, Not(HasSubstr("chunked")));
}

TEST_F(AuditServe, WhatCannotBeServedIsSaid) {
  recorder::LedgerReader reader(path_);
  std::ostringstream out, err;
  const auto with = [&](const char* id, ServeAddress address) {
    err.str("");
    return audit_serve(reader, {.id = id, .sleep = {}}, address, stop_, {.out = out, .err = err});
  };
  EXPECT_EQ(with("00c0ffee.4", {}), kAuditUnknownId);
  EXPECT_THAT(err.str(), HasSubstr("no answer"));
  EXPECT_EQ(with("00c0ffee.9", {}), kAuditUnknownId);
  EXPECT_EQ(with("00c0ffee.1", {.address = "192.0.2.1"}), kAuditFailed);  // not of this host
  EXPECT_THAT(err.str(), HasSubstr("192.0.2.1"));
}

}  // namespace
}  // namespace veilwire::ctl
