// Bodies as they came, sealed for auditors before anything is masked (userspace/sealing). What of
// them is recorded stands before what was made of them, so nothing is released whose original is
// not on record. Tested by tests/unit/flow/originals_test.cpp.
#pragma once

#include "userspace/audit/record.h"
#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/crypto/random.h"
#include "userspace/policy/policy.h"
#include "userspace/sealing/auditors.h"
#include "userspace/sealing/session_sealer.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace veilwire::flow {

class RelaySink;

// One body on its way into records.
class Original {
 public:
  using Put = std::function<void(audit::Body)>;

  // form: a chunk without its place and content.
  Original(sealing::BodySealer sealer, audit::OriginalChunk form)
      : sealer_(std::make_unique<sealing::BodySealer>(std::move(sealer))), form_(std::move(form)) {}

  // Up to a chunk of what comes waits, until it is full or flushed.
  void write(std::string_view bytes, const Put& put);
  void flush(const Put& put);
  // No more comes of it. Does nothing when it has been said before.
  void finish(const Put& put);

 private:
  void record(sealing::Chunk chunk, const Put& put) const;

  std::unique_ptr<sealing::BodySealer> sealer_;  // until it is finished
  audit::OriginalChunk form_;
};

// The originals of one session: under one key for as long as the auditors are the same.
class Originals {
 public:
  // Of the session, as its records have it.
  struct Place {
    std::string host, writer, session;
  };
  // sink outlives it.
  Originals(Place place, crypto::RandomSource random, RelaySink& sink)
      : place_(std::move(place)), random_(std::move(random)), sink_(sink) {}

  // For one exchange, before its first body: its auditors are those of now, and a key that they do
  // not have yet goes on record. The error is why nothing can be sealed.
  Result<void, std::string> prepare(const std::shared_ptr<const sealing::Auditors>& auditors,
                                    WallTime now);
  // After prepare(), each direction of an exchange once. head: the record that heads the body, put
  // within the same event.
  Original open(std::uint64_t exchange, policy::Direction direction, const audit::Body& head);
  // The session is over: its key is wiped.
  void forget() { sealer_.reset(); }

 private:
  Place place_;
  crypto::RandomSource random_;
  RelaySink& sink_;
  std::shared_ptr<const sealing::Auditors> auditors_;
  std::optional<sealing::SessionSealer> sealer_;
};

}  // namespace veilwire::flow
