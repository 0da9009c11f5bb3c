// What an editor makes of a body that comes in pieces, for the targets of the editors.
#pragma once

#include "tests/fuzz/pieces.h"
#include "tests/support/made_up_rules.h"
#include "userspace/flow/body_editor.h"

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace veilwire::fuzz {

inline std::shared_ptr<const masking::Engine> engine() {
  static const std::shared_ptr<const masking::Engine> kEngine = testing::made_up_engine();
  return kEngine;
}

// The released bytes and how they ended; `out` has the rest.
inline std::string edited_body(const flow::EditorContext& context, std::string_view body,
                               std::size_t piece, flow::Released& out) {
  const auto editor = flow::make_body_editor(context, engine());
  in_pieces(body, piece, [&](std::string_view part) { editor->feed(part, out); });
  editor->finish(out);
  for (const audit::MaskedSpan& mask : out.masks) {
    if (mask.offset + mask.released_length > out.bytes.size()) std::abort();
  }
  return out.bytes + (out.blocked ? " blocked" : "") + (out.malformed ? " malformed" : "");
}

}  // namespace veilwire::fuzz
