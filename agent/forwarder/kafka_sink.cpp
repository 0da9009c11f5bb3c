#include "agent/forwarder/kafka_sink.h"

#include "userspace/projection/jsonl.h"
#include "userspace/projection/ocsf.h"
#include "userspace/projection/otel_event.h"
#include "userspace/projection/otlp.h"
#include "userspace/projection/tree_parts.h"

#include <algorithm>
#include <string>
#include <utility>

namespace veilwire::forwarder {
namespace {

namespace asio = boost::asio;
using outbound::KafkaMessage;
using outbound::KafkaProducer;
using projection::Level;
using MessageState = KafkaMessage::State;

// The gravest of what has become of a record's messages.
const KafkaMessage* worst(std::span<const KafkaMessage> messages) {
  const auto grave = std::max_element(
      messages.begin(), messages.end(),
      [](const KafkaMessage& a, const KafkaMessage& b) { return a.state < b.state; });
  const bool none = grave == messages.end() || grave->state == MessageState::Delivered;
  return none ? nullptr : &*grave;
}

std::vector<std::string> lines_of(const Told& told, Level level) {
  const auto line = told.exchange ? projection::jsonl(*told.exchange, level)
                                  : projection::jsonl(told.canonical, *told.parsed, level);
  if (!line) return {};
  return {*line};
}

std::vector<std::string> ocsf_of(const Told& told, const projection::Source& source, Level level) {
  return told.exchange ? projection::ocsf_lines(*told.exchange, source, level)
                       : projection::ocsf_lines(*told.parsed, source, level);
}

}  // namespace

KafkaSink::KafkaSink(asio::io_context& io, KafkaSinkSettings settings, Level level,
                     projection::Source source)
    : io_(io), settings_(std::move(settings)), level_(level), source_(std::move(source)) {}

KafkaSink::Messages KafkaSink::messages_of(const Told& told, Level level) const {
  using Format = KafkaSinkSettings::Format;
  const std::string key = told.exchange
                              ? projection::exchange_key(*told.exchange)
                              : projection::record_key(told.parsed->record.context.host,
                                                       told.parsed->writer, told.parsed->seq);
  Messages messages;
  if (settings_.format == Format::Otlp) {
    const auto event = told.exchange ? projection::event_of(*told.exchange, level)
                                     : projection::event_of(*told.parsed, level);
    if (!event) return {};
    // The producer judges how large a message may be.
    projection::OtlpRequest request(source_, 1 << 30);
    (void)request.add(*event);
    messages.push_back({.uid = key, .payload = request.finish()});
    return messages;
  }
  const bool ocsf = settings_.format == Format::Ocsf;
  for (std::string& line : ocsf ? ocsf_of(told, source_, level) : lines_of(told, level)) {
    line.pop_back();  // its line feed
    // As OCSF's own metadata.uid.
    const std::size_t number = messages.size();
    messages.push_back({.uid = number == 0 ? key : key + '-' + std::to_string(number),
                        .payload = std::move(line)});
  }
  return messages;
}

asio::awaitable<KafkaSink::Messages> KafkaSink::alone(const Told& told, Level level) {
  Messages messages = messages_of(told, level);
  for (KafkaMessage& message : messages) {
    co_await producer_->produce(source_.host_id, {&message, 1});
    if (message.state != MessageState::Delivered) break;
  }
  co_return messages;
}

asio::awaitable<Sent> KafkaSink::send(std::span<const Told> told) {
  Sent sent;
  if (!producer_) {
    auto made = KafkaProducer::make(io_, settings_);
    if (!made) {
      sent.problem = made.error();
      co_return sent;
    }
    producer_ = *std::move(made);
  }
  Messages messages;
  std::vector<std::size_t> ends;  // of the messages of each that was told
  for (const Told& each : told) {
    if (each.is_readable())
      for (KafkaMessage& message : messages_of(each, level_))
        messages.push_back(std::move(message));
    ends.push_back(messages.size());
  }
  co_await producer_->produce(source_.host_id, messages);

  std::size_t begin = 0;
  for (std::size_t at = 0; at < told.size(); begin = ends[at++]) {
    Messages again;
    const KafkaMessage* bad = worst(std::span(messages).subspan(begin, ends[at] - begin));
    if (bad != nullptr && bad->state == MessageState::Refused) {
      again = co_await alone(told[at], level_);
      bad = worst(again);
    }
    if (bad != nullptr && bad->state == MessageState::Refused && level_ == Level::Masked) {
      again = co_await alone(told[at], Level::Metadata);
      bad = worst(again);
    }
    if (bad != nullptr && bad->state != MessageState::Refused) {
      sent.problem = bad->why;
      retired_ = producer_->retire();
      producer_.reset();
      break;
    }
    if (!told[at].is_readable())
      sent.refused.push_back(refuse_unreadable(told[at]));
    else if (bad != nullptr)
      sent.refused.push_back({told[at].record, "refused by the broker: " + bad->why});
    sent.done = at + 1;
  }
  co_return sent;
}

}  // namespace veilwire::forwarder
