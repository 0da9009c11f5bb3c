#include "userspace/flow/text_filter.h"

#include "userspace/flow/base64_text.h"
#include "userspace/flow/masked_span.h"
#include "userspace/masking/encoded_text.h"

#include <utility>
#include <variant>

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

}  // namespace

struct TextFilter::State {
  std::variant<masking::EncodedTextMasker, Base64Text> text;
  masking::EncodedOutput output;

  // Calls `step` on whichever it is, with where its output goes.
  template <class Step>
  void with(Edited& out, Step step) {
    if (Base64Text* base64 = std::get_if<Base64Text>(&text)) return step(*base64, out);
    step(std::get<masking::EncodedTextMasker>(text), output);
    give(output, out);
  }
};

TextFilter::TextFilter(Form form, std::shared_ptr<const masking::Engine> engine,
                       std::string_view context)
    : state_(std::make_unique<State>(
          State{masking::EncodedTextMasker(std::move(engine), encoding_of(form), context), {}})) {}
TextFilter::TextFilter(std::shared_ptr<const masking::Engine> engine,
                       std::shared_ptr<std::size_t> room)
    : state_(std::make_unique<State>(State{Base64Text(std::move(engine), std::move(room)), {}})) {}
TextFilter::TextFilter(TextFilter&&) noexcept = default;
TextFilter& TextFilter::operator=(TextFilter&&) noexcept = default;
TextFilter::~TextFilter() = default;

void TextFilter::feed(std::string_view raw, Edited& out) {
  state_->with(out, [&](auto& text, auto& output) { text.feed(raw, output); });
}

void TextFilter::finish(Edited& out) {
  state_->with(out, [](auto& text, auto& output) { text.finish(output); });
}

void TextFilter::restart(std::string_view context) {
  std::get<masking::EncodedTextMasker>(state_->text).restart(context);
}

void TextFilter::adopt(std::shared_ptr<const masking::Engine> engine, Edited& out) {
  state_->with(out, [&](auto& text, auto& output) { text.adopt(engine, output); });
}

std::string TextFilter::close() {
  Base64Text* base64 = std::get_if<Base64Text>(&state_->text);
  return base64 != nullptr ? base64->close() : std::string();
}

bool TextFilter::holding() const {
  return std::get<masking::EncodedTextMasker>(state_->text).holding();
}

std::size_t TextFilter::held() const {
  const Base64Text* base64 = std::get_if<Base64Text>(&state_->text);
  return base64 != nullptr ? base64->held() : 0;
}

bool TextFilter::takes_notice() const {
  const Base64Text* base64 = std::get_if<Base64Text>(&state_->text);
  return base64 == nullptr || base64->takes_notice();
}

}  // namespace veilwire::flow
