#include "agent/forwarder/otlp_sink.h"

#include "agent/host/clock.h"
#include "tests/unit/forwarder/certificates.h"
#include "tests/unit/forwarder/collector.h"
#include "tests/unit/forwarder/told_samples.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <utility>

namespace veilwire::forwarder {
namespace {

using namespace testing;
using projection::Level;

OtlpSettings settings_for(std::uint16_t port, const std::string& origin = "http://127.0.0.1:") {
  OtlpSettings settings;
  const auto url = identity::parse_url(origin + std::to_string(port) + "/v1/logs",
                                       identity::PlainHttp::Loopback);
  settings.url = url.value();
  settings.tls = {.roots = authority().ca(), .never_trust = "", .certificate = "", .key = ""};
  settings.timeout = std::chrono::seconds(20);  // only a broken sink takes this long
  return settings;
}

Sent send(OtlpSettings settings, std::span<const Told> told, Level level = Level::Masked) {
  boost::asio::io_context io;
  OtlpSink sink(io, std::move(settings), level, kSource, [] { return host::now().wall; });
  return send_all(io, sink, told);
}

// Of log records with these numbers, whatever else is in their request.
bool holds(const LogsRequest& request, std::initializer_list<std::uint64_t> numbers) {
  return std::any_of(numbers.begin(), numbers.end(), [&](std::uint64_t number) {
    return std::count(request.uids.begin(), request.uids.end(), key_of(number)) != 0;
  });
}

std::vector<std::uint64_t> refused(const Sent& sent) {
  std::vector<std::uint64_t> numbers;
  for (const Refusal& refusal : sent.refused) numbers.push_back(refusal.record);
  return numbers;
}

std::set<std::string> keys(std::uint64_t from, std::uint64_t to,
                           std::initializer_list<std::uint64_t> without = {}) {
  std::set<std::string> all;
  for (std::uint64_t number = from; number <= to; ++number) all.insert(key_of(number));
  for (const std::uint64_t number : without) all.erase(key_of(number));
  return all;
}

std::set<std::string> as_set(const std::vector<std::string>& list) {
  return {list.begin(), list.end()};
}

TEST(OtlpSink, DeliversRecordsInOneRequest) {
  for (const bool gzip : {true, false}) {
    Collector collector([&](const LogsRequest& request) {
      collector.take(request);
      return http_answer(200);
    });
    OtlpSettings settings = settings_for(collector.port());
    settings.gzip = gzip;
    const Sent sent = send(settings, told_records(100));
    EXPECT_EQ(sent.done, 100U);
    EXPECT_EQ(sent.problem, "");
    EXPECT_TRUE(sent.refused.empty());
    ASSERT_EQ(collector.requests().size(), 1U);
    const LogsRequest request = collector.requests().front();
    EXPECT_TRUE(request.head.starts_with("POST /v1/logs HTTP/1.1\r\nHost: 127.0.0.1:"));
    EXPECT_NE(request.head.find("\r\nContent-Type: application/x-protobuf\r\n"), std::string::npos);
    EXPECT_EQ(request.head.find("\r\nContent-Encoding: gzip\r\n") != std::string::npos, gzip);
    EXPECT_EQ(as_set(collector.taken()), keys(1, 100));
    EXPECT_EQ(collector.taken().size(), 100U);
  }
}

TEST(OtlpSink, DeliversExchangesUnderTheirOwnKey) {
  Collector collector([&](const LogsRequest& request) {
    collector.take(request);
    return http_answer(200, partial_success(0, "a warning"));
  });
  const std::vector<Told> told = {told_exchange(40), told_records(1, 41).front()};
  EXPECT_EQ(send(settings_for(collector.port()), told).done, 2U);
  ASSERT_EQ(collector.taken().size(), 2U);
  EXPECT_TRUE(collector.taken().front().ends_with("-exchange"));
}

TEST(OtlpSink, WhatALevelHasNothingToSayOfIsDoneWithoutARequest) {
  Collector collector([](const LogsRequest&) { return http_answer(200); });
  EXPECT_EQ(send(settings_for(collector.port()), told_records(9), Level::Findings).done, 9U);
  EXPECT_TRUE(collector.requests().empty());
}

TEST(OtlpSink, ARecordThatNobodyCanReadIsRefusedAndTheOthersGo) {
  Collector collector([&](const LogsRequest& request) {
    collector.take(request);
    return http_answer(200);
  });
  std::vector<Told> told = told_records(5);
  told[2].parsed.reset();
  const Sent sent = send(settings_for(collector.port()), told);
  EXPECT_EQ(sent.done, 5U);
  EXPECT_EQ(refused(sent), std::vector<std::uint64_t>{3});
  EXPECT_EQ(as_set(collector.taken()), keys(1, 5, {3}));
}

TEST(OtlpSink, SplitsWhatIsTooLargeForOneRequest) {
  Collector collector([&](const LogsRequest& request) {
    collector.take(request);
    return http_answer(200);
  });
  OtlpSettings settings = settings_for(collector.port());
  settings.request_bytes = 64 * 1024;
  EXPECT_EQ(send(settings, told_records(20, 1, 10'000)).done, 20U);
  EXPECT_GE(collector.requests().size(), 4U);
  EXPECT_EQ(collector.taken().size(), 20U);
  EXPECT_EQ(as_set(collector.taken()), keys(1, 20));
}

TEST(OtlpSink, WhatIsTooLargeAloneGoesAsMetadata) {
  Collector collector([&](const LogsRequest& request) {
    collector.take(request);
    return http_answer(200);
  });
  OtlpSettings settings = settings_for(collector.port());
  settings.request_bytes = 64 * 1024;
  std::vector<Told> told = told_records(3);
  told[1] = told_records(1, 2, 100'000).front();
  const Sent sent = send(settings, told);
  EXPECT_EQ(sent.done, 3U);
  EXPECT_TRUE(sent.refused.empty());
  EXPECT_EQ(as_set(collector.taken()), keys(1, 3));
}

TEST(OtlpSink, FindsExactlyTheRecordsThatAPartialSuccessRefuses) {
  Collector collector([&](const LogsRequest& request) {
    std::uint64_t bad = 0;
    for (const std::uint64_t number : {3U, 8U, 9U, 50U}) bad += holds(request, {number}) ? 1U : 0U;
    return http_answer(200, bad == 0 ? "" : partial_success(bad));
  });
  const Sent sent = send(settings_for(collector.port()), told_records(64));
  EXPECT_EQ(sent.done, 64U);
  EXPECT_EQ(refused(sent), (std::vector<std::uint64_t>{3, 8, 9, 50}));
  EXPECT_EQ(sent.problem, "");
  // Far from one request a record.
  EXPECT_LT(collector.requests().size(), 45U);
}

TEST(OtlpSink, FindsTheRecordThatMakesARequestMalformed) {
  Collector collector([&](const LogsRequest& request) {
    if (holds(request, {17})) return http_answer(400, "what it says is not repeated");
    collector.take(request);
    return http_answer(200);
  });
  const Sent sent = send(settings_for(collector.port()), told_records(32));
  EXPECT_EQ(sent.done, 32U);
  EXPECT_EQ(refused(sent), std::vector<std::uint64_t>{17});
  EXPECT_EQ(sent.refused.front().reason, "refused by the collector with status 400");
  EXPECT_EQ(as_set(collector.taken()), keys(1, 32, {17}));
  EXPECT_EQ(collector.taken().size(), 31U);
}

// A mistake in a configuration must not make dead letters of a whole ledger.
TEST(OtlpSink, NothingIsRefusedForAReceiverThatRefusesEverything) {
  for (const int status : {400, 413}) {
    Collector collector([&](const LogsRequest&) { return http_answer(status); });
    const Sent sent = send(settings_for(collector.port()), told_records(8));
    EXPECT_EQ(sent.done, 0U);
    EXPECT_TRUE(sent.refused.empty());
    EXPECT_NE(sent.problem.find("is it an OTLP receiver?"), std::string::npos);
  }
}

TEST(OtlpSink, HalvesARequestThatIsTooLargeForTheCollector) {
  Collector collector([&](const LogsRequest& request) {
    std::size_t size = 0;
    for (const std::size_t each : request.sizes) size += each;
    if (size > 30'000) return http_answer(413);
    collector.take(request);
    return http_answer(200);
  });
  std::vector<Told> told = told_records(20, 1, 4'000);
  told[7] = told_records(1, 8, 100'000).front();
  const Sent sent = send(settings_for(collector.port()), told);
  EXPECT_EQ(sent.done, 20U);
  EXPECT_TRUE(sent.refused.empty());  // that one goes as metadata
  EXPECT_EQ(as_set(collector.taken()), keys(1, 20));
  EXPECT_EQ(collector.taken().size(), 20U);
}

TEST(OtlpSink, WhatIsTooLargeAsMetadataTooIsRefused) {
  Collector collector([&](const LogsRequest& request) {
    if (holds(request, {2})) return http_answer(413);
    collector.take(request);
    return http_answer(200);
  });
  const Sent sent = send(settings_for(collector.port()), told_records(3));
  EXPECT_EQ(sent.done, 3U);
  EXPECT_EQ(refused(sent), std::vector<std::uint64_t>{2});
  EXPECT_EQ(sent.refused.front().reason, "too large for the collector");
}

TEST(OtlpSink, WaitsAsLongAsItIsAsked) {
  for (const int status : {429, 502, 503, 504}) {
    Collector collector(
        [&](const LogsRequest&) { return http_answer(status, "", "Retry-After: 17\r\n"); });
    const Sent sent = send(settings_for(collector.port()), told_records(4));
    EXPECT_EQ(sent.done, 0U);
    EXPECT_TRUE(sent.refused.empty());
    EXPECT_EQ(sent.problem, "it answers with HTTP status " + std::to_string(status));
    EXPECT_EQ(sent.retry_after, std::chrono::seconds(17));
    EXPECT_EQ(collector.requests().size(), 1U);
  }
}

TEST(OtlpSink, WhatAnOperatorMustMendLosesNothing) {
  for (const int status : {301, 401, 403, 404, 405, 500, 204}) {
    Collector collector([&](const LogsRequest&) { return http_answer(status); });
    const Sent sent = send(settings_for(collector.port()), told_records(4));
    EXPECT_EQ(sent.done, 0U) << status;
    EXPECT_TRUE(sent.refused.empty()) << status;
    EXPECT_NE(sent.problem, "") << status;
  }
}

TEST(OtlpSink, AnAnswerThatIsNoneMeansThatItIsSentAgainUnderTheSameKeys) {
  const std::optional<std::string> answers[] = {
      std::nullopt,
      "HTTP/1.1 200 OK\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
      http_answer(200, "<html>"),
      http_answer(200, std::string("\x0a\x7f")),
      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n\x12\x01",
      "SSH-2.0-OpenSSH\r\n\r\n"};
  for (const auto& answer : answers) {
    bool answers_well = false;
    Collector collector([&](const LogsRequest& request) -> std::optional<std::string> {
      if (!answers_well) return answer;
      collector.take(request);
      return http_answer(200);
    });
    boost::asio::io_context io;
    OtlpSink sink(io, settings_for(collector.port()), Level::Masked, kSource,
                  [] { return host::now().wall; });
    const std::vector<Told> told = told_records(4);
    const Sent first = send_all(io, sink, told);
    EXPECT_EQ(first.done, 0U) << answer.value_or("cut");
    EXPECT_TRUE(first.refused.empty());
    EXPECT_NE(first.problem, "");
    answers_well = true;
    EXPECT_EQ(send_all(io, sink, told).done, 4U);
    ASSERT_EQ(collector.requests().size(), 2U);
    EXPECT_EQ(collector.requests()[0].uids, collector.requests()[1].uids);
  }
}

TEST(OtlpSink, WhatCameBeforeAProblemIsDone) {
  int count = 0;
  Collector collector([&](const LogsRequest& request) {
    if (++count == 3) return http_answer(503);
    collector.take(request);
    return http_answer(200);
  });
  OtlpSettings settings = settings_for(collector.port());
  settings.request_bytes = 64 * 1024;
  const Sent sent = send(settings, told_records(20, 1, 10'000));
  EXPECT_EQ(sent.done, collector.taken().size());
  EXPECT_EQ(as_set(collector.taken()), keys(1, sent.done));
  EXPECT_LT(sent.done, 20U);
  EXPECT_NE(sent.problem, "");
}

TEST(OtlpSink, GivesUpOnACollectorThatDoesNotAnswer) {
  Receiver silent([](Stream& stream) {
    std::string bytes;
    while (stream.read(bytes)) {
    }
  });
  OtlpSettings settings = settings_for(silent.port());
  settings.timeout = std::chrono::milliseconds(50);
  const Sent sent = send(settings, told_records(4));
  EXPECT_EQ(sent.done, 0U);
  EXPECT_EQ(sent.problem, "no answer in time");
}

// Servers that bound a body answer and close before they have read it.
TEST(OtlpSink, HearsAnAnswerThatComesBeforeTheBodyIsRead) {
  std::atomic<int> small = 0;
  Receiver receiver([&](Stream& stream) {
    std::string bytes;
    if (!stream.read(bytes)) return;
    const std::size_t length = std::stoul(bytes.substr(bytes.find("Content-Length: ") + 16));
    if (length > 1'000'000) return stream.write(http_answer(413));
    const std::size_t body = bytes.find("\r\n\r\n") + 4;
    while (bytes.size() < body + length)
      if (!stream.read(bytes)) return;
    ++small;
    stream.write(http_answer(200));
  });
  OtlpSettings settings = settings_for(receiver.port());
  settings.gzip = false;
  const Sent sent = send(settings, told_records(6, 1, 450'000));
  EXPECT_EQ(sent.done, 6U) << sent.problem;
  EXPECT_TRUE(sent.refused.empty());
  EXPECT_GE(small.load(), 2);
}

TEST(OtlpSink, WritesTheFieldsOfAFileThatMayChange) {
  const Folder folder;
  Collector collector([](const LogsRequest&) { return http_answer(200); });
  OtlpSettings settings = settings_for(collector.port());
  settings.headers_file = folder.write("headers", "# ours\nAuthorization: Bearer one\n");
  boost::asio::io_context io;
  OtlpSink sink(io, settings, Level::Masked, kSource, [] { return host::now().wall; });
  EXPECT_EQ(send_all(io, sink, told_records(1)).done, 1U);
  folder.write("headers", "Authorization: Bearer two\nX-Tenant: a\n");
  EXPECT_EQ(send_all(io, sink, told_records(1)).done, 1U);
  folder.write("headers", "Authorization: Bearer three\n", 0644);
  EXPECT_NE(send_all(io, sink, told_records(1)).problem, "");
  folder.write("headers", "Content-Length: 3\n");
  EXPECT_NE(send_all(io, sink, told_records(1)).problem, "");
  ASSERT_EQ(collector.requests().size(), 2U);
  EXPECT_NE(collector.requests()[0].head.find("\r\nAuthorization: Bearer one\r\n"),
            std::string::npos);
  EXPECT_NE(collector.requests()[1].head.find("\r\nAuthorization: Bearer two\r\nX-Tenant: a\r\n"),
            std::string::npos);
}

TEST(OtlpSink, SpeaksTlsAndShowsItsCertificate) {
  Collector collector(
      [&](const LogsRequest& request) {
        collector.take(request);
        return http_answer(200);
      },
      Receiver::Tls{.certificate = authority().certificate("localhost"),
                    .key = authority().key("localhost"),
                    .clients = authority().ca()});
  OtlpSettings settings = settings_for(collector.port(), "https://localhost:");
  EXPECT_NE(send(settings, told_records(4)).problem, "");  // it has shown none
  EXPECT_TRUE(collector.requests().empty());
  settings.tls.certificate = authority().certificate("host-7");
  settings.tls.key = authority().key("host-7");
  const Sent sent = send(settings, told_records(4));
  EXPECT_EQ(sent.done, 4U) << sent.problem;
  EXPECT_EQ(as_set(collector.taken()), keys(1, 4));
}

TEST(OtlpSink, TrustsNobodyElse) {
  const Authority other;
  other.make_leaf("localhost");
  Collector collector([](const LogsRequest&) { return http_answer(200); },
                      Receiver::Tls{.certificate = other.certificate("localhost"),
                                    .key = other.key("localhost"),
                                    .clients = ""});
  OtlpSettings settings = settings_for(collector.port(), "https://localhost:");
  EXPECT_NE(send(settings, told_records(4)).problem, "");
  // Our own CA vouches for nobody, even where it stands among those that are trusted.
  settings.tls.roots = other.ca();
  settings.tls.never_trust = other.ca();
  EXPECT_NE(send(settings, told_records(4)).problem, "");
  EXPECT_TRUE(collector.requests().empty());
}

}  // namespace
}  // namespace veilwire::forwarder
