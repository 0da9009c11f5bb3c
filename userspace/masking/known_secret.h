// A secret that is known byte for byte, such as the credential that goes out with a request and may
// come back with its answer. It is looked for beside the rules (masking::knowing) and masked
// whatever a policy says of those. What is held for it is what it can begin with and no more
// (Knuth, Morris and Pratt 1977). Tested by tests/unit/masking/known_secret_test.cpp.
#pragma once

#include "userspace/base/secret.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::masking {

// As findings and masks name it; no rule of a pack has this id.
inline constexpr std::string_view kKnownSecretRule = "organisation-credential";

class KnownSecret {
 public:
  // One byte at least, and less than 65,536.
  explicit KnownSecret(Secret value);

  std::string_view reveal() const { return value_.reveal(); }
  std::size_t size() const { return reveal().size(); }

  bool stands_in(std::string_view text) const { return text.find(reveal()) != text.npos; }
  // Puts stars over it, one for each byte; says whether it was there.
  bool cover(std::string& text) const;

  // How many bytes of its beginning, never all, a text ends with behind this piece, if it ended
  // with `matched` before. Calls on_end(n) for each n bytes of the piece behind which the secret
  // ends.
  template <class OnEnd>
  std::size_t scan(std::size_t matched, std::string_view text, OnEnd&& on_end) const {
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (matched == 0) {
        at = text.find(reveal().front(), at);
        if (at == std::string_view::npos) break;
      }
      matched = step(matched, text[at]);
      if (matched < size()) continue;
      on_end(at + 1);
      matched = shorter_[matched];
    }
    return matched;
  }

 private:
  std::size_t step(std::size_t matched, char c) const;

  Secret value_;
  std::vector<std::uint16_t> shorter_;  // by bytes matched: the next shorter beginning at their end
};

// Puts stars over the secret in bytes that nobody can edit as text: they keep their number. What
// may still become it is held.
class SecretEraser {
 public:
  explicit SecretEraser(const KnownSecret& secret) : secret_(secret) {}  // outlives it

  // What may go out.
  std::string feed(std::string_view bytes);
  std::string finish();

 private:
  const KnownSecret& secret_;
  std::size_t matched_ = 0;
  std::string held_;
};

}  // namespace veilwire::masking
