// Log events to an OpenTelemetry collector: OTLP/HTTP in protocol buffers (OTLP 1.11, "OTLP/HTTP").
// Its answer is the acknowledgement: what it has taken is done, and how long it holds that is its
// own matter.
//
// A collector says that it has refused some of a request, and not which. They are found by halving,
// so that exactly those become dead letters; what it has taken meanwhile it gets again, under the
// same log.record.uid. Before anything is refused for a 400 or a 413 the collector must have taken
// a request without events: one that refuses everything is set up wrongly, and no record is at
// fault. Tested by tests/unit/forwarder/otlp_sink_test.cpp over real sockets.
#pragma once

#include "agent/forwarder/otlp_sink_settings.h"
#include "agent/forwarder/sink.h"
#include "agent/forwarder/tls_files.h"
#include "userspace/base/time.h"
#include "userspace/projection/level.h"
#include "userspace/projection/otel_event.h"
#include "userspace/projection/source.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::forwarder {

class OtlpSink final : public Sink {
 public:
  OtlpSink(boost::asio::io_context& io, OtlpSettings settings, projection::Level level,
           projection::Source source, std::function<WallTime()> wall_clock);

  boost::asio::awaitable<Sent> send(std::span<const Told> told) override;

 private:
  struct Piece {
    std::size_t index = 0;  // in what was told
    projection::Event event;
    bool reduced = false;  // as metadata, as all of it was too large
  };
  struct Verdict {
    enum class Kind : std::uint8_t {
      Taken,
      SomeRefused,  // `count` of them
      NotOtlp,      // 400: as a whole
      TooLarge,     // 413
      Problem,
    };
    Kind kind = Kind::Problem;
    std::uint64_t count = 0;
    std::string problem = {};
    std::optional<std::chrono::seconds> retry_after = {};
  };
  // What one send() has come to so far.
  struct Run;

  boost::asio::awaitable<bool> deliver(Run& run, std::span<Piece> pieces);
  boost::asio::awaitable<bool> refuse(Run& run, const Piece& piece, const Verdict& verdict);
  boost::asio::awaitable<Verdict> post(std::string bytes);
  std::optional<Piece> piece_of(const Told& told, std::size_t index, projection::Level level) const;

  boost::asio::io_context& io_;
  OtlpSettings settings_;
  TlsFiles tls_;
  projection::Level level_;
  projection::Source source_;
  std::function<WallTime()> wall_clock_;
};

}  // namespace veilwire::forwarder
