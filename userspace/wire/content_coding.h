// Removes and applies content codings (RFC 9110, 8.4.1) as bytes arrive. Decoding is bounded by
// size and by ratio, and strict at the end: bytes behind a coded stream, or a stream that stops in
// the middle, are errors, because a recipient may make something of them that nobody has inspected.
//
// Tested by tests/unit/wire/content_coding_test.cpp.
#pragma once

#include "userspace/base/limits.h"
#include "userspace/base/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::wire {

enum class Coding { Gzip, Deflate, Brotli, Zstd };
std::string_view to_string(Coding coding);  // the registered name

enum class CodingError {
  Unknown,         // a coding that we do not have
  TooMany,         // more than kStackedCodings
  Corrupt,         // not what the coding allows; a checksum that is wrong
  WindowTooLarge,  // the stream wants more memory than RFC 8878 and 9659 have a decoder keep
  TrailingBytes,   // bytes behind the end of the coded stream
  EndedEarly,      // the body ended inside the coded stream
  TooLarge,        // decoded size over its limit (decompression bomb)
  RatioTooHigh,    // decoded size out of all proportion to the coded one (decompression bomb)
  Internal,        // the library failed without blaming the input: out of memory
};
std::string_view to_string(CodingError error);

// Real senders use one. Each more multiplies what a bomb can do.
inline constexpr std::size_t kStackedCodings = 2;

// Reads the members of Content-Encoding (FieldSection::list), in the order in which they were
// applied. `identity` is left out. Names compare without regard to case; x-gzip is gzip.
Result<std::vector<Coding>, CodingError> read_codings(const std::vector<std::string_view>& members);

struct DecodeLimits {
  std::size_t size = limits::kDecodedBody;  // of each coding's output
  std::size_t ratio = limits::kCodingRatio;
  std::size_t always = limits::kDecodedAlways;  // output up to here is allowed whatever the ratio
};

// One coding of the stack each (coding_layers.h).
class DecodeLayer;
class EncodeLayer;

class Decoder {
 public:
  // codings: in the order in which they were applied, as in Content-Encoding. None decodes to what
  // comes in.
  static Result<Decoder, CodingError> make(const std::vector<Coding>& codings,
                                           DecodeLimits limits = {});
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;
  ~Decoder();

  // Takes all bytes and appends everything that they decode to. After an error nothing more may be
  // fed.
  Result<void, CodingError> feed(std::string_view bytes, std::string& out);
  // The body has ended. A body without a single byte is complete whatever its coding: many senders
  // name one there.
  Result<void, CodingError> finish();

 private:
  explicit Decoder(DecodeLimits limits);
  DecodeLimits limits_;
  std::uint64_t taken_ = 0;
  std::vector<std::unique_ptr<DecodeLayer>> layers_;  // the last applied first
};

class Encoder {
 public:
  // codings: in the order in which they are applied. None passes bytes on.
  static Result<Encoder, CodingError> make(const std::vector<Coding>& codings);
  Encoder(Encoder&&) noexcept;
  Encoder& operator=(Encoder&&) noexcept;
  ~Encoder();

  // Appends coded bytes from which the recipient can decode everything fed so far: an event that
  // has been sent can be read at once.
  Result<void, CodingError> feed(std::string_view bytes, std::string& out);
  // Appends the end of the coded stream; the encoder is spent.
  Result<void, CodingError> finish(std::string& out);

 private:
  Encoder();
  Result<void, CodingError> run(std::string_view bytes, bool finish, std::string& out);
  std::vector<std::unique_ptr<EncodeLayer>> layers_;  // the first applied first
};

}  // namespace veilwire::wire
