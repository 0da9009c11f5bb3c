// The ledger to a witness (veilwire-witness): every record as it is hashed, in the order of the
// ledger. Its answer is the acknowledgement, and brings its signature under the last checkpoint
// that it has verified. The signature is believed where it is of the configured key and of a
// checkpoint that this sink has sent: it may let the recorder delete what it covers.
//
// A witness that says what it has been told before is not what it should be is never satisfied by
// anything but a person: nothing goes to it until then. Tested by
// tests/unit/forwarder/witness_sink_test.cpp over real sockets and, with the real witness, by
// tests/witness.
#pragma once

#include "agent/forwarder/sink.h"
#include "agent/forwarder/witness_sink_settings.h"
#include "userspace/base/time.h"
#include "userspace/evidence/witness_message.h"
#include "userspace/proof/signed_note.h"

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::forwarder {

class WitnessSink final : public Sink {
 public:
  // Of settings that read_witness_settings() has given.
  WitnessSink(boost::asio::io_context& io, WitnessSettings settings,
              std::function<WallTime()> wall_clock);

  bool asks_for_log() const override { return true; }
  void records_are_of(std::string origin) override { origin_ = std::move(origin); }
  boost::asio::awaitable<Sent> send(std::span<const Told> told) override;

 private:
  struct Heard {
    int status = 0;  // 0: nothing, for the reason in `problem`
    evidence::WitnessAnswer answer;
    std::string problem = {};
    std::optional<std::chrono::seconds> retry_after = {};
  };

  boost::asio::awaitable<Heard> post(std::string bytes);
  void remember_checkpoints(std::span<const Told> told);
  bool believe(const evidence::WitnessAnswer& answer, Sent& sent);
  bool judge(Heard heard, std::span<const Told> told, Sent& sent);

  boost::asio::io_context& io_;
  WitnessSettings settings_;
  TlsFiles tls_;
  proof::NoteVerifier key_;
  std::function<WallTime()> wall_clock_;
  std::string origin_;
  // Texts of checkpoints that were sent and are not cosigned yet, by their size.
  std::map<std::uint64_t, std::string> checkpoints_;
};

}  // namespace veilwire::forwarder
