#include "userspace/sealing/session_sealer.h"

#include <cstdlib>
#include <utility>

namespace veilwire::sealing {

SessionSealer::SessionSealer(SessionKey key, WrappedKey wrapped)
    : key_(std::move(key)), wrapped_(std::move(wrapped)) {}

Result<SessionSealer, AuditorProblem> SessionSealer::make(const Auditors& auditors,
                                                          const crypto::RandomSource& random,
                                                          WallTime now) {
  SessionKey key = SessionKey::generate(random);
  auto wrapped = auditors.wrap(key, now);
  if (!wrapped) return Unexpected{wrapped.error()};
  return SessionSealer(std::move(key), std::move(*wrapped));
}

BodySealer SessionSealer::body(const BodyIdentity& body, const crypto::Digest& header) {
  std::uint64_t& last = last_.at(static_cast<std::size_t>(body.direction));
  if (body.exchange <= last) std::abort();
  last = body.exchange;
  return {key_, body, header};
}

}  // namespace veilwire::sealing
