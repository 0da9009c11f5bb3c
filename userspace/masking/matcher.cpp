#include "userspace/masking/matcher.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <re2/re2.h>

namespace veilwire::masking {
namespace {

// Programs and state caches of one expression; RE2 falls back to slower engines beyond it, with the
// same answer.
constexpr std::int64_t kMemory = 4 << 20;

}  // namespace

struct Matcher::Impl {
  Impl(const std::string& pattern, const re2::RE2::Options& options) : re(pattern, options) {}
  re2::RE2 re;
};

Matcher::Matcher(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Matcher::Matcher(Matcher&&) noexcept = default;
Matcher& Matcher::operator=(Matcher&&) noexcept = default;
Matcher::~Matcher() = default;

Result<Matcher, std::string> Matcher::compile(const std::string& pattern) {
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  options.set_max_mem(kMemory);
  auto impl = std::make_unique<Impl>(pattern, options);
  if (!impl->re.ok()) return Unexpected{impl->re.error()};
  return Matcher(std::move(impl));
}

bool Matcher::match(std::string_view text, std::size_t from, std::size_t to, std::uint32_t group,
                    Span& whole, Span& secret) const {
  const int captures = impl_->re.NumberOfCapturingGroups();
  const int wanted = group != 0 ? static_cast<int>(group) : captures;
  std::array<re2::StringPiece, 8> few;
  std::vector<re2::StringPiece> many;
  re2::StringPiece* groups = few.data();
  if (wanted + 1 > static_cast<int>(few.size())) {
    many.resize(static_cast<std::size_t>(wanted) + 1);
    groups = many.data();
  }
  if (!impl_->re.Match(re2::StringPiece(text.data(), text.size()), from, std::min(to, text.size()),
                       re2::RE2::ANCHOR_START, groups, wanted + 1)) {
    return false;
  }
  auto span = [&](const re2::StringPiece& piece) {
    const auto begin = static_cast<std::size_t>(piece.data() - text.data());
    return Span{begin, begin + piece.size()};
  };
  whole = span(groups[0]);
  if (captures == 0) {
    secret = whole;
    return secret.size() != 0;
  }
  for (int i = group != 0 ? wanted : 1; i <= wanted; ++i) {
    if (groups[i].data() == nullptr || groups[i].empty()) continue;
    secret = span(groups[i]);
    return true;
  }
  return false;
}

bool Matcher::match_end(std::string_view text, std::size_t from, std::size_t to,
                        std::size_t& end) const {
  std::array<re2::StringPiece, 2> groups;
  const int wanted = std::min(impl_->re.NumberOfCapturingGroups(), 1) + 1;
  if (!impl_->re.Match(re2::StringPiece(text.data(), text.size()), from, std::min(to, text.size()),
                       re2::RE2::ANCHOR_START, groups.data(), wanted)) {
    return false;
  }
  const re2::StringPiece& last = groups[static_cast<std::size_t>(wanted) - 1];
  end = last.data() == nullptr ? from
                               : static_cast<std::size_t>(last.data() - text.data()) + last.size();
  return true;
}

bool Matcher::found_in(std::string_view text) const {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), impl_->re);
}

}  // namespace veilwire::masking
