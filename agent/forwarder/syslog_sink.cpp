#include "agent/forwarder/syslog_sink.h"

#include "agent/outbound/link.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace veilwire::forwarder {
namespace {

namespace asio = boost::asio;
using outbound::Link;

constexpr std::size_t kLeastPortion = 8 * 1024;  // and one message, however long it is
constexpr std::size_t kMostPortion = 1024 * 1024;
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

asio::awaitable<std::optional<std::string>> SyslogSink::deliver(std::string_view messages) {
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
  while (!messages.empty()) {
    const Link::Deadline deadline(link, settings_.timeout);
    const std::string_view piece = messages.substr(0, kPiece);
    messages.remove_prefix(piece.size());
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
  while (sent.done < told.size()) {
    std::string messages;
    std::vector<Refusal> refused;
    std::size_t end = sent.done;
    for (; end < told.size() && messages.size() < portion_; ++end) {
      const Told& each = told[end];
      if (!each.is_readable()) refused.push_back(refuse_unreadable(each));
      if (const auto text = syslog_message(each, source_, level_, settings_.message_bytes))
        messages.append(std::to_string(text->size())).append(" ").append(*text);
    }
    if (!messages.empty()) {
      if (auto problem = co_await deliver(messages)) {
        portion_ = std::max(kLeastPortion, std::min(portion_, messages.size()) / 2);
        sent.problem = *std::move(problem);
        break;
      }
      portion_ = std::min(kMostPortion, portion_ * 2);
    }
    sent.refused.insert(sent.refused.end(), refused.begin(), refused.end());
    sent.done = end;
  }
  co_return sent;
}

}  // namespace veilwire::forwarder
