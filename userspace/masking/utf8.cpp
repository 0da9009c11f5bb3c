#include "userspace/masking/utf8.h"

namespace veilwire::masking {

std::optional<std::size_t> code_point_end(std::string_view text, std::size_t at,
                                          bool text_is_whole) {
  for (std::size_t back = 1; back <= 4 && back <= at; ++back) {
    const char c = text[at - back];
    if (is_continuation(c)) continue;
    const std::size_t end = at - back + code_point_length(c);
    while (at < end) {
      if (at == text.size()) return text_is_whole ? std::optional(at) : std::nullopt;
      if (!is_continuation(text[at])) break;
      ++at;
    }
    break;
  }
  return at;
}

std::size_t whole_code_points(std::string_view text) {
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const char c = text[text.size() - back];
    if (is_continuation(c)) continue;
    const bool high_half = back == 3 && c == '\xed' &&
                           static_cast<unsigned char>(text[text.size() - 2]) >= 0xa0 &&
                           static_cast<unsigned char>(text[text.size() - 2]) <= 0xaf;
    return code_point_length(c) > back || high_half ? text.size() - back : text.size();
  }
  return text.size();
}

}  // namespace veilwire::masking
