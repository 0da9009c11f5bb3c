#include "agent/forwarder/otlp_sink.h"

#include "agent/forwarder/header_lines.h"
#include "agent/forwarder/retry_after.h"
#include "agent/host/key_files.h"
#include "agent/outbound/https_client.h"
#include "userspace/projection/otlp.h"
#include "userspace/wire/content_coding.h"

#include <algorithm>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>
#include <vector>

namespace veilwire::forwarder {
namespace {

namespace asio = boost::asio;
using projection::Level;
using projection::OtlpRequest;

constexpr std::string_view kProtobuf = "application/x-protobuf";

std::string gzipped(std::string_view bytes) {
  auto encoder = wire::Encoder::make({wire::Coding::Gzip});
  std::string out;
  if (!encoder || !encoder->feed(bytes, out) || !encoder->finish(out))
    throw std::bad_alloc();  // the one way in which zlib fails to compress
  return out;
}

std::string status_text(int status) {
  const std::string text = "it answers with HTTP status " + std::to_string(status);
  if (status == 401 || status == 403) return text + ": it does not let this host in";
  if (status == 404) return text + ": no receiver of logs is there";
  return text;
}

}  // namespace

struct OtlpSink::Run {
  std::span<const Told> told;
  Sent sent;
  bool takes_requests = false;  // shown by one without events

  void stop(Verdict verdict) {
    sent.problem = std::move(verdict.problem);
    sent.retry_after = verdict.retry_after;
  }
};

OtlpSink::OtlpSink(asio::io_context& io, OtlpSettings settings, Level level,
                   projection::Source source, std::function<WallTime()> wall_clock)
    : io_(io),
      settings_(std::move(settings)),
      tls_(settings_.tls),
      level_(level),
      source_(std::move(source)),
      wall_clock_(std::move(wall_clock)) {}

std::optional<OtlpSink::Piece> OtlpSink::piece_of(const Told& told, std::size_t index,
                                                  Level level) const {
  auto event = told.exchange ? projection::event_of(*told.exchange, level)
                             : projection::event_of(*told.parsed, level);
  if (!event) return std::nullopt;
  return Piece{.index = index, .event = *std::move(event), .reduced = level != level_};
}

asio::awaitable<Sent> OtlpSink::send(std::span<const Told> told) {
  Run run{.told = told, .sent = {}};
  OtlpRequest request(source_, settings_.request_bytes);
  std::vector<Piece> pieces;
  for (std::size_t at = 0; at < told.size(); ++at) {
    if (!told[at].is_readable()) {
      if (!co_await deliver(run, pieces)) co_return std::move(run.sent);
      (void)request.finish();
      pieces.clear();
      run.sent.refused.push_back(refuse_unreadable(told[at]));
      run.sent.done = at + 1;
      continue;
    }
    auto piece = piece_of(told[at], at, level_);
    if (!piece) continue;
    auto added = request.add(piece->event);
    if (added == OtlpRequest::Added::Full) {
      if (!co_await deliver(run, pieces)) co_return std::move(run.sent);
      (void)request.finish();
      pieces.clear();
      added = request.add(piece->event);
    }
    // What does not fit alone is delivered alone.
    if (added == OtlpRequest::Added::TooLarge) {
      if (!co_await deliver(run, pieces)) co_return std::move(run.sent);
      (void)request.finish();
      pieces.clear();
      if (!co_await deliver(run, {&*piece, 1})) co_return std::move(run.sent);
      continue;
    }
    pieces.push_back(*std::move(piece));
  }
  if (co_await deliver(run, pieces)) run.sent.done = told.size();
  co_return std::move(run.sent);
}

// False: the run has come to its end with a problem.
asio::awaitable<bool> OtlpSink::deliver(Run& run, std::span<Piece> pieces) {
  if (pieces.empty()) co_return true;
  OtlpRequest request(source_, settings_.request_bytes);
  Verdict verdict{.kind = Verdict::Kind::TooLarge};
  bool fits = true;
  for (const Piece& piece : pieces)
    fits = fits && request.add(piece.event) == OtlpRequest::Added::Yes;
  if (fits) verdict = co_await post(request.finish());
  if (verdict.kind == Verdict::Kind::Taken) {
    run.sent.done = pieces.back().index + 1;
    co_return true;
  }
  if (verdict.kind == Verdict::Kind::Problem) {
    run.sent.done = std::max(run.sent.done, pieces.front().index);
    run.stop(std::move(verdict));
    co_return false;
  }
  if (verdict.kind == Verdict::Kind::SomeRefused && verdict.count >= pieces.size()) {
    for (const Piece& piece : pieces) (void)co_await refuse(run, piece, verdict);
    co_return true;
  }
  if (pieces.size() > 1) {
    const std::size_t half = pieces.size() / 2;
    if (!co_await deliver(run, pieces.first(half))) co_return false;
    co_return co_await deliver(run, pieces.subspan(half));
  }
  Piece& piece = pieces.front();
  const bool less = verdict.kind == Verdict::Kind::TooLarge && level_ == Level::Masked;
  if (less && !piece.reduced) {
    if (auto reduced = piece_of(run.told[piece.index], piece.index, Level::Metadata)) {
      co_return co_await deliver(run, {&*reduced, 1});
    }
  }
  co_return co_await refuse(run, piece, verdict);
}

asio::awaitable<bool> OtlpSink::refuse(Run& run, const Piece& piece, const Verdict& verdict) {
  if (verdict.kind != Verdict::Kind::SomeRefused && !run.takes_requests) {
    Verdict empty = co_await post("");
    run.takes_requests = empty.kind == Verdict::Kind::Taken;
    if (!run.takes_requests) {
      if (empty.kind != Verdict::Kind::Problem)
        empty = {.problem =
                     "it refuses a request without records as well: is it an OTLP receiver?"};
      run.sent.done = std::max(run.sent.done, piece.index);
      run.stop(std::move(empty));
      co_return false;
    }
  }
  std::string reason = "refused by the collector";
  if (verdict.kind == Verdict::Kind::NotOtlp) reason += " with status 400";
  if (verdict.kind == Verdict::Kind::TooLarge) reason = "too large for the collector";
  run.sent.refused.push_back({run.told[piece.index].record, std::move(reason)});
  run.sent.done = piece.index + 1;
  co_return true;
}

asio::awaitable<OtlpSink::Verdict> OtlpSink::post(std::string bytes) {
  using Kind = Verdict::Kind;
  std::shared_ptr<wire::TlsClientContext> context;
  if (settings_.url.secure) {
    auto made = tls_.context();
    if (!made) co_return Verdict{.problem = made.error()};
    context = *std::move(made);
  }
  Secret headers;
  if (!settings_.headers_file.empty()) {
    try {
      headers = host::read_key(settings_.headers_file);
    } catch (const std::runtime_error& error) {
      co_return Verdict{.problem = error.what()};
    }
  }
  auto fields = read_header_lines(headers.reveal());
  if (!fields) co_return Verdict{.problem = settings_.headers_file + ": " + fields.error()};
  if (settings_.gzip) bytes = gzipped(bytes);
  outbound::HttpRequest request{
      .url = settings_.url, .post = true, .fields = *std::move(fields), .body = bytes};
  request.fields.emplace_back("Content-Type", kProtobuf);
  if (settings_.gzip) request.fields.emplace_back("Content-Encoding", "gzip");
  outbound::HttpsClient client(io_, std::move(context), wall_clock_);
  const auto answer = co_await client.ask(request, settings_.timeout);
  if (!answer) co_return Verdict{.problem = to_string(answer.error())};

  switch (answer->status) {
    case 200:
      break;
    case 400:
      co_return Verdict{.kind = Kind::NotOtlp};
    case 413:
      co_return Verdict{.kind = Kind::TooLarge};
    case 429:
    case 502:
    case 503:
    case 504:
      co_return Verdict{
          .problem = status_text(answer->status),
          .retry_after = read_retry_after(answer->field("retry-after"), wall_clock_())};
    default:
      co_return Verdict{.problem = status_text(answer->status)};
  }
  const std::string_view body = answer->body.reveal();
  const auto parsed = projection::parse_otlp_answer(body);
  if (!parsed) co_return Verdict{.problem = "it gives " + std::string(to_string(parsed.error()))};
  if (!body.empty() && !answer->field("content-type").starts_with(kProtobuf))
    co_return Verdict{.problem = "it answers in another format than OTLP"};
  if (parsed->rejected == 0) co_return Verdict{.kind = Kind::Taken};
  co_return Verdict{.kind = Kind::SomeRefused, .count = parsed->rejected};
}

}  // namespace veilwire::forwarder
