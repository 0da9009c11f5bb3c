// Event streams: whatever comes in comes out, byte for byte, however it is cut, and every span lies
// in its event.
#include "userspace/wire/sse.h"

#include <cstdint>
#include <cstdlib>

namespace {

using namespace veilwire::wire;

struct Heard {
  std::string raw;
  std::string meaning;
  friend bool operator==(const Heard&, const Heard&) = default;
};

Heard hear(const std::vector<std::string_view>& pieces) {
  SseReader reader;
  Heard heard;
  for (const std::string_view piece : pieces) {
    std::vector<SseEvent> events;
    if (!reader.feed(piece, events)) std::abort();  // inputs are far below the limit
    for (const SseEvent& event : events) {
      heard.raw += event.raw;
      for (const Span& line : event.data) {
        if (line.offset + line.size > event.raw.size()) std::abort();
      }
      if (event.dispatches())
        heard.meaning += std::string(event.type()) + ":" + event.data_text() + "\n";
      if (event.id) heard.meaning += "id " + std::string(event.text(*event.id)) + "\n";
      if (event.retry) heard.meaning += "retry " + std::string(event.text(*event.retry)) + "\n";
    }
  }
  heard.raw += reader.finish();
  return heard;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t at = size == 0 ? 0 : data[size - 1] * size / 256;
  const Heard whole = hear({input});
  if (whole.raw != input) std::abort();
  if (whole != hear({input.substr(0, at), input.substr(at)})) std::abort();
  return 0;
}
