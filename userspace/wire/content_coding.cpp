// Stacks of content codings; see content_coding.h. Tested by
// tests/unit/wire/content_coding_test.cpp.
#include "userspace/wire/content_coding.h"

#include "userspace/base/ascii.h"
#include "userspace/wire/coding_layers.h"
#include "userspace/wire/http.h"

#include <algorithm>
#include <utility>

namespace veilwire::wire {

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
  // Without a coding nothing can come out of proportion: other limits are the caller's.
  if (layers_.empty()) {
    out += bytes;
    return {};
  }
  taken_ += bytes.size();
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
