// One content coding each, as Decoder and Encoder stack them. Internal to content_coding.
//
// Tested by tests/unit/wire/content_coding_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/wire/content_coding.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace veilwire::wire {

// What zlib calls the gzip format, the zlib format, and deflate alone.
inline constexpr int kGzipWindow = 15 + 16;
inline constexpr int kZlibWindow = 15;
inline constexpr int kRawWindow = -15;
// zlib counts in 32 bits: larger inputs go in slices.
inline constexpr std::size_t kZlibSlice = std::size_t{1} << 30;

// One coding of a body that is being decoded.
class DecodeLayer {
 public:
  virtual ~DecodeLayer() = default;

  // Decodes all of `in`. `allowed`: how many bytes this layer may have produced in all; false above
  // it.
  Result<bool, CodingError> feed(std::string_view in, std::string& out, std::uint64_t allowed) {
    started_ = started_ || !in.empty();
    std::array<char, 16384> room;
    while (true) {
      const auto written = step(in, room);
      if (!written) return Unexpected{written.error()};
      out.append(room.data(), *written);
      produced_ += *written;
      if (produced_ > allowed) return false;
      if (fault_) return Unexpected{*fault_};
      if (in.empty() && *written < room.size()) return true;
    }
  }
  // Whether the body may end here.
  bool complete() const { return !started_ || ended_; }

 protected:
  // Takes what it can from the front of `in` and writes to `room`. Where it leaves room, it has
  // taken all of `in`.
  virtual Result<std::size_t, CodingError> step(std::string_view& in, std::span<char> room) = 0;
  bool ended_ = false;                               // at the end of the coded stream
  std::optional<CodingError> fault_ = std::nullopt;  // behind what the last step has written

 private:
  bool started_ = false;
  std::uint64_t produced_ = 0;
};

// One coding of a body that is being encoded.
class EncodeLayer {
 public:
  virtual ~EncodeLayer() = default;
  enum class End { Flush, Finish };
  virtual Result<void, CodingError> run(std::string_view in, End end, std::string& out) = 0;
};

std::unique_ptr<DecodeLayer> make_decode_layer(Coding coding);
std::unique_ptr<EncodeLayer> make_encode_layer(Coding coding);

}  // namespace veilwire::wire
