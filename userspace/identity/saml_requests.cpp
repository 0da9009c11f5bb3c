#include "userspace/identity/saml_requests.h"

#include "userspace/base/limits.h"

#include <algorithm>
#include <utility>

namespace veilwire::identity {

std::string_view to_string(SamlRequestFault fault) {
  switch (fault) {
    case SamlRequestFault::TooMany:
      return "too many sign-ins are open on this host; try again in a moment";
    case SamlRequestFault::TooManyOfUser:
      return "too many sign-ins of this user are open; end some of them";
    case SamlRequestFault::Unknown:
      return "that answers no sign-in which is open here";
    case SamlRequestFault::TooLate:
      return "the sign-in has taken too long; begin anew";
    case SamlRequestFault::OfAnother:
      return "that answers the sign-in of somebody else";
  }
  return "unknown";
}

std::size_t SamlRequests::count_of(std::uint32_t share) const {
  return static_cast<std::size_t>(
      std::count_if(requests_.begin(), requests_.end(),
                    [share](const auto& entry) { return entry.second.request.share == share; }));
}

std::optional<SamlRequestFault> SamlRequests::add(std::string relay_state, SamlRequest request,
                                                  Monotonic now) {
  forget(request.asker);
  std::erase_if(requests_, [now](const auto& entry) { return entry.second.until <= now; });
  if (requests_.size() >= limits::kSamlRequests) return SamlRequestFault::TooMany;
  if (count_of(request.share) >= limits::kSamlRequestsOfUser)
    return SamlRequestFault::TooManyOfUser;
  requests_.insert_or_assign(std::move(relay_state),
                             Entry{std::move(request), now + limits::kSamlRequestLife});
  return std::nullopt;
}

Result<std::string, SamlRequestFault> SamlRequests::take(std::string_view relay_state,
                                                         std::uint64_t asker,
                                                         const Binding& binding, Monotonic now) {
  const auto at = requests_.find(relay_state);
  if (at == requests_.end()) return Unexpected{SamlRequestFault::Unknown};
  Entry entry = std::move(at->second);
  requests_.erase(at);
  if (entry.request.asker != asker || entry.request.binding != binding)
    return Unexpected{SamlRequestFault::OfAnother};
  if (entry.until <= now) return Unexpected{SamlRequestFault::TooLate};
  return std::move(entry.request.id);
}

bool SamlRequests::forget(std::uint64_t asker) {
  return std::erase_if(requests_, [asker](const auto& entry) {
           return entry.second.request.asker == asker;
         }) != 0;
}

bool SamlRequests::waits(const Binding& binding, Monotonic now) const {
  return std::any_of(requests_.begin(), requests_.end(), [&](const auto& entry) {
    return entry.second.request.binding == binding && now < entry.second.until;
  });
}

}  // namespace veilwire::identity
