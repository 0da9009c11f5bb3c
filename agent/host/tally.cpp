#include "agent/host/tally.h"

#include <charconv>

namespace veilwire::host {
namespace {

template <class Number>
void append(std::string& out, Number value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

template <class Number>
std::string list_of(const std::vector<Number>& values) {
  std::string out = "[";
  for (const Number value : values) {
    if (out.size() > 1) out += ',';
    append(out, value);
  }
  return out + "]";
}

}  // namespace

void HistogramCounts::add(const HistogramCounts& other) {
  if (bounds.empty()) {
    *this = other;
    return;
  }
  for (std::size_t i = 0; i < buckets.size() && i < other.buckets.size(); ++i)
    buckets[i] += other.buckets[i];
  sum += other.sum;
}

std::string HistogramCounts::to_json() const {
  std::string out =
      R"({"bounds":)" + list_of(bounds) + R"(,"buckets":)" + list_of(buckets) + R"(,"sum":)";
  append(out, sum);
  return out + "}";
}

}  // namespace veilwire::host
