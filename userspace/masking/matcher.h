// RE2 over bytes, anchored: what decides that a text matches, and which part of it is the secret.
// Tested by tests/unit/masking/parts_test.cpp.
#pragma once

#include "userspace/base/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace veilwire::masking {

struct Span {
  std::size_t begin = 0, end = 0;
  std::size_t size() const { return end - begin; }
  friend bool operator==(const Span&, const Span&) = default;
};

class Matcher {
 public:
  static Result<Matcher, std::string> compile(const std::string& pattern);
  Matcher(Matcher&&) noexcept;
  Matcher& operator=(Matcher&&) noexcept;
  ~Matcher();

  // A match that begins exactly at `from` and ends at or before `to`. The rest of `text` is
  // context: assertions see it. `secret` is capture `group`; for group 0 the first capture that is
  // not empty, or all where the expression has no captures. False also where that capture took no
  // part or is empty.
  bool match(std::string_view text, std::size_t from, std::size_t to, std::uint32_t group,
             Span& whole, Span& secret) const;

  // For the end of a begin/end rule: where the region ends. That is the end of the match, or of its
  // capture where the expression has one, or the match's begin where that capture took no part.
  bool match_end(std::string_view text, std::size_t from, std::size_t to, std::size_t& end) const;

  bool found_in(std::string_view text) const;  // anywhere

 private:
  struct Impl;
  explicit Matcher(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace veilwire::masking
