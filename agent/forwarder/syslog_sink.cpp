#include "agent/forwarder/syslog_sink.h"

#include "agent/outbound/link.h"

#include <utility>

namespace veilwire::forwarder {
namespace {

namespace asio = boost::asio;
using outbound::Link;

constexpr std::size_t kPiece = 64 * 1024;

}  // namespace

SyslogSink::SyslogSink(asio::io_context& io, SyslogSettings settings, projection::Level level,
                       projection::Source source, std::function<WallTime()> wall_clock)
    : io_(io),
      settings_(std::move(settings)),
      tls_(settings_.tls_files),
      level_(level),
      source_(std::move(source)),
      wall_clock_(std::move(wall_clock)) {}

asio::awaitable<std::optional<std::string>> SyslogSink::deliver(
    std::span<const std::string> pieces) {
  std::optional<outbound::Tls> tls;
  if (settings_.tls) {
    auto context = tls_.context();
    if (!context) co_return context.error();
    tls = outbound::Tls{*std::move(context), wall_clock_()};
  }
  Link link(io_, settings_.host, settings_.port, std::move(tls));
  {
    const Link::Deadline deadline(link, settings_.timeout);
    if (auto failure = co_await link.connect()) co_return to_string(*failure);
  }
  for (const std::string& piece : pieces) {
    const Link::Deadline deadline(link, settings_.timeout);
    if (auto failure = co_await link.send(piece)) co_return to_string(*failure);
  }
  // Receivers of syslog say nothing; what one says all the same is no answer to anything.
  std::string said;
  if (auto failure = co_await link.watch(settings_.settle, said)) co_return to_string(*failure);
  if (link.ended()) co_return "it has closed the connection";
  const Link::Deadline deadline(link, settings_.timeout);
  if (auto failure = co_await link.end_sending()) co_return to_string(*failure);
  while (!link.ended()) {
    said.clear();
    if (auto failure = co_await link.receive(said)) co_return to_string(*failure);
  }
  if (settings_.close_notify && !link.ended_whole())
    co_return "it ends without TLS's close_notify; close_notify = false accepts that";
  co_return std::nullopt;
}

asio::awaitable<Sent> SyslogSink::send(std::span<const Told> told) {
  Sent sent;
  std::vector<std::string> pieces;
  for (const Told& each : told) {
    if (!each.exchange && !each.parsed)
      sent.refused.push_back({each.record, "not a record that this version can read"});
    const auto text = syslog_message(each, source_, level_, settings_.message_bytes);
    if (!text) continue;
    if (pieces.empty() || pieces.back().size() >= kPiece) pieces.emplace_back();
    pieces.back().append(std::to_string(text->size())).append(" ").append(*text);
  }
  std::optional<std::string> problem;
  if (!pieces.empty()) problem = co_await deliver(pieces);
  if (problem) {
    sent.refused.clear();
    sent.problem = *std::move(problem);
  } else {
    sent.done = told.size();
  }
  co_return sent;
}

}  // namespace veilwire::forwarder
