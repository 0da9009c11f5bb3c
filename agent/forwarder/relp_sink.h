// Syslog messages over RELP, with TLS: each is acknowledged by itself, and those that are, from the
// first on, are done. What an acknowledgement means is the receiver's to say: rsyslog gives it once
// a message stands in its queue, which is memory unless it is told to keep it on disk and to sync
// it. Every call has a connection of its own.
//
// A receiver may refuse a message. That is its last word only where it has taken another one on the
// same connection: one that refuses everything is set up wrongly, and no record is at fault. Tested
// by tests/unit/forwarder/relp_sink_test.cpp, and with rsyslog by rsyslog_test.cpp.
#pragma once

#include "agent/forwarder/sink.h"
#include "agent/forwarder/syslog_settings.h"
#include "agent/forwarder/tls_files.h"
#include "agent/outbound/link.h"
#include "userspace/base/time.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::forwarder {

class RelpSink final : public Sink {
 public:
  RelpSink(boost::asio::io_context& io, SyslogSettings settings, projection::Level level,
           projection::Source source, std::function<WallTime()> wall_clock);

  boost::asio::awaitable<Sent> send(std::span<const Told> told) override;

 private:
  struct Message {
    std::size_t index = 0;  // in what was told
    std::string text;
    enum class State : std::uint8_t { Waiting, Taken, Refused } state = State::Waiting;
  };
  class Session;

  boost::asio::awaitable<std::optional<std::string>> deliver(std::vector<Message>& messages);

  boost::asio::io_context& io_;
  SyslogSettings settings_;
  TlsFiles tls_;
  projection::Level level_;
  projection::Source source_;
  std::function<WallTime()> wall_clock_;
};

}  // namespace veilwire::forwarder
