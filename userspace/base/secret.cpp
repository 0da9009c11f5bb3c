#include "userspace/base/secret.h"

#include <cstring>

namespace veilwire {

void wipe(void* data, std::size_t n) noexcept {
  if (n != 0) explicit_bzero(data, n);
}

bool equal_constant_time(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference = static_cast<unsigned char>(
        difference | (static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i])));
  return difference == 0;
}

}  // namespace veilwire
