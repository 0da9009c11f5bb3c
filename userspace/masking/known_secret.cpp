#include "userspace/masking/known_secret.h"

#include <algorithm>
#include <utility>

namespace veilwire::masking {

KnownSecret::KnownSecret(Secret value) : value_(std::move(value)) {
  const std::string_view secret = reveal();
  shorter_.assign(secret.size() + 1, 0);
  for (std::size_t i = 1, n = 0; i < secret.size(); ++i) {
    while (n > 0 && secret[i] != secret[n]) n = shorter_[n];
    if (secret[i] == secret[n]) ++n;
    shorter_[i + 1] = static_cast<std::uint16_t>(n);
  }
}

std::size_t KnownSecret::step(std::size_t matched, char c) const {
  const std::string_view secret = reveal();
  while (matched > 0 && secret[matched] != c) matched = shorter_[matched];
  return secret[matched] == c ? matched + 1 : 0;
}

bool KnownSecret::cover(std::string& text) const {
  const std::string came = text;
  bool found = false;
  for (std::size_t at = came.find(reveal()); at != came.npos; at = came.find(reveal(), at + 1)) {
    text.replace(at, size(), size(), '*');
    found = true;
  }
  return found;
}

std::string SecretEraser::feed(std::string_view bytes) {
  const std::size_t before = held_.size();
  std::string out = std::exchange(held_, {});
  out += bytes;
  matched_ = secret_.scan(matched_, bytes, [&](std::size_t end) {
    // What overlaps it to the left has gone out as stars.
    const std::size_t from = std::max(before + end, secret_.size()) - secret_.size();
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(from),
              out.begin() + static_cast<std::ptrdiff_t>(before + end), '*');
  });
  const std::size_t held = std::min(matched_, out.size());
  held_ = out.substr(out.size() - held);
  out.resize(out.size() - held);
  return out;
}

std::string SecretEraser::finish() {
  matched_ = 0;
  return std::exchange(held_, {});
}

}  // namespace veilwire::masking
