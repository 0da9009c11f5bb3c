// JSON of any kind: the events must not depend on the cut, must lie in the input in order, and
// decoded strings must survive being written again. The first byte chooses the options.
#include "userspace/wire/json_scanner.h"

#include <cstdint>
#include <cstdlib>

namespace {

using namespace veilwire::wire;

std::string hear(std::string_view input, const std::vector<std::string_view>& pieces,
                 JsonOptions options) {
  JsonScanner scanner(options);
  JsonPath path;
  JsonStringDecoder decoder;
  std::string log;
  std::string decoded;
  std::vector<JsonStringDecoder::Run> runs;
  const auto add = [&](const std::vector<JsonEvent>& events) {
    for (const JsonEvent& event : events) {
      if (input.substr(event.offset, event.bytes.size()) != event.bytes) std::abort();
      path.on(event);
      if (event.kind == JsonEvent::Kind::Piece) {
        if (!decoder.feed(event.bytes, decoded, runs)) std::abort();
        continue;
      }
      if (event.kind == JsonEvent::Kind::EndString || event.kind == JsonEvent::Kind::EndKey) {
        if (decoder.pending() != 0) std::abort();
        if (options.utf8 != Utf8::Any) {
          std::string raw;
          std::string again;
          append_json_escaped(decoded, raw);
          JsonStringDecoder second;
          if (!second.feed(raw, again) || again != decoded) std::abort();
        }
        log += decoded;
        decoded.clear();
      }
      log += std::string(to_string(event.kind)) + std::to_string(event.offset) + path.to_string() +
             "\n";
    }
  };
  std::vector<JsonEvent> events;
  for (const std::string_view piece : pieces) {
    events.clear();
    const auto fed = scanner.feed(piece, events);
    add(events);
    if (!fed)
      return log + std::to_string(fed.error().offset) + std::string(to_string(fed.error().error));
  }
  events.clear();
  const auto ended = scanner.finish(events);
  add(events);
  if (!ended)
    log += std::to_string(ended.error().offset) + std::string(to_string(ended.error().error));
  return log;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const JsonOptions options{.utf8 = static_cast<Utf8>(data[0] % 3),
                            .fragment = (data[0] & 4) != 0,
                            .many_values = (data[0] & 8) != 0};
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t at = input.empty() ? 0 : data[size - 1] * input.size() / 256;
  if (hear(input, {input}, options) !=
      hear(input, {input.substr(0, at), input.substr(at)}, options))
    std::abort();
  return 0;
}
