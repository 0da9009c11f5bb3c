#include "agent/forwarder/relp_sink.h"

#include "agent/forwarder/relp_frames.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace veilwire::forwarder {
namespace {

namespace asio = boost::asio;
using Problem = asio::awaitable<std::optional<std::string>>;

// Messages on their way at once: twice what librelp's own clients have, whose answers fit into any
// buffer of a connection.
constexpr std::size_t kWindow = 256;
constexpr int kOk = 200;
constexpr std::string_view kOffer = "relp_version=0\nrelp_software=veilwire\ncommands=syslog";

}  // namespace

class RelpSink::Session {
 public:
  Session(outbound::Link& link, std::chrono::milliseconds timeout)
      : link_(link), timeout_(timeout) {}

  Problem open() {
    const outbound::Link::Deadline deadline(link_, timeout_);
    if (auto failure = co_await link_.connect()) co_return to_string(*failure);
    if (auto failure = co_await link_.send(relp_frame(next_++, "open", kOffer)))
      co_return to_string(*failure);
    RelpFrame answer;
    if (auto problem = co_await read(answer)) co_return problem;
    if (answer.command != "rsp" || answer.transaction != 1 || answer.code() != kOk)
      co_return "it does not open a session of RELP";
    // "commands=" and a list with commas.
    if (answer.data.find("syslog") == answer.data.npos) co_return "it takes no syslog over RELP";
    co_return std::nullopt;
  }

  // Until each is taken or refused.
  Problem carry(std::span<Message> messages) {
    const std::uint32_t first = next_;
    std::string frames;
    for (const Message& message : messages) frames += relp_frame(next_++, "syslog", message.text);
    // One that closes meanwhile may have said what it has taken.
    const auto unsent = co_await send(frames);
    for (std::size_t waiting = messages.size(); waiting != 0;) {
      RelpFrame answer;
      if (auto problem = co_await read(answer)) co_return unsent ? to_string(*unsent) : *problem;
      if (answer.command == "serverclose") co_return "it has closed the session";
      if (answer.command != "rsp" || answer.transaction < first ||
          answer.transaction - first >= messages.size() || !answer.code())
        co_return "it answers what was not asked";
      Message& message = messages[answer.transaction - first];
      if (message.state != Message::State::Waiting) co_return "it answers twice";
      message.state = answer.code() == kOk ? Message::State::Taken : Message::State::Refused;
      --waiting;
    }
    co_return std::nullopt;
  }

  // All has been answered: whether this comes over matters to nobody.
  asio::awaitable<void> close() {
    const outbound::Link::Deadline deadline(link_, std::chrono::seconds(1));
    RelpFrame answer;
    if (co_await link_.send(relp_frame(next_, "close", ""))) co_return;
    (void)co_await read(answer);
  }

 private:
  outbound::Link::Failed send(const std::string& frames) {
    const outbound::Link::Deadline deadline(link_, timeout_);
    co_return co_await link_.send(frames);
  }
  // Each answer has its time: a receiver that syncs its disk for every message is slow, not gone.
  Problem read(RelpFrame& out) {
    const outbound::Link::Deadline deadline(link_, timeout_);
    while (true) {
      auto frame = take_relp_frame(bytes_);
      if (!frame) co_return "its answer is no RELP";
      if (*frame) {
        out = **std::move(frame);
        co_return std::nullopt;
      }
      if (link_.ended()) co_return "the connection ended early";
      if (auto failure = co_await link_.receive(bytes_)) co_return to_string(*failure);
    }
  }

  outbound::Link& link_;
  std::chrono::milliseconds timeout_;
  std::uint32_t next_ = 1;
  std::string bytes_;
};

RelpSink::RelpSink(asio::io_context& io, SyslogSettings settings, projection::Level level,
                   projection::Source source, std::function<WallTime()> wall_clock)
    : io_(io),
      settings_(std::move(settings)),
      tls_(settings_.tls_files),
      level_(level),
      source_(std::move(source)),
      wall_clock_(std::move(wall_clock)) {}

asio::awaitable<std::optional<std::string>> RelpSink::deliver(std::vector<Message>& messages) {
  std::optional<outbound::Tls> tls;
  if (settings_.tls) {
    auto context = tls_.context();
    if (!context) co_return context.error();
    tls = outbound::Tls{*std::move(context), wall_clock_()};
  }
  outbound::Link link(io_, settings_.host, settings_.port, std::move(tls));
  Session session(link, settings_.timeout);
  if (auto problem = co_await session.open()) co_return problem;
  for (std::span<Message> rest = messages; !rest.empty();) {
    const auto now = rest.first(std::min(kWindow, rest.size()));
    rest = rest.subspan(now.size());
    if (auto problem = co_await session.carry(now)) co_return problem;
  }
  co_await session.close();
  co_return std::nullopt;
}

asio::awaitable<Sent> RelpSink::send(std::span<const Told> told) {
  using State = Message::State;
  Sent sent;
  std::vector<Message> messages;
  for (std::size_t at = 0; at < told.size(); ++at) {
    auto text = syslog_message(told[at], source_, level_, settings_.message_bytes);
    if (text) messages.push_back({.index = at, .text = *std::move(text)});
  }
  std::optional<std::string> problem;
  if (!messages.empty()) problem = co_await deliver(messages);
  const bool takes_messages =
      std::any_of(messages.begin(), messages.end(),
                  [](const Message& message) { return message.state == State::Taken; });
  auto message = messages.begin();
  for (std::size_t at = 0; at < told.size(); ++at) {
    if (message != messages.end() && message->index == at) {
      if (message->state == State::Refused && !takes_messages && !problem)
        problem = "it refuses every message";
      if (message->state == State::Waiting || (message->state == State::Refused && !takes_messages))
        break;
      if (message->state == State::Refused)
        sent.refused.push_back({told[at].record, "refused by the receiver"});
      ++message;
    } else if (!told[at].is_readable()) {
      sent.refused.push_back(refuse_unreadable(told[at]));
    }
    sent.done = at + 1;
  }
  if (sent.done != told.size()) sent.problem = problem.value_or("it has not taken all");
  co_return sent;
}

}  // namespace veilwire::forwarder
