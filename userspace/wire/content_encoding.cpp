// Encoders over zlib, brotli and zstd; see coding_layers.h. Tested by
// tests/unit/wire/content_coding_test.cpp.
#include <brotli/encode.h>
#define ZLIB_CONST  // zlib then takes its input as const
#include "userspace/wire/coding_layers.h"

#include <algorithm>

#include <zlib.h>
#include <zstd.h>

namespace veilwire::wire {
namespace {

using Ok = Result<void, CodingError>;

class ZlibEncoder : public EncodeLayer {
 public:
  explicit ZlibEncoder(int window)
      : ready_(deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window, 8,
                            Z_DEFAULT_STRATEGY) == Z_OK) {}
  ZlibEncoder(const ZlibEncoder&) = delete;
  ZlibEncoder& operator=(const ZlibEncoder&) = delete;
  ~ZlibEncoder() override {
    if (ready_) deflateEnd(&stream_);
  }

 private:
  Ok run(std::string_view in, End end, std::string& out) override {
    if (!ready_) return Unexpected{CodingError::Internal};
    std::array<char, 16384> room;
    bool done = false;
    while (!done) {
      const uInt size = static_cast<uInt>(std::min(in.size(), kZlibSlice));
      const bool last = size == in.size();
      const int how = !last ? Z_NO_FLUSH : end == End::Finish ? Z_FINISH : Z_SYNC_FLUSH;
      stream_.next_in = reinterpret_cast<const Bytef*>(in.data());
      stream_.avail_in = size;
      stream_.next_out = reinterpret_cast<Bytef*>(room.data());
      stream_.avail_out = static_cast<uInt>(room.size());
      const int status = deflate(&stream_, how);
      if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
        return Unexpected{CodingError::Internal};
      in.remove_prefix(size - stream_.avail_in);
      out.append(room.data(), room.size() - stream_.avail_out);
      done = how == Z_FINISH ? status == Z_STREAM_END : in.empty() && stream_.avail_out != 0;
    }
    return {};
  }
  z_stream stream_{};
  bool ready_;
};

class BrotliEncoder : public EncodeLayer {
 public:
  BrotliEncoder() {
    if (state_ == nullptr) return;
    // Made for whole files, the defaults (quality 11, 4 MB window) cost too much for a stream.
    BrotliEncoderSetParameter(state_.get(), BROTLI_PARAM_QUALITY, 5);
    BrotliEncoderSetParameter(state_.get(), BROTLI_PARAM_LGWIN, 18);
  }

 private:
  Ok run(std::string_view in, End end, std::string& out) override {
    if (state_ == nullptr) return Unexpected{CodingError::Internal};
    std::array<std::uint8_t, 16384> room;
    const auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    std::size_t in_left = in.size();
    const auto how = end == End::Finish ? BROTLI_OPERATION_FINISH : BROTLI_OPERATION_FLUSH;
    do {
      std::uint8_t* next_out = room.data();
      std::size_t room_left = room.size();
      if (BrotliEncoderCompressStream(state_.get(), how, &in_left, &next_in, &room_left, &next_out,
                                      nullptr) == BROTLI_FALSE) {
        return Unexpected{CodingError::Internal};
      }
      out.append(reinterpret_cast<const char*>(room.data()), room.size() - room_left);
    } while (in_left != 0 || BrotliEncoderHasMoreOutput(state_.get()) == BROTLI_TRUE);
    return {};
  }
  struct Free {
    void operator()(BrotliEncoderState* state) const { BrotliEncoderDestroyInstance(state); }
  };
  std::unique_ptr<BrotliEncoderState, Free> state_{
      BrotliEncoderCreateInstance(nullptr, nullptr, nullptr)};
};

class ZstdEncoder : public EncodeLayer {
  Ok run(std::string_view in, End end, std::string& out) override {
    if (context_ == nullptr) return Unexpected{CodingError::Internal};
    std::array<char, 16384> room;
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    const auto how = end == End::Finish ? ZSTD_e_end : ZSTD_e_flush;
    std::size_t left = 0;
    do {
      ZSTD_outBuffer output{room.data(), room.size(), 0};
      left = ZSTD_compressStream2(context_.get(), &output, &input, how);
      if (ZSTD_isError(left) != 0) return Unexpected{CodingError::Internal};
      out.append(room.data(), output.pos);
    } while (left != 0);
    return {};
  }
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> context_{ZSTD_createCCtx()};
};

}  // namespace

std::unique_ptr<EncodeLayer> make_encode_layer(Coding coding) {
  switch (coding) {
    case Coding::Gzip:
      return std::make_unique<ZlibEncoder>(kGzipWindow);
    case Coding::Deflate:
      return std::make_unique<ZlibEncoder>(kZlibWindow);
    case Coding::Brotli:
      return std::make_unique<BrotliEncoder>();
    case Coding::Zstd:
      return std::make_unique<ZstdEncoder>();
  }
  return nullptr;
}

}  // namespace veilwire::wire
