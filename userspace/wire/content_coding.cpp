// Content codings over zlib, brotli and zstd; see content_coding.h. Tested by
// tests/unit/wire/content_coding_test.cpp.
#include "userspace/wire/content_coding.h"

#include "userspace/wire/http.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include <brotli/decode.h>
#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace veilwire::wire {

using Ok = Result<void, CodingError>;
using Written = Result<std::size_t, CodingError>;

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
      const Written written = step(in, room);
      if (!written) return Unexpected{written.error()};
      out.append(room.data(), *written);
      produced_ += *written;
      if (produced_ > allowed) return false;
      if (in.empty() && *written < room.size()) return true;
    }
  }
  // Whether the body may end here.
  bool complete() const { return !started_ || ended_; }

 protected:
  // Takes what it can from the front of `in` and writes to `room`. Where it leaves room, it has
  // taken all of `in`.
  virtual Written step(std::string_view& in, std::span<char> room) = 0;
  bool ended_ = false;  // at the end of the coded stream

 private:
  bool started_ = false;
  std::uint64_t produced_ = 0;
};

// One coding of a body that is being encoded.
class EncodeLayer {
 public:
  virtual ~EncodeLayer() = default;
  enum class End { Flush, Finish };
  virtual Ok run(std::string_view in, End end, std::string& out) = 0;
};

namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib's way to ask for the gzip format
constexpr int kZlibWindow = 15;
constexpr int kRawWindow = -15;
constexpr int kZstdWindowLog = 23;  // RFC 9659: 8 MB, and no more

// zlib's interface wants a mutable pointer but does not write through it.
Bytef* zlib_bytes(std::string_view in) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));  // NOLINT
}

// zlib counts in 32 bits: larger inputs go in slices.
uInt zlib_size(std::size_t size) {
  return static_cast<uInt>(std::min<std::size_t>(size, 1U << 30U));
}

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
      const uInt size = zlib_size(in.size());
      stream_.next_in = zlib_bytes(in);
      stream_.avail_in = size;
      stream_.next_out = reinterpret_cast<Bytef*>(room.data());
      stream_.avail_out = zlib_size(room.size());
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
    while (!in.empty() || !ended_) {
      if (ended_) {
        // Members one behind the other are one body (RFC 1952, 2.2); anything else is not part of
        // it.
        if (in.front() != '\x1f') return Unexpected{CodingError::TrailingBytes};
        if (!inflater_.restart()) return Unexpected{CodingError::Internal};
      }
      const auto at_end = inflater_.run(in, room);
      if (!at_end) return Unexpected{at_end.error()};
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
      const uInt size = zlib_size(in.size());
      const bool last = size == in.size();
      const int how = !last ? Z_NO_FLUSH : end == End::Finish ? Z_FINISH : Z_SYNC_FLUSH;
      stream_.next_in = zlib_bytes(in);
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

}  // namespace

std::string_view to_string(Coding coding) {
  switch (coding) {
    case Coding::Gzip:
      return "gzip";
    case Coding::Deflate:
      return "deflate";
    case Coding::Brotli:
      return "br";
    case Coding::Zstd:
      return "zstd";
  }
  return "unknown";
}

std::string_view to_string(CodingError error) {
  switch (error) {
    case CodingError::Unknown:
      return "unknown content coding";
    case CodingError::TooMany:
      return "too many content codings";
    case CodingError::Corrupt:
      return "corrupt";
    case CodingError::WindowTooLarge:
      return "window too large";
    case CodingError::TrailingBytes:
      return "bytes behind the end";
    case CodingError::EndedEarly:
      return "ended early";
    case CodingError::TooLarge:
      return "decoded size too large";
    case CodingError::RatioTooHigh:
      return "decoded size out of proportion";
    case CodingError::Internal:
      return "coding library failed";
  }
  return "unknown";
}

Result<std::vector<Coding>, CodingError> read_codings(
    const std::vector<std::string_view>& members) {
  std::vector<Coding> codings;
  for (const std::string_view member : members) {
    if (equal_ignoring_case(member, "identity")) continue;
    if (codings.size() == kStackedCodings) return Unexpected{CodingError::TooMany};
    if (equal_ignoring_case(member, "gzip") || equal_ignoring_case(member, "x-gzip")) {
      codings.push_back(Coding::Gzip);
    } else if (equal_ignoring_case(member, "deflate")) {
      codings.push_back(Coding::Deflate);
    } else if (equal_ignoring_case(member, "br")) {
      codings.push_back(Coding::Brotli);
    } else if (equal_ignoring_case(member, "zstd")) {
      codings.push_back(Coding::Zstd);
    } else {
      return Unexpected{CodingError::Unknown};
    }
  }
  return codings;
}

Decoder::Decoder(DecodeLimits limits) : limits_(limits) {}
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

Result<Decoder, CodingError> Decoder::make(const std::vector<Coding>& codings,
                                           DecodeLimits limits) {
  if (codings.size() > kStackedCodings) return Unexpected{CodingError::TooMany};
  Decoder decoder(limits);
  for (std::size_t i = codings.size(); i-- > 0;) {
    decoder.layers_.push_back(make_decode_layer(codings[i]));
  }
  return decoder;
}

Result<void, CodingError> Decoder::feed(std::string_view bytes, std::string& out) {
  taken_ += bytes.size();
  if (layers_.empty()) {
    if (taken_ > limits_.size) return Unexpected{CodingError::TooLarge};
    out += bytes;
    return {};
  }
  // Divided, not multiplied: the product could overflow.
  const bool by_size = taken_ > limits_.size / limits_.ratio;
  const std::uint64_t proportion = by_size ? limits_.size : taken_ * limits_.ratio;
  const std::uint64_t allowed =
      std::min<std::uint64_t>(limits_.size, std::max<std::uint64_t>(proportion, limits_.always));
  std::string between;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const bool last = i + 1 == layers_.size();
    std::string produced;
    const auto fed = layers_[i]->feed(i == 0 ? bytes : between, last ? out : produced, allowed);
    if (!fed) return Unexpected{fed.error()};
    if (!*fed)
      return Unexpected{allowed == limits_.size ? CodingError::TooLarge
                                                : CodingError::RatioTooHigh};
    between = std::move(produced);
  }
  return {};
}

Result<void, CodingError> Decoder::finish() {
  const bool complete = std::all_of(layers_.begin(), layers_.end(),
                                    [](const auto& layer) { return layer->complete(); });
  if (!complete) return Unexpected{CodingError::EndedEarly};
  return {};
}

Encoder::Encoder() = default;
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;
Encoder::~Encoder() = default;

Result<Encoder, CodingError> Encoder::make(const std::vector<Coding>& codings) {
  if (codings.size() > kStackedCodings) return Unexpected{CodingError::TooMany};
  Encoder encoder;
  for (const Coding coding : codings) encoder.layers_.push_back(make_encode_layer(coding));
  return encoder;
}

Result<void, CodingError> Encoder::feed(std::string_view bytes, std::string& out) {
  if (bytes.empty()) return {};
  return run(bytes, false, out);
}

Result<void, CodingError> Encoder::finish(std::string& out) { return run({}, true, out); }

Result<void, CodingError> Encoder::run(std::string_view bytes, bool finish, std::string& out) {
  std::string between(bytes);
  for (const auto& layer : layers_) {
    std::string produced;
    const auto end = finish ? EncodeLayer::End::Finish : EncodeLayer::End::Flush;
    if (auto ran = layer->run(between, end, produced); !ran) return ran;
    between = std::move(produced);
  }
  out += between;
  return {};
}

}  // namespace veilwire::wire
