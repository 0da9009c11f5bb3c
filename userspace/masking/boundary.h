// Rules of foreign files demand a quote, white space or the end behind a token. In what a model
// writes a token is followed by `.`, `,`, `)`, `<` or Chinese text as well; such a demand is what
// most of their misses come from. Tested by tests/unit/masking/boundary_test.cpp.
#pragma once

#include <string>
#include <string_view>

namespace veilwire::masking {

// The expression, with a list of terminators at its end replaced: the token ends where its alphabet
// ends, that is before a byte that its last part cannot hold, nor any word that it could be a part
// of. An expression that ends otherwise, or that cannot be read, comes back as it is.
std::string widen_boundary(std::string_view regex);

}  // namespace veilwire::masking
