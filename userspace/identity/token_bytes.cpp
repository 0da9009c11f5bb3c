#include "userspace/identity/token_bytes.h"

#include <cstdint>
#include <string>

namespace veilwire::identity {
namespace {

constexpr std::string_view kMagic = "tokens 2\n";
constexpr std::string_view kBound = "bound";
constexpr std::size_t kNumber = 8;

std::string number(std::uint64_t value) {
  std::string bytes;
  for (std::size_t n = 0; n < kNumber; ++n) bytes += static_cast<char>(value >> (8 * n));
  return bytes;
}

void append(SecretBuilder& out, std::string_view text) {
  out.append(number(text.size())).append(text);
}
void append(SecretBuilder& out, Monotonic time) {
  out.append(number(static_cast<std::uint64_t>(time.since_start.count())));
}

class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}

  std::string_view take(std::uint64_t size) {
    failed_ = failed_ || size > rest_.size();
    if (failed_) return {};
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::string_view text() { return take(number()); }
  Secret secret() { return Secret(std::string(text())); }
  Monotonic time() { return {std::chrono::nanoseconds(static_cast<std::int64_t>(number()))}; }
  bool whole() const { return !failed_ && rest_.empty(); }

 private:
  std::uint64_t number() {
    std::uint64_t value = 0;
    std::size_t shift = 0;
    for (const char c : take(kNumber)) {
      value |= std::uint64_t{static_cast<unsigned char>(c)} << shift;
      shift += 8;
    }
    return value;
  }

  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace

Secret encode_tokens(const Tokens& tokens) {
  SecretBuilder out;
  out.append(kMagic);
  append(out, tokens.access_token.reveal());
  append(out, tokens.refresh_token.reveal());
  append(out, tokens.scope);
  append(out, tokens.proof_key.reveal());
  append(out, tokens.bound ? kBound : "");
  append(out, tokens.since);
  append(out, tokens.until);
  return out.take();
}

std::optional<Tokens> decode_tokens(std::string_view bytes) {
  Reader in(bytes);
  if (in.take(kMagic.size()) != kMagic) return std::nullopt;
  Tokens tokens;
  tokens.access_token = in.secret();
  tokens.refresh_token = in.secret();
  tokens.scope = std::string(in.text());
  tokens.proof_key = in.secret();
  const std::string_view bound = in.text();
  tokens.bound = bound == kBound;
  tokens.since = in.time();
  tokens.until = in.time();
  if (!in.whole() || (!bound.empty() && !tokens.bound)) return std::nullopt;
  return tokens;
}

}  // namespace veilwire::identity
