// Decoders over zlib, brotli and zstd; see coding_layers.h. Tested by
// tests/unit/wire/content_coding_test.cpp.
#include <brotli/decode.h>
#define ZLIB_CONST  // zlib then takes its input as const
#include "userspace/wire/coding_layers.h"

#include <algorithm>

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace veilwire::wire {
namespace {

using Ok = Result<void, CodingError>;
using Written = Result<std::size_t, CodingError>;

constexpr int kZstdWindowLog = 23;  // RFC 9659: 8 MB, and no more

class Inflater {
 public:
  explicit Inflater(int window) : ready_(inflateInit2(&stream_, window) == Z_OK) {}
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }

  // True at the end of the stream.
  Result<bool, CodingError> run(std::string_view& in, std::span<char>& room) {
    if (!ready_) return Unexpected{CodingError::Internal};
    while (true) {
      const uInt size = static_cast<uInt>(std::min(in.size(), kZlibSlice));
      stream_.next_in = reinterpret_cast<const Bytef*>(in.data());
      stream_.avail_in = size;
      stream_.next_out = reinterpret_cast<Bytef*>(room.data());
      stream_.avail_out = static_cast<uInt>(room.size());
      const int status = inflate(&stream_, Z_NO_FLUSH);
      in.remove_prefix(size - stream_.avail_in);
      room = room.last(stream_.avail_out);
      if (status == Z_STREAM_END) return true;
      if (status == Z_MEM_ERROR) return Unexpected{CodingError::Internal};
      if (status != Z_OK && status != Z_BUF_ERROR) return Unexpected{CodingError::Corrupt};
      if (in.empty() || room.empty()) return false;
    }
  }
  bool restart() { return ready_ && inflateReset(&stream_) == Z_OK; }

 private:
  z_stream stream_{};
  bool ready_;
};

class GzipDecoder : public DecodeLayer {
  Written step(std::string_view& in, std::span<char> room) override {
    const std::size_t before = room.size();
    const auto fault = [&](CodingError error) -> Written {
      if (room.size() == before) return Unexpected{error};
      fault_ = error;
      return before - room.size();
    };
    while (!in.empty() || !ended_) {
      if (ended_) {
        // Members one behind the other are one body (RFC 1952, 2.2); anything else is not part of
        // it.
        if (in.front() != '\x1f') return fault(CodingError::TrailingBytes);
        if (!inflater_.restart()) return fault(CodingError::Internal);
      }
      const auto at_end = inflater_.run(in, room);
      if (!at_end) return fault(at_end.error());
      ended_ = *at_end;
      if (!ended_ || room.empty()) break;
    }
    return before - room.size();
  }
  Inflater inflater_{kGzipWindow};
};

// "deflate" means the zlib format, but some senders leave its header away; two bytes tell which it
// is.
class DeflateDecoder : public DecodeLayer {
  Written step(std::string_view& in, std::span<char> room) override {
    const std::size_t before = room.size();
    if (inflater_ == nullptr) {
      while (header_.size() < 2 && !in.empty()) {
        header_ += in.front();
        in.remove_prefix(1);
      }
      if (header_.size() < 2) return std::size_t{0};
      inflater_ = std::make_unique<Inflater>(has_zlib_header() ? kZlibWindow : kRawWindow);
      std::string_view header = header_;
      if (auto ran = run(header, room); !ran) return Unexpected{ran.error()};
    }
    if (!room.empty()) {
      if (auto ran = run(in, room); !ran) return Unexpected{ran.error()};
    }
    return before - room.size();
  }
  Ok run(std::string_view& in, std::span<char>& room) {
    if (ended_) {
      if (!in.empty()) return Unexpected{CodingError::TrailingBytes};
      return {};
    }
    const auto at_end = inflater_->run(in, room);
    if (!at_end) return Unexpected{at_end.error()};
    ended_ = *at_end;
    if (ended_ && !in.empty()) return Unexpected{CodingError::TrailingBytes};
    return {};
  }
  bool has_zlib_header() const {
    const auto method = static_cast<unsigned char>(header_[0]);
    const auto flags = static_cast<unsigned char>(header_[1]);
    return (method & 0x0F) == 8 && (method >> 4) <= 7 && (method * 256 + flags) % 31 == 0;
  }
  std::string header_;
  std::unique_ptr<Inflater> inflater_;
};

class BrotliDecoder : public DecodeLayer {
  Written step(std::string_view& in, std::span<char> room) override {
    if (ended_) {
      if (!in.empty()) return Unexpected{CodingError::TrailingBytes};
      return std::size_t{0};
    }
    if (state_ == nullptr) return Unexpected{CodingError::Internal};
    std::size_t in_left = in.size();
    std::size_t room_left = room.size();
    const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    auto* next_out = reinterpret_cast<std::uint8_t*>(room.data());
    const BrotliDecoderResult result = BrotliDecoderDecompressStream(
        state_.get(), &in_left, &next_in, &room_left, &next_out, nullptr);
    in.remove_prefix(in.size() - in_left);
    if (result == BROTLI_DECODER_RESULT_ERROR) {
      const bool memory =
          BrotliDecoderGetErrorCode(state_.get()) <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES;
      return Unexpected{memory ? CodingError::Internal : CodingError::Corrupt};
    }
    ended_ = result == BROTLI_DECODER_RESULT_SUCCESS;
    if (ended_ && !in.empty()) return Unexpected{CodingError::TrailingBytes};
    return room.size() - room_left;
  }
  struct Free {
    void operator()(BrotliDecoderState* state) const { BrotliDecoderDestroyInstance(state); }
  };
  std::unique_ptr<BrotliDecoderState, Free> state_{
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)};
};

class ZstdDecoder : public DecodeLayer {
 public:
  ZstdDecoder() {
    if (context_ == nullptr) return;
    const std::size_t set =
        ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kZstdWindowLog);
    if (ZSTD_isError(set) != 0) context_.reset();
  }

 private:
  Written step(std::string_view& in, std::span<char> room) override {
    if (context_ == nullptr) return Unexpected{CodingError::Internal};
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{room.data(), room.size(), 0};
    while (output.pos < output.size) {
      const std::size_t before = input.pos + output.pos;
      const std::size_t status = ZSTD_decompressStream(context_.get(), &output, &input);
      if (ZSTD_isError(status) != 0) return Unexpected{blame(status)};
      // Without progress the status speaks of a frame to come.
      if (input.pos + output.pos == before) break;
      ended_ = status == 0;
      frames_ += ended_ ? 1 : 0;
    }
    in.remove_prefix(input.pos);
    return output.pos;
  }
  CodingError blame(std::size_t status) const {
    switch (ZSTD_getErrorCode(status)) {
      case ZSTD_error_frameParameter_windowTooLarge:
        return CodingError::WindowTooLarge;
      case ZSTD_error_memory_allocation:
        return CodingError::Internal;
      case ZSTD_error_prefix_unknown:
        return frames_ == 0 ? CodingError::Corrupt : CodingError::TrailingBytes;
      default:
        return CodingError::Corrupt;
    }
  }
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context_{ZSTD_createDCtx()};
  std::uint64_t frames_ = 0;
};

}  // namespace

std::unique_ptr<DecodeLayer> make_decode_layer(Coding coding) {
  switch (coding) {
    case Coding::Gzip:
      return std::make_unique<GzipDecoder>();
    case Coding::Deflate:
      return std::make_unique<DeflateDecoder>();
    case Coding::Brotli:
      return std::make_unique<BrotliDecoder>();
    case Coding::Zstd:
      return std::make_unique<ZstdDecoder>();
  }
  return nullptr;
}

}  // namespace veilwire::wire
