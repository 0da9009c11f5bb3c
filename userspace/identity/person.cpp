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

}  // namespace veilwire::identity
