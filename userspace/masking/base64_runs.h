// Base64 in the middle of a text, such as the values of a Kubernetes Secret or a data URL.
//
// A run is what stands between characters that base64 has not (RFC 4648, sections 4 and 5). It is
// looked into (base64_run.h) where it has sixteen characters at least and begins with text: twelve
// bytes of ASCII, and UTF-8 behind them. Lines of one length that are wrapped as base64 is are one
// run, indented or not. Images and digests never begin so.
//
// Held is a run that may still be text until it is long enough, and then what StreamMasker holds of
// what it decodes to. Where no value stands (value_begins), any short word may be the first group
// of a run, and holding it would change how ordinary text streams: there it goes at once and stays,
// four characters, three bytes. Tested by tests/unit/masking/base64_runs_test.cpp.
#pragma once

#include "userspace/masking/base64_scan.h"
#include "userspace/masking/stream_masker.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace veilwire::masking {

class Base64Run;

class Base64Runs {
 public:
  explicit Base64Runs(std::shared_ptr<const Engine> engine);
  Base64Runs(Base64Runs&&) noexcept;
  Base64Runs& operator=(Base64Runs&&) noexcept;
  ~Base64Runs();

  // Text in which the rules have found nothing. Appends edits that cover it in order, as
  // StreamMasker does.
  void feed(std::string_view text, Edits& out);
  // The same for as much of it from its beginning as may go at once; returns how much that is. The
  // rest is not fed.
  std::size_t pass(std::string_view text);
  // So many bytes of something else stand here, or the text ends.
  void end(std::uint64_t bytes, Edits& out);
  void adopt(std::shared_ptr<const Engine> engine, Edits& out);
  // A new text begins.
  void restart();

  std::uint64_t held() const;  // bytes

 private:
  enum class State : std::uint8_t {
    Outside,
    Short,    // may be text, or is too short to ask; all of it is in short_
    Text,     // in run_
    Foreign,  // no text, up to where the run ends
  };

  // The beginning of a run, as far as it is looked at.
  class Short {
   public:
    void append(std::string_view text) {
      const std::size_t taken = text.copy(bytes_.data() + size_, bytes_.size() - size_);
      size_ += taken;
    }
    void clear() { size_ = 0; }
    std::size_t size() const { return size_; }
    std::string_view view() const { return {bytes_.data(), size_}; }

   private:
    std::array<char, kShortestBase64> bytes_{};
    std::size_t size_ = 0;
  };

  std::size_t pass_windows(std::string_view text);
  std::size_t take_short(std::string_view text, Edits& out);
  std::size_t take_text(std::string_view text, Edits& out);
  void give_short(Edits& out);
  void plain(std::uint64_t bytes, Edits& out);
  std::size_t shown_at(std::string_view text, std::size_t at) const;
  void look_back_on(std::string_view text);

  std::shared_ptr<const Engine> engine_;
  State state_ = State::Outside;
  Short short_;
  std::size_t shown_ = 0;  // of the run, characters that do not wait
  std::unique_ptr<Base64Run> run_;
  std::array<char, 2> before_{};  // the last of the text, nearest last; 0: none
  std::uint64_t offset_ = 0;  // in the text, behind what edits cover; run_'s own where there is one
};

}  // namespace veilwire::masking
