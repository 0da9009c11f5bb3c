#include "userspace/message/pick.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace veilwire::message {
namespace {

using wire::JsonEvent;

// One slice's events stay small whatever the document is.
constexpr std::size_t kSlice = 16 * 1024;

class Picker {
 public:
  explicit Picker(std::span<Pick> picks) : picks_(picks) {
    for (const Pick& pick : picks) deepest_ = std::max(deepest_, pick.depth);
  }

  void on(const JsonEvent& event) {
    path_.on(event);
    switch (event.kind) {
      case JsonEvent::Kind::BeginString:
        return begin(event.bytes);
      case JsonEvent::Kind::Piece:
        return more(event.bytes);
      case JsonEvent::Kind::EndString:
        more(event.bytes);
        return end();
      case JsonEvent::Kind::Number:
      case JsonEvent::Kind::True:
      case JsonEvent::Kind::False:
      case JsonEvent::Kind::Null:
        begin(event.bytes);
        return end();
      case JsonEvent::Kind::BeginObject:
      case JsonEvent::Kind::BeginArray:  // a repeated member that is no scalar takes the place of
                                         // the scalar before
        begin({});
        return end();
      default:
        return;
    }
  }

 private:
  void begin(std::string_view bytes) {
    current_.clear();
    const std::size_t depth = path_.depth();
    if (depth > deepest_) return;
    for (Pick& pick : picks_) {
      if (pick.depth == depth && path_.matches({pick.path, depth})) current_.push_back(&pick);
    }
    for (Pick* pick : current_) {
      pick->json = bytes;
      pick->first = bytes.empty() ? '\0' : bytes.front();
      ++pick->count;
    }
  }
  void more(std::string_view bytes) {
    for (Pick* pick : current_) {
      pick->json.append(
          bytes.substr(0, pick->limit + 1 - std::min(pick->json.size(), pick->limit + 1)));
    }
  }
  void end() {
    for (Pick* pick : current_) {
      if (pick->json.size() > pick->limit) pick->json.clear();
    }
    current_.clear();
  }

  std::span<Pick> picks_;
  std::size_t deepest_ = 0;
  wire::JsonPath path_;
  std::vector<Pick*> current_;
};

}  // namespace

Pick::Pick(std::initializer_list<std::string_view> where) : depth(where.size()) {
  if (depth > kDeepestPick) std::abort();
  std::ranges::copy(where, path);
}

std::string Pick::text() const {
  if (json.size() < 2 || json.front() != '"') return {};
  std::string decoded;
  wire::JsonStringDecoder decoder;
  if (!decoder.feed(std::string_view(json).substr(1, json.size() - 2), decoded)) return {};
  return decoded;
}

void pick(std::span<const JsonEvent> events, std::span<Pick> picks) {
  Picker picker(picks);
  for (const JsonEvent& event : events) picker.on(event);
}

bool pick(std::string_view json, std::span<Pick> picks) {
  wire::JsonScanner scanner({.utf8 = wire::Utf8::Any});
  Picker picker(picks);
  std::vector<JsonEvent> events;
  bool good = true;
  for (; good && !json.empty(); json.remove_prefix(std::min(kSlice, json.size()))) {
    events.clear();
    good = scanner.feed(json.substr(0, kSlice), events).has_value();
    for (const JsonEvent& event : events) picker.on(event);
  }
  events.clear();
  good = good && scanner.finish(events).has_value();
  for (const JsonEvent& event : events) picker.on(event);
  return good;
}

}  // namespace veilwire::message
