// Sessions as a file could hold them that somebody else has written: what is read keeps to the
// bounds and is written as the same bytes, and questions about it at any time have answers that fit
// each other. The boot is whatever the bytes say, so that all that is behind it is reached.
#include "userspace/identity/session_bytes.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace veilwire;
using namespace veilwire::identity;

void require(bool ok) {
  if (!ok) std::abort();
}

Peer peer_of(const Binding& binding) {
  Peer peer;
  peer.uid = binding.uid;
  peer.loginuid = binding.loginuid;
  peer.audit_session = binding.audit_session;
  peer.cgroup_id = binding.cgroup_id;
  return peer;
}

void check_answers(SessionTable& table, Now now) {
  const BindingSettings settings{DerivedUse::Separate, {}, false};
  for (const auto& [binding, session] : table.sessions()) {
    const Peer peer = peer_of(binding);
    require(may_fall_under(peer, binding));
    const Found found = table.find(peer, {}, settings, now);
    require(found.session != nullptr);
    require(found.good_until >= now.mono);
    require(stands(found.standing) == (found.good_until > now.mono));
    (void)person_of(found, peer, nullptr);
    if (!stands(found.standing)) require(!reason(found).empty());
  }
  (void)table.next_deadline(now);
  table.expire(now);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kHead = 20;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  BootId boot;
  for (std::size_t n = 0; n < boot.bytes.size() && kHead + n < size; ++n)
    boot.bytes[n] = data[kHead + n];
  auto table = decode_sessions(bytes, boot, {});
  if (!table) return 0;
  require(encode_sessions(*table, boot) == bytes);
  require(table->sessions().size() <= limits::kSessions);
  using std::chrono::seconds;
  for (const auto second : {seconds(0), seconds(1'800'000'060), seconds(8'000'000'000)})
    check_answers(*table, {{second / 4}, {second}});
  return 0;
}
