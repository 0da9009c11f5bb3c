#include "userspace/flow/packed_text.h"

#include "userspace/base/limits.h"
#include "userspace/flow/byte_text.h"
#include "userspace/flow/masked_span.h"
#include "userspace/wire/content_coding.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace veilwire::flow {
namespace {

// Unpacked at a time: deflate makes a thousand times as much of it at most.
constexpr std::size_t kSlice = 512;
// Packed at a time: each ends a block, which takes some bytes.
constexpr std::size_t kBlock = std::size_t{256} * 1024;

const std::vector<wire::Coding> kGzip = {wire::Coding::Gzip};

// Calls `give` with one slice after the other until it says false, or no more can be unpacked.
template <class Give>
void unpack(std::string_view packed, std::size_t room, Give give) {
  auto decoder = wire::Decoder::make(
      kGzip, {.size = room, .ratio = limits::kCodingRatio, .always = limits::kUnpackedAlways});
  bool more = decoder.has_value();
  for (std::string plain; more && !packed.empty(); plain.clear()) {
    // What stands before a fault comes with it.
    more = decoder->feed(packed.substr(0, kSlice), plain).has_value();
    packed.remove_prefix(std::min(kSlice, packed.size()));
    more = give(std::string_view(plain)) && more;
  }
}

std::optional<Charset> charset_in(std::string_view packed, std::size_t room) {
  std::string head;
  unpack(packed, room, [&head](std::string_view plain) {
    head += plain;
    return head.size() < kCharsetLook;
  });
  const auto guess = guess_charset(head);
  return guess ? std::optional(guess->charset) : std::nullopt;
}

// Packs a text again from its edits.
class Packer {
 public:
  explicit Packer(Edited& out) : out_(out) {}

  void add(std::string_view plain, masking::Edits& edits) {
    held_ += plain;
    std::size_t at = 0;
    for (const masking::Edit& edit : edits.list) {
      if (edit.finding != SIZE_MAX && !report(edits.findings[edit.finding])) return;
      text_ += edit.replaced ? edit.replacement : held_.substr(at, edit.consumed);
      at += edit.consumed;
    }
    held_.erase(0, at);
    edits.clear();
    if (text_.size() >= kBlock) pack();
  }
  void finish() {
    if (out_.blocked) return;
    pack();
    if (!good_ || !encoder_->finish(out_.bytes)) out_.bytes.clear();
  }

 private:
  bool report(const masking::Finding& finding) {
    if (finding.treatment == masking::Treatment::Block) {
      out_ = {};
      out_.blocked = span_of(finding);
    } else if (!finding.closes) {
      out_.masks.push_back(span_of(finding));
    }
    return !out_.blocked;
  }
  // Out of memory is all that can fail: nothing is left then.
  void pack() {
    good_ = good_ && encoder_ && encoder_->feed(text_, out_.bytes);
    text_.clear();
  }

  Edited& out_;
  Result<wire::Encoder, wire::CodingError> encoder_ = wire::Encoder::make(kGzip);
  std::string held_, text_;
  bool good_ = true;
};

}  // namespace

bool is_gzip(std::string_view beginning) { return beginning.starts_with("\x1f\x8b\x08"); }

std::optional<Edited> edit_gzip(std::string_view packed,
                                const std::shared_ptr<const masking::Engine>& engine,
                                std::size_t& room) {
  const std::size_t allowed = room;
  const auto charset = allowed == 0 ? std::nullopt : charset_in(packed, allowed);
  if (!charset) return std::nullopt;
  masking::Edits edits;
  ByteText search(*charset, engine);
  unpack(packed, allowed, [&](std::string_view plain) {
    room -= std::min(room, plain.size());
    edits.list.clear();
    search.feed(plain, edits);
    return edits.findings.empty();
  });
  if (edits.findings.empty()) search.finish(edits);
  if (edits.findings.empty()) return std::nullopt;

  edits.clear();
  Edited out;
  Packer packer(out);
  ByteText text(*charset, engine);
  unpack(packed, allowed, [&](std::string_view plain) {
    text.feed(plain, edits);
    packer.add(plain, edits);
    return !out.blocked;
  });
  if (out.blocked) return out;
  text.finish(edits);
  packer.add({}, edits);
  packer.finish();
  return out;
}

}  // namespace veilwire::flow
