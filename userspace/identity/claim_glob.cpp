#include "userspace/identity/claim_glob.h"

#include "userspace/base/limits.h"
#include "userspace/identity/printable.h"

#include <vector>

namespace veilwire::identity {
namespace {

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  for (std::size_t end = 0; end != std::string_view::npos;) {
    end = path.find('/');
    segments.push_back(path.substr(0, end));
    if (end != std::string_view::npos) path.remove_prefix(end + 1);
  }
  return segments;
}

bool takes_no_star(std::string_view segment) {
  return segment.empty() || segment == "." || segment == "..";
}

// Wildcards with one place to go back to: the last star. An earlier one never has to take more,
// because what stands behind it has been found as early as it can be. A star ends at a colon, which
// then only a colon of the pattern can take.
bool segment_matches(std::string_view pattern, std::string_view segment) {
  if (pattern.find('*') == std::string_view::npos) return pattern == segment;
  if (takes_no_star(segment)) return false;
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t p = 0, s = 0, star = kNone, star_end = 0;
  while (s < segment.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_end = s;
    } else if (p < pattern.size() && pattern[p] == segment[s]) {
      ++p;
      ++s;
    } else if (star != kNone && segment[star_end] != ':') {
      p = star + 1;
      s = ++star_end;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

GlobFault check_glob(std::string_view pattern) {
  if (pattern.empty()) return GlobFault::Empty;
  if (pattern.size() > limits::kTokenText) return GlobFault::TooLong;
  if (!printable(pattern)) return GlobFault::Control;
  for (const std::string_view segment : segments_of(pattern))
    if (segment != "**" && segment.find("**") != std::string_view::npos)
      return GlobFault::MixedDoubleStar;
  if (pattern.find_first_not_of("*/:.") == std::string_view::npos) return GlobFault::NothingLiteral;
  return GlobFault::None;
}

std::string_view to_string(GlobFault fault) {
  switch (fault) {
    case GlobFault::None:
      return "it is a pattern";
    case GlobFault::Empty:
      return "the pattern is empty";
    case GlobFault::TooLong:
      return "the pattern is too long";
    case GlobFault::Control:
      return "the pattern has control characters";
    case GlobFault::MixedDoubleStar:
      return "** stands for whole parts between slashes and must be alone in its own";
    case GlobFault::NothingLiteral:
      return "the pattern has wildcards alone and would match anything";
  }
  return "unknown";
}

// The same over segments, where `**` is the star and takes at least one.
bool glob_matches(std::string_view pattern, std::string_view value) {
  const auto wanted = segments_of(pattern), given = segments_of(value);
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t w = 0, g = 0, star = kNone, star_end = 0;
  while (g < given.size()) {
    if (w < wanted.size() && wanted[w] == "**" && !takes_no_star(given[g])) {
      star = w++;
      star_end = ++g;
    } else if (w < wanted.size() && wanted[w] != "**" && segment_matches(wanted[w], given[g])) {
      ++w;
      ++g;
    } else if (star != kNone && !takes_no_star(given[star_end])) {
      w = star + 1;
      g = ++star_end;
    } else {
      return false;
    }
  }
  return w == wanted.size();
}

}  // namespace veilwire::identity
