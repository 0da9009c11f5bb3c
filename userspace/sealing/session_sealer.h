// What seals the originals of one session. Its key is drawn here, leaves only wrapped, and is wiped
// when the object goes; a body that is still open keeps its own key until it goes too. Tested by
// tests/unit/sealing/session_sealer_test.cpp, which looks for the keys in its own memory.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/crypto/hash.h"
#include "userspace/crypto/random.h"
#include "userspace/sealing/auditors.h"
#include "userspace/sealing/body.h"
#include "userspace/sealing/format.h"
#include "userspace/sealing/session_key.h"

#include <array>
#include <cstdint>

namespace veilwire::sealing {

class SessionSealer {
 public:
  static Result<SessionSealer, AuditorProblem> make(const Auditors& auditors,
                                                    const crypto::RandomSource& random,
                                                    WallTime now);

  // On record before the first chunk is: chunks without it open for nobody.
  const WrappedKey& wrapped() const { return wrapped_; }
  // The exchanges of each direction in ascending order, from 1, each once: one that is asked for
  // again, whose nonces would be used twice, stops the process.
  BodySealer body(const BodyIdentity& body, const crypto::Digest& header);

 private:
  SessionSealer(SessionKey key, WrappedKey wrapped);
  SessionKey key_;
  WrappedKey wrapped_;
  std::array<std::uint64_t, 2> last_{};  // exchange, by direction
};

}  // namespace veilwire::sealing
