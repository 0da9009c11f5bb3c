// Syslog messages over TLS (RFC 5425, octet counting). Nothing in this protocol says that a
// receiver has a message: RELP does (relp_sink.h), and whoever can choose should. What can be seen
// is this, and what goes on one connection is done only when all of it has been seen, or else is
// sent again under the same keys:
//
// 1. Every byte is written, and for a while (`settle_ms`) the receiver does not go away: one that
//    is killed before it has stored what it has read is noticed when it had that time to do so.
// 2. The connection is then ended from our side, and the receiver ends it from its own, in order:
//    it has read everything that was sent before, as an end that comes with bytes unread is a
//    reset.
//
// With TLS its end must stand under the key (close_notify): otherwise who can alter packets between
// here and there could hold back the last ones and end the connection, and a batch would look read
// that was not. rsyslog's GnuTLS driver ends without one (8.2302; its OpenSSL driver does not);
// `close_notify = false` accepts that.
//
// What a receiver has in memory when it dies later is lost there, and is still in the ledger.
// Tested by tests/unit/forwarder/syslog_sink_test.cpp, and with rsyslog by rsyslog_test.cpp.
#pragma once

#include "agent/forwarder/sink.h"
#include "agent/forwarder/syslog_settings.h"
#include "agent/forwarder/tls_files.h"
#include "userspace/base/time.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::forwarder {

class SyslogSink final : public Sink {
 public:
  SyslogSink(boost::asio::io_context& io, SyslogSettings settings, projection::Level level,
             projection::Source source, std::function<WallTime()> wall_clock);

  boost::asio::awaitable<Sent> send(std::span<const Told> told) override;

 private:
  boost::asio::awaitable<std::optional<std::string>> deliver(std::string_view messages);

  boost::asio::io_context& io_;
  SyslogSettings settings_;
  TlsFiles tls_;
  projection::Level level_;
  projection::Source source_;
  std::function<WallTime()> wall_clock_;
  // Bytes on one connection. A receiver that syncs its disk for every message may not read a whole
  // batch in the time that it has, and would be sent all of it again and again: half as many after
  // each failure, twice as many after each success.
  std::size_t portion_ = 256 * 1024;
};

}  // namespace veilwire::forwarder
