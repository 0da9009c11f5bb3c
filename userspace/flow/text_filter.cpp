#include "userspace/flow/text_filter.h"

#include "userspace/masking/encoded_text.h"

#include <utility>

namespace veilwire::flow {
namespace {

masking::Encoding encoding_of(TextFilter::Form form) {
  switch (form) {
    case TextFilter::Form::Plain:
      return masking::Encoding::Plain;
    case TextFilter::Form::JsonInJsonString:
      return masking::Encoding::JsonInJsonString;
    case TextFilter::Form::JsonString:
      break;
  }
  return masking::Encoding::JsonString;
}

audit::MaskedSpan span_of(masking::EncodedMask&& mask) {
  const bool block = mask.finding.treatment == masking::Treatment::Block;
  return {
      .rule = std::move(mask.finding.rule),
      .category = std::move(mask.finding.category),
      .offset = mask.offset,
      // How much of an open finding has been seen says where the input was cut and nothing else.
      .length = mask.finding.open ? 0 : mask.finding.length,
      .digest = std::move(mask.finding.digest),
      .action = block ? "block" : "mask",
      .released_length = mask.replacement_length};
}

}  // namespace

struct TextFilter::State {
  masking::EncodedTextMasker masker;
  masking::EncodedOutput output;

  void give(Edited& out) {
    for (masking::EncodedMask& mask : output.masks) {
      if (mask.finding.closes) continue;  // its mask has been released and reported
      audit::MaskedSpan span = span_of(std::move(mask));
      span.offset += out.bytes.size();
      if (output.blocked && &mask == &output.masks.back()) {
        out.blocked = std::move(span);
      } else {
        out.masks.push_back(std::move(span));
      }
    }
    out.bytes += output.raw;
    output.clear();
  }
};

TextFilter::TextFilter(Form form, std::shared_ptr<const masking::Engine> engine,
                       std::string_view context)
    : state_(std::make_unique<State>(
          State{masking::EncodedTextMasker(std::move(engine), encoding_of(form), context), {}})) {}
TextFilter::TextFilter(TextFilter&&) noexcept = default;
TextFilter& TextFilter::operator=(TextFilter&&) noexcept = default;
TextFilter::~TextFilter() = default;

void TextFilter::feed(std::string_view raw, Edited& out) {
  state_->masker.feed(raw, state_->output);
  state_->give(out);
}

void TextFilter::finish(Edited& out) {
  state_->masker.finish(state_->output);
  state_->give(out);
}

void TextFilter::adopt(std::shared_ptr<const masking::Engine> engine, Edited& out) {
  state_->masker.adopt(std::move(engine), state_->output);
  state_->give(out);
}

}  // namespace veilwire::flow
