#include "userspace/identity/binding.h"

#include "userspace/base/limits.h"
#include "userspace/crypto/encoding.h"

#include <algorithm>

namespace veilwire::identity {
namespace {

// The peer's place as far as it is used.
Place used_part(const Peer& peer, Place place) {
  if (place.empty() || place.front().id != peer.cgroup_id) return {};
  return place.first(std::min(place.size(), limits::kCgroupDepth));
}

bool is_unit(const Cgroup& cgroup) {
  return cgroup.name.ends_with(".service") || cgroup.name.ends_with(".scope");
}
// Units that hold more than one thing. Other scopes are made for one, such as a container's.
bool holds_many(const Cgroup& cgroup) {
  return cgroup.name.ends_with(".service") || cgroup.name == "init.scope" ||
         (cgroup.name.starts_with("session-") && cgroup.name.ends_with(".scope"));
}
bool is_shared(const Cgroup& cgroup) {
  return cgroup.name.empty() || cgroup.name.ends_with(".slice");
}

Binding login(std::uint32_t uid, const Peer& peer) {
  return {.kind = BindingKind::Login,
          .uid = uid,
          .loginuid = peer.loginuid,
          .audit_session = peer.audit_session};
}
Binding unit(const Peer& peer, std::uint64_t cgroup_id) {
  return {.kind = BindingKind::Unit, .uid = peer.uid, .cgroup_id = cgroup_id};
}
Binding job(const Peer& peer, std::uint64_t cgroup_id) {
  return {.kind = BindingKind::Job,
          .loginuid = peer.loginuid,
          .audit_session = peer.audit_session,
          .cgroup_id = cgroup_id};
}

}  // namespace

std::optional<BootId> parse_boot_id(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  constexpr std::size_t kDashes[] = {8, 13, 18, 23};
  std::string digits;
  for (std::size_t n = 0; n < text.size(); ++n) {
    if (std::find(std::begin(kDashes), std::end(kDashes), n) == std::end(kDashes))
      digits += text[n];
    else if (text[n] != '-')
      return std::nullopt;
  }
  const auto bytes = crypto::hex_decode(digits);
  BootId id;
  if (!bytes || bytes->size() != id.bytes.size() || text.size() != 36) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), id.bytes.begin());
  return id;
}

bool is_well_formed(const Binding& binding) {
  const bool has_uid = binding.uid != kUnsetAuditId, has_cgroup = binding.cgroup_id != 0;
  const bool has_loginuid = binding.loginuid != kUnsetAuditId;
  const bool has_session = binding.audit_session != kUnsetAuditId;
  switch (binding.kind) {
    case BindingKind::Login:
      return has_uid && has_loginuid && has_session && !has_cgroup;
    case BindingKind::Unit:
      return has_uid && !has_loginuid && !has_session && has_cgroup;
    case BindingKind::Job:
      return !has_uid && has_loginuid == has_session && has_cgroup;
  }
  return false;
}

std::string to_string(const Binding& binding) {
  const auto user = [](std::uint32_t uid) { return "user " + std::to_string(uid); };
  const std::string session = "audit session " + std::to_string(binding.audit_session);
  switch (binding.kind) {
    case BindingKind::Login:
      return (binding.uid == binding.loginuid
                  ? "login of " + user(binding.uid)
                  : user(binding.uid) + " in the login of " + user(binding.loginuid)) +
             ", " + session;
    case BindingKind::Unit:
      return user(binding.uid) + " in cgroup " + std::to_string(binding.cgroup_id);
    case BindingKind::Job:
      return "job in cgroup " + std::to_string(binding.cgroup_id) +
             (binding.audit_session == kUnsetAuditId ? "" : ", " + session);
  }
  return "unknown";
}

std::string_view to_string(BindingFault fault) {
  switch (fault) {
    case BindingFault::DerivedRefused:
      return "a process that has become another user may not act for the person who logged in";
    case BindingFault::CgroupTooWide:
      return "nobody has logged in for it, and it shares its cgroup with others";
    case BindingFault::CgroupUnknown:
      return "nobody has logged in for it, and its cgroup is not known";
    case BindingFault::LoginIsNoRunner:
      return "it belongs to a login, and not to one of an account of runners";
    case BindingFault::JobSharesCgroup:
      return "the job has no cgroup of its own";
  }
  return "unknown";
}

// audit_set_loginuid() sets both or neither. One alone is nothing to go by.
bool has_login(const Peer& peer) {
  return peer.loginuid != kUnsetAuditId && peer.audit_session != kUnsetAuditId;
}

bool is_derived(const Peer& peer) { return has_login(peer) && peer.uid != peer.loginuid; }

Result<Binding, BindingFault> binding_for_sign_in(const Peer& peer, Place place,
                                                  const BindingSettings& settings) {
  if (has_login(peer)) {
    if (!is_derived(peer)) return login(peer.uid, peer);
    switch (settings.derived) {
      case DerivedUse::OfLogin:
        return login(peer.loginuid, peer);
      case DerivedUse::Separate:
        return login(peer.uid, peer);
      case DerivedUse::Refused:
        return Unexpected{BindingFault::DerivedRefused};
    }
  }
  const Place around = used_part(peer, place);
  if (around.empty()) return Unexpected{BindingFault::CgroupUnknown};
  // Without a unit around it, its own: container services that do not know systemd make cgroups
  // with names of their own.
  const auto found = std::find_if(around.begin(), around.end(), is_unit);
  const Cgroup& bound = found != around.end() ? *found : around.front();
  if (is_shared(bound)) return Unexpected{BindingFault::CgroupTooWide};
  return unit(peer, bound.id);
}

Result<Binding, BindingFault> binding_for_job(const Peer& peer, Place place,
                                              const BindingSettings& settings) {
  const auto& runners = settings.runner_uids;
  if (peer.loginuid != kUnsetAuditId &&
      std::find(runners.begin(), runners.end(), peer.loginuid) == runners.end())
    return Unexpected{BindingFault::LoginIsNoRunner};
  const Place around = used_part(peer, place);
  if (around.empty()) return Unexpected{BindingFault::CgroupUnknown};
  const Cgroup& own = around.front();
  if (is_shared(own)) return Unexpected{BindingFault::CgroupTooWide};
  if (holds_many(own) && !settings.job_may_fill_unit)
    return Unexpected{BindingFault::JobSharesCgroup};
  return job(peer, own.id);
}

std::vector<Binding> bindings_of(const Peer& peer, Place place, const BindingSettings& settings) {
  const Place around = used_part(peer, place);
  std::vector<Binding> bindings;
  bindings.reserve(2 * around.size() + 2);
  // Its own cgroup is known even where its place is not.
  const auto each_cgroup = [&](auto make) {
    bindings.push_back(make(peer, peer.cgroup_id));
    for (std::size_t n = 1; n < around.size(); ++n) bindings.push_back(make(peer, around[n].id));
  };
  each_cgroup(job);
  if (!has_login(peer)) {
    each_cgroup(unit);
  } else if (!is_derived(peer)) {
    bindings.push_back(login(peer.uid, peer));
  } else if (settings.derived == DerivedUse::OfLogin) {
    bindings.push_back(login(peer.loginuid, peer));
  } else if (settings.derived == DerivedUse::Separate) {
    bindings.push_back(login(peer.uid, peer));
  }
  return bindings;
}

bool may_fall_under(const Peer& peer, const Binding& binding) {
  switch (binding.kind) {
    case BindingKind::Login:
      return peer.loginuid == binding.loginuid && peer.audit_session == binding.audit_session &&
             (peer.uid == binding.uid || binding.uid == binding.loginuid);
    case BindingKind::Unit:
      return !has_login(peer) && peer.uid == binding.uid;
    case BindingKind::Job:
      return peer.loginuid == binding.loginuid && peer.audit_session == binding.audit_session;
  }
  return true;
}

}  // namespace veilwire::identity
