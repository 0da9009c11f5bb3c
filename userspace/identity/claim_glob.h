// Patterns for claims that are paths: projects, refs, and subjects that are put together of both.
//
// A pattern is compared segment by segment, between slashes. In a segment, `*` stands for any
// number of characters, but neither for "/" nor for ":", which build systems put between the parts
// of a subject. A segment that is `**` stands for one segment or more, whatever is in them. So
// "acme/*" is each project of acme and none of its subgroups, which people other than acme's owners
// may be free to make; "acme/**" is all of them; and "repo:acme/*:ref:refs/heads/main" is no
// environment whose name ends in ":ref:refs/heads/main". In other languages of patterns (IAM's
// StringLike, fnmatch without FNM_PATHNAME) `*` runs over everything, which has let strangers in.
//
// A segment that is empty, "." or ".." is matched by nothing but itself: such a path means
// different things to different readers. There is no escape and no other wildcard; what has to hold
// a `*` itself is compared as a whole. Tested by tests/unit/identity/claim_glob_test.cpp.
#pragma once

#include <string_view>

namespace veilwire::identity {

enum class GlobFault : unsigned char {
  None,
  Empty,
  TooLong,          // over limits::kTokenText
  Control,          // characters that no claim of a path has
  MixedDoubleStar,  // `**` that is not a whole segment
  NothingLiteral,   // "*", "**/*": it would match whatever somebody else names
};
GlobFault check_glob(std::string_view pattern);
std::string_view to_string(GlobFault fault);  // a clause for a person

// The time is at most the product of both lengths. A pattern must have passed check_glob().
bool glob_matches(std::string_view pattern, std::string_view value);

}  // namespace veilwire::identity
