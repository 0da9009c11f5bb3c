// What the sinks of syslog messages say is done, against rsyslog: over RELP and over TLS with
// either of its libraries, and while it is killed again and again.
#include "tests/unit/forwarder/rsyslog.h"

#include "agent/forwarder/relp_sink.h"
#include "agent/forwarder/syslog_sink.h"
#include "agent/host/clock.h"
#include "tests/unit/forwarder/told_samples.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <ostream>
#include <thread>

namespace veilwire::forwarder {
namespace {

using namespace testing;
using projection::Level;

constexpr const char *kRelp = "imrelp", *kTcp = "imtcp", *kShipped = "shipped";

struct Way {
  const char* name;
  Rsyslog::Input input;
};

SyslogSettings settings_for(const Rsyslog& rsyslog, const Way& way) {
  SyslogSettings settings;
  settings.tls = !way.input.driver.empty();
  settings.host = settings.tls ? "localhost" : "127.0.0.1";
  settings.port = rsyslog.port();
  settings.tls_files = {.roots = authority().ca(),
                        .never_trust = "",
                        .certificate = authority().certificate("host-7"),
                        .key = authority().key("host-7")};
  settings.timeout = std::chrono::seconds(20);
  settings.settle = std::chrono::milliseconds(100);
  settings.close_notify = way.input.driver != "gnutls";
  return settings;
}

std::unique_ptr<Sink> make_sink(boost::asio::io_context& io, const Way& way,
                                SyslogSettings settings) {
  const auto clock = [] { return host::now().wall; };
  if (way.input.kind != kTcp)
    return std::make_unique<RelpSink>(io, std::move(settings), Level::Masked, kSource, clock);
  return std::make_unique<SyslogSink>(io, std::move(settings), Level::Masked, kSource, clock);
}

class RsyslogTest : public ::testing::TestWithParam<Way> {};
class RsyslogTlsTest : public RsyslogTest {};

TEST_P(RsyslogTest, HasEveryMessageOnceThatWasSentOnce) {
  Rsyslog rsyslog(GetParam().input);
  boost::asio::io_context io;
  const auto sink = make_sink(io, GetParam(), settings_for(rsyslog, GetParam()));
  const Sent sent = send_all(io, *sink, told_records(100));
  EXPECT_EQ(sent.done, 100U) << sent.problem;
  EXPECT_EQ(sent.problem, "");
  EXPECT_TRUE(sent.refused.empty());
  const auto written = rsyslog.written(100);
  EXPECT_EQ(written.size(), 100U);
  for (const auto& [seq, times] : written) EXPECT_EQ(times, 1) << seq;
}

TEST_P(RsyslogTest, NothingThatIsDoneIsMissingAfterItWasKilled) {
  constexpr std::size_t kRecords = 300, kBatch = 20;
  Rsyslog rsyslog(GetParam().input);
  const std::vector<Told> told = told_records(kRecords);
  std::atomic<std::size_t> done = 0;
  std::atomic<int> failed = 0;
  std::atomic<bool> give_up = false;
  std::thread delivery([&] {
    boost::asio::io_context io;
    const auto sink = make_sink(io, GetParam(), settings_for(rsyslog, GetParam()));
    while (done < kRecords && !give_up) {
      const std::size_t count = std::min(kBatch, kRecords - done);
      const Sent sent = send_all(io, *sink, std::span(told).subspan(done, count));
      EXPECT_TRUE(sent.refused.empty());
      done += sent.done;
      if (!sent.problem.empty()) {
        ++failed;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    }
  });
  // Each time when it has got a fifth further, wherever it is then.
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(100);
  for (std::size_t at = kRecords / 5; at < kRecords; at += kRecords / 5) {
    while (done < at && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    rsyslog.kill();
    rsyslog.start();
  }
  while (done < kRecords && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  give_up = true;
  delivery.join();
  EXPECT_EQ(done, kRecords);
  EXPECT_GT(failed, 0);
  const auto written = rsyslog.written(kRecords);
  EXPECT_EQ(written.size(), kRecords);
  for (std::uint64_t seq = 1; seq <= kRecords; ++seq) EXPECT_TRUE(written.contains(seq)) << seq;
}

TEST_P(RsyslogTest, IsAProblemWhereItIsNotThere) {
  Rsyslog rsyslog(GetParam().input);
  rsyslog.kill();
  boost::asio::io_context io;
  const auto sink = make_sink(io, GetParam(), settings_for(rsyslog, GetParam()));
  const Sent sent = send_all(io, *sink, told_records(3));
  EXPECT_EQ(sent.done, 0U);
  EXPECT_NE(sent.problem, "");
}

TEST_P(RsyslogTlsTest, TakesNothingFromAHostThatShowsNoCertificate) {
  Rsyslog rsyslog(GetParam().input);
  boost::asio::io_context io;
  SyslogSettings settings = settings_for(rsyslog, GetParam());
  settings.tls_files.certificate = settings.tls_files.key = "";
  const auto sink = make_sink(io, GetParam(), std::move(settings));
  const Sent sent = send_all(io, *sink, told_records(3));
  EXPECT_EQ(sent.done, 0U);
  EXPECT_NE(sent.problem, "");
}

// syslog_sink.h says so of it.
TEST(RsyslogGnutls, EndsWithoutCloseNotify) {
  const Way way{"TcpGnutls", {"imtcp", "gnutls"}};
  Rsyslog rsyslog(way.input);
  boost::asio::io_context io;
  SyslogSettings settings = settings_for(rsyslog, way);
  settings.close_notify = true;
  const Sent sent = send_all(io, *make_sink(io, way, settings), told_records(3));
  EXPECT_EQ(sent.done, 0U);
  EXPECT_NE(sent.problem.find("close_notify"), std::string::npos);
}

void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }
std::string name_of(const ::testing::TestParamInfo<Way>& of) { return of.param.name; }

INSTANTIATE_TEST_SUITE_P(Plain, RsyslogTest,
                         ::testing::Values(Way{"Relp", {kRelp, ""}}, Way{"Tcp", {kTcp, ""}}),
                         name_of);
const auto kTlsWays = ::testing::Values(
    Way{"RelpShipped", {kShipped, "openssl"}}, Way{"RelpGnutls", {kRelp, "gnutls"}},
    Way{"TcpOpenssl", {kTcp, "openssl"}}, Way{"TcpGnutls", {kTcp, "gnutls"}});
INSTANTIATE_TEST_SUITE_P(Tls, RsyslogTest, kTlsWays, name_of);
INSTANTIATE_TEST_SUITE_P(Tls, RsyslogTlsTest, kTlsWays, name_of);

}  // namespace
}  // namespace veilwire::forwarder
