// Text inside gzip, which servers put into base64. It is unpacked to be judged; where nothing is
// found its bytes stay, else what was unpacked is packed anew with masks in it. One layer: what is
// packed twice is no text.
//
// Bounds against bombs: limits::kPackedText packed, limits::kUnpackedText unpacked for all that one
// document holds, and limits::kCodingRatio where more than limits::kUnpackedAlways comes out. What
// lies beyond them, or behind what is broken, is not looked into: it passes like an image where
// nothing is found before it, and is left out where something is. Tested by
// tests/unit/flow/packed_text_test.cpp.
#pragma once

#include "userspace/flow/edited.h"
#include "userspace/masking/engine.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>

namespace veilwire::flow {

bool is_gzip(std::string_view beginning);

// nullopt: it stays as it is. Offsets of masks are not set, and blocked has nothing before it.
// room: bytes that may still be unpacked; what was is taken off.
std::optional<Edited> edit_gzip(std::string_view packed,
                                const std::shared_ptr<const masking::Engine>& engine,
                                std::size_t& room);

}  // namespace veilwire::flow
