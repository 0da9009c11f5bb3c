#include "agent/forwarder/relp_frames.h"

#include <algorithm>
#include <charconv>

namespace veilwire::forwarder {
namespace {

constexpr std::size_t kCommand = 32;
constexpr std::size_t kNumber = 9;  // digits

// Takes what is before the next of `ends`; nothing where that is not there yet.
std::optional<std::string_view> take_word(std::string_view& bytes, std::string_view ends) {
  const std::size_t end = bytes.find_first_of(ends);
  if (end == bytes.npos) return std::nullopt;
  const std::string_view word = bytes.substr(0, end);
  bytes.remove_prefix(end);
  return word;
}

std::optional<std::uint32_t> number(std::string_view digits) {
  std::uint32_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [at, error] = std::from_chars(digits.data(), end, value);
  if (digits.empty() || digits.size() > kNumber || error != std::errc() || at != end)
    return std::nullopt;
  return value;
}

bool is_command(std::string_view word) {
  return !word.empty() && word.size() <= kCommand &&
         std::all_of(word.begin(), word.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); });
}

}  // namespace

std::string relp_frame(std::uint32_t transaction, std::string_view command, std::string_view data) {
  std::string out = std::to_string(transaction);
  out.append(" ").append(command).append(" ").append(std::to_string(data.size()));
  if (!data.empty()) out.append(" ").append(data);
  return out += '\n';
}

std::optional<int> RelpFrame::code() const {
  const auto value = number(std::string_view(data).substr(0, 3));
  if (!value || data.size() < 3 || (data.size() > 3 && data[3] != ' ')) return std::nullopt;
  return static_cast<int>(*value);
}

Result<std::optional<RelpFrame>, RelpError> take_relp_frame(std::string& bytes) {
  constexpr std::size_t kHead = kNumber + 1 + kCommand + 1 + kNumber + 1;
  const auto incomplete = [&]() -> Result<std::optional<RelpFrame>, RelpError> {
    if (bytes.size() >= kHead) return Unexpected{RelpError::Malformed};
    return std::optional<RelpFrame>();
  };
  std::string_view rest = bytes;
  const auto transaction = take_word(rest, " ");
  if (!transaction) return incomplete();
  rest.remove_prefix(1);
  const auto command = take_word(rest, " ");
  if (!command) return incomplete();
  rest.remove_prefix(1);
  const auto length = take_word(rest, " \n");
  if (!length) return incomplete();
  const auto id = number(*transaction), size = number(*length);
  if (!id || !size || !is_command(*command)) return Unexpected{RelpError::Malformed};
  if (*size > kRelpAnswer) return Unexpected{RelpError::TooLarge};
  // A blank may stand behind a length of 0, too.
  if (rest.front() == ' ')
    rest.remove_prefix(1);
  else if (*size != 0)
    return Unexpected{RelpError::Malformed};
  if (rest.size() <= *size) return std::optional<RelpFrame>();
  if (rest[*size] != '\n') return Unexpected{RelpError::Malformed};
  RelpFrame frame{.transaction = *id,
                  .command = std::string(*command),
                  .data = std::string(rest.substr(0, *size))};
  bytes.erase(0, bytes.size() - rest.size() + *size + 1);
  return std::optional(std::move(frame));
}

}  // namespace veilwire::forwarder
