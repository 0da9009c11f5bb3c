#include "agent/recorder/packed_text.h"

#include "userspace/audit/record.h"

#include <new>

#include <zstd.h>

namespace veilwire::recorder {
namespace {

constexpr int kLevel = 3;

}  // namespace

void TextPacker::Free::operator()(ZSTD_CCtx_s* context) const { ZSTD_freeCCtx(context); }

TextPacker::TextPacker() : context_(ZSTD_createCCtx()) {
  if (!context_) throw std::bad_alloc();
}

std::optional<std::string> TextPacker::pack(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  const std::size_t size =
      ZSTD_compressCCtx(context_.get(), out.data(), out.size(), text.data(), text.size(), kLevel);
  if (ZSTD_isError(size) != 0 || size >= text.size()) return std::nullopt;
  out.resize(size);
  return out;
}

std::optional<std::string> unpack_text(std::string_view packed) {
  const unsigned long long size = ZSTD_getFrameContentSize(packed.data(), packed.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN ||
      size > audit::kRecordBytes)
    return std::nullopt;
  std::string out(size, '\0');
  if (ZSTD_decompress(out.data(), out.size(), packed.data(), packed.size()) != size)
    return std::nullopt;
  return out;
}

}  // namespace veilwire::recorder
