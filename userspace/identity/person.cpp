#include "userspace/identity/person.h"

namespace veilwire::identity {

std::string_view to_string(PersonClass c) {
  switch (c) {
    case PersonClass::Human:
      return "human";
    case PersonClass::Derived:
      return "derived";
    case PersonClass::Service:
      return "service";
    case PersonClass::Ci:
      return "ci";
  }
  return "unknown";
}

std::string_view to_string(Standing standing) {
  switch (standing) {
    case Standing::Fresh:
      return "fresh";
    case Standing::Cached:
      return "cached";
    case Standing::Stale:
      return "stale";
    case Standing::Expired:
      return "expired";
    case Standing::SignedOut:
      return "signed out";
    case Standing::Revoked:
      return "revoked";
    case Standing::Unknown:
      return "unknown";
  }
  return "unknown";
}

std::string unconfirmed(std::string_view name, std::chrono::nanoseconds age) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(age).count();
  return "the session of " + std::string(name) +
         " cannot be checked: the identity provider has not answered for " +
         std::to_string(minutes) + " minutes";
}

}  // namespace veilwire::identity
