#include "userspace/base/secret.h"

#include <algorithm>
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

SecretBuilder& SecretBuilder::append(std::string_view piece) {
  if (piece.size() > bytes_.capacity() - bytes_.size()) {
    std::string larger;
    larger.reserve(std::max(bytes_.size() + piece.size(), 2 * bytes_.capacity()));
    larger.append(bytes_);
    wipe(bytes_.data(), bytes_.size());
    bytes_.swap(larger);
  }
  bytes_.append(piece);
  return *this;
}

}  // namespace veilwire
