#include "userspace/proof/checkpoint.h"

#include "userspace/crypto/encoding.h"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace veilwire::proof {
namespace {

std::optional<std::uint64_t> parse_size(std::string_view digits) {
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (std::to_string(size) != digits || size > kMostRecords) return std::nullopt;
  return size;
}

constexpr std::string_view kTime = "time ";

}  // namespace

std::string time_extension(WallTime time) {
  return std::string(kTime) + std::to_string(time.since_epoch.count());
}

std::optional<WallTime> time_of(const Checkpoint& checkpoint) {
  for (const std::string& line : checkpoint.extensions) {
    if (!line.starts_with(kTime)) continue;
    const char* begin = line.data() + kTime.size();
    std::int64_t nanoseconds = 0;
    const auto [end, error] = std::from_chars(begin, line.data() + line.size(), nanoseconds);
    if (error != std::errc() || end != line.data() + line.size()) return std::nullopt;
    return WallTime{std::chrono::nanoseconds(nanoseconds)};
  }
  return std::nullopt;
}

std::string to_text(const Checkpoint& checkpoint) {
  std::string out = checkpoint.origin + '\n' + std::to_string(checkpoint.size) + '\n' +
                    crypto::base64_encode(crypto::as_bytes(checkpoint.root)) + '\n';
  for (const std::string& line : checkpoint.extensions) out += line + '\n';
  return out;
}

std::optional<Checkpoint> parse_checkpoint(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == 0 || end == std::string_view::npos) return std::nullopt;
    if (lines.size() == 3 + kCheckpointExtensions) return std::nullopt;
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  if (lines.size() < 3) return std::nullopt;
  const auto size = parse_size(lines[1]);
  const auto root = crypto::base64_decode(lines[2]);
  Checkpoint out;
  if (!size || !root || root->size() != out.root.size()) return std::nullopt;
  out.origin = lines[0];
  out.size = *size;
  std::copy(root->begin(), root->end(), out.root.begin());
  out.extensions.assign(lines.begin() + 3, lines.end());
  return out;
}

}  // namespace veilwire::proof
