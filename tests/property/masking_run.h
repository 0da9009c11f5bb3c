// Feeds pieces to a StreamMasker and applies its edits: what a client of the masker would have sent
// on, piece by piece.
#pragma once

#include "tests/property/masking_oracle.h"
#include "userspace/masking/stream_masker.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::testing {

class MaskingRun {
 public:
  explicit MaskingRun(std::shared_ptr<const masking::Engine> engine) : masker_(std::move(engine)) {}

  void feed(std::string_view piece) {
    text_ += piece;
    masker_.feed(piece, edits_);
    apply();
  }
  void finish() {
    masker_.finish(edits_);
    apply();
  }
  void adopt(std::shared_ptr<const masking::Engine> engine) {
    masker_.adopt(std::move(engine), edits_);
    apply();
  }

  // block_end: up to where text had been released as it came when the first finding blocked.
  const Masked& result() const { return result_; }
  std::uint64_t held() const { return masker_.held(); }
  std::uint64_t covered() const { return at_; }
  std::size_t opened() const { return opened_; }
  // The edits, run together over all calls: broken when one covers more than was fed or claims
  // nothing.
  bool broken() const { return broken_; }

 private:
  void apply() {
    std::vector<std::size_t> inner;
    for (const masking::Edit& e : edits_.list) {
      if (e.consumed > text_.size() - at_) broken_ = true;
      if (e.finding != SIZE_MAX) {
        if (e.finding >= edits_.findings.size()) return void(broken_ = true);
        const masking::Finding& f = edits_.findings[e.finding];
        const bool blocks = f.treatment == masking::Treatment::Block;
        if (blocks && !result_.before_block) {
          result_.before_block = result_.text;
          result_.block_end = as_it_came_;
        }
        if (e.consumed == 0 && (!blocks || f.open || f.closes)) broken_ = true;
        if (e.consumed == 0) inner.push_back(e.finding);
      }
      if (e.consumed == 0 && (e.finding == SIZE_MAX || !e.replaced || !e.replacement.empty()))
        broken_ = true;
      if (e.replaced) {
        result_.text += e.replacement;
      } else {
        result_.text += text_.substr(at_, e.consumed);
        as_it_came_ = at_ + e.consumed;
      }
      at_ += e.consumed;
    }
    if (at_ + masker_.held() != text_.size()) broken_ = true;
    for (std::size_t i = 0; i < edits_.findings.size(); ++i) {
      masking::Finding& f = edits_.findings[i];
      if (std::find(inner.begin(), inner.end(), i) != inner.end()) {
        result_.inner.push_back(f);
      } else if (f.open) {
        ++opened_;
      } else {
        f.closes = false;
        result_.findings.push_back(f);
      }
    }
    edits_.clear();
  }

  masking::StreamMasker masker_;
  masking::Edits edits_;
  std::string text_;
  std::size_t at_ = 0;
  std::size_t opened_ = 0;
  std::size_t as_it_came_ = 0;
  bool broken_ = false;
  Masked result_;
};

}  // namespace veilwire::testing
