#include "tests/bench/answer_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace veilwire::bench {

void AnswerReader::feed(std::string_view bytes, std::uint64_t now_ns) {
  if (done()) return fail("bytes behind the end");
  input_ += bytes;
  while (!done() && step(now_ns)) {
  }
  if (state_ == State::Done && taken_ != input_.size()) fail("bytes behind the end");
  input_.erase(0, taken_);
  taken_ = 0;
}

// One step; false when it needs more bytes.
bool AnswerReader::step(std::uint64_t now_ns) {
  const std::string_view rest = std::string_view(input_).substr(taken_);
  switch (state_) {
    case State::Head: {
      const std::size_t end = rest.find("\r\n\r\n");
      if (end == rest.npos) return false;
      const std::string_view head = rest.substr(0, end + 4);
      taken_ += head.size();
      if (!head.starts_with("HTTP/1.1 200 "))
        return fail(std::string(head.substr(0, head.find('\r')))), true;
      closes_ = head.find("onnection: close") != head.npos;
      left_ = content_length(head);
      state_ = head.find("ransfer-") != head.npos ? State::ChunkLine : State::Counted;
      return true;
    }
    case State::Counted:
    case State::ChunkData: {
      const std::string_view piece = rest.substr(0, left_);
      taken_ += piece.size();
      left_ -= piece.size();
      take_body(piece, now_ns);
      if (left_ != 0 || done()) return false;
      if (state_ == State::Counted)
        finish();
      else
        state_ = State::ChunkEnd;
      return true;
    }
    case State::ChunkLine: {
      const std::size_t end = rest.find("\r\n");
      if (end == rest.npos) return false;
      const auto read = std::from_chars(rest.data(), rest.data() + end, left_, 16);
      if (read.ec != std::errc{}) return fail("a bad chunk line"), true;
      taken_ += end + 2;
      state_ = left_ == 0 ? State::Last : State::ChunkData;
      return true;
    }
    case State::ChunkEnd:
    case State::Last:
      if (rest.size() < 2) return false;
      if (!rest.starts_with("\r\n")) return fail("a bad chunk end"), true;
      taken_ += 2;
      if (state_ == State::Last)
        finish();
      else
        state_ = State::ChunkLine;
      return true;
    case State::Done:
    case State::Failed:
      break;
  }
  return false;
}

void AnswerReader::take_body(std::string_view bytes, std::uint64_t now_ns) {
  if (order_.events == 0) {
    if (first_ == 0 && !bytes.empty()) first_ = now_ns;
    json_ += bytes;
    return;
  }
  while (!bytes.empty() && !done()) {
    const std::size_t end = bytes.find('\n');
    line_ += bytes.substr(0, end);
    if (end == bytes.npos) return;
    bytes.remove_prefix(end + 1);
    take_line(line_, now_ns);
    line_.clear();
  }
}

void AnswerReader::take_line(std::string_view line, std::uint64_t now_ns) {
  constexpr std::string_view kText = R"("text_delta","text":")";
  constexpr std::string_view kAt = R"(,"at":)";
  if (!line.starts_with("data:")) return;
  const std::size_t text_at = line.find(kText);
  if (text_at == line.npos) {
    if (line.find(R"("message_stop")") != line.npos) stopped_ = true;
    return;
  }
  line.remove_prefix(text_at + kText.size());
  const std::string_view text =
      line.substr(0, line.find('"'));  // our prose holds no quotation mark
  // A relay that looks inside may send an event of its own for text that it held; only the
  // upstream's have "at".
  if (const std::size_t at = line.find(kAt, text.size()); at != line.npos) {
    std::uint64_t at_ns = 0;
    std::from_chars(line.data() + at + kAt.size(), line.data() + line.size(), at_ns);
    sent_text_ += delta_text(events_++).size();
    expected_.push_back({sent_text_, at_ns});
  }
  if (!text.empty()) take_text(text, now_ns);
}

void AnswerReader::take_text(std::string_view text, std::uint64_t now_ns) {
  if (first_ == 0) first_ = now_ns;
  received_text_ += text.size();
  while (!text.empty()) {
    const std::string_view wanted = delta_text(compared_).substr(compared_at_);
    const std::size_t n = std::min(text.size(), wanted.size());
    if (compared_ >= order_.events || text.substr(0, n) != wanted.substr(0, n))
      return fail("other text than was sent, at delta " + std::to_string(compared_));
    text.remove_prefix(n);
    compared_at_ += n;
    if (n == wanted.size()) ++compared_, compared_at_ = 0;
  }
  for (; !expected_.empty() && expected_.front().text_end <= received_text_; expected_.pop_front())
    latencies_.push_back(now_ns - std::min(now_ns, expected_.front().at_ns));
}

void AnswerReader::finish() {
  state_ = State::Done;
  if (order_.events == 0) {
    if (json_ != json_body(order_.json_bytes)) fail("another JSON answer than was sent");
  } else if (!stopped_ || events_ != order_.events || compared_ != order_.events) {
    fail("the stream ended early, at delta " + std::to_string(compared_));
  }
}

void AnswerReader::fail(std::string why) {
  state_ = State::Failed;
  if (fault_.empty()) fault_ = std::move(why);
}

}  // namespace veilwire::bench
