#include "userspace/message/fields.h"

#include "userspace/message/anthropic_fields.h"
#include "userspace/message/field_entry.h"
#include "userspace/message/mcp_fields.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace veilwire::message {
namespace {

using table::Entry;
using table::Mark;
using enum Zone;

// [O] RFC 6749 section 5.1, RFC 7591 section 3.2.1, RFC 8628 section 3.2, RFC 7521 section 4.
constexpr Entry kCredentials[] = {
    // [O] Tokens that a server issues to the client as such, and that the client redeems: members
    // of the root object of a token, registration or device answer or request. Masking them would
    // end the client's login, writing them down would give it to every auditor. raw_key: the API
    // key that Claude Code is given when it logs in.
    {Credentials, "access_token", Credential},
    {Credentials, "refresh_token", Credential},
    {Credentials, "id_token", Credential},
    {Credentials, "client_secret", Credential},
    {Credentials, "registration_access_token", Credential},
    {Credentials, "device_code", Credential},
    {Credentials, "assertion", Credential},
    {Credentials, "client_assertion", Credential},
    {Credentials, "raw_key", Credential},
};

constexpr const Entry& entry_at(std::size_t i) {
  if (i < std::size(kCredentials)) return kCredentials[i];
  i -= std::size(kCredentials);
  if (i < std::size(table::kAnthropicFields)) return table::kAnthropicFields[i];
  return table::kMcpFields[i - std::size(table::kAnthropicFields)];
}
// In one go: clang 14 takes an array that is filled later for no constant, since a member of an
// entry begins as another one.
template <std::size_t... I>
constexpr std::array<Entry, sizeof...(I)> entries(std::index_sequence<I...>) {
  return {{entry_at(I)...}};
}
constexpr auto kEntries =
    entries(std::make_index_sequence<std::size(kCredentials) + std::size(table::kAnthropicFields) +
                                     std::size(table::kMcpFields)>{});

constexpr std::size_t index(Zone zone) { return static_cast<std::size_t>(zone); }

// Where a key that a zone does not list is looked for next; Text: nowhere.
constexpr Zone fallback(Zone zone) {
  switch (zone) {
    case AnthropicEvent:
      return AnthropicResponse;
    case AnthropicStartBlock:
      return AnthropicBlock;
    case McpFromServer:
      return McpFromClient;
    case AnthropicRequest:
    case AnthropicResponse:
    case McpFromClient:
    case Generic:
      return Credentials;
    case McpParams:
    case McpClientResult:
    case McpServerResult:
      return McpTask;
    default:
      return Text;
  }
}

// Entries of one zone stand together: [first, last) for each, found when compiled.
struct Range {
  std::size_t first = 0, last = 0;
};
constexpr std::array<Range, kZones> find_ranges() {
  std::array<Range, kZones> ranges{};
  for (std::size_t i = 0; i < std::size(kEntries); ++i) {
    Range& range = ranges[index(kEntries[i].in)];
    if (range.last == 0) range.first = i;
    if (range.last != 0 && range.last != i) throw "entries of one zone must stand together";
    range.last = i + 1;
  }
  return ranges;
}
constexpr std::array<Range, kZones> kRanges = find_ranges();
static_assert(std::ranges::all_of(kEntries,
                                  [](const Entry& e) { return e.key.size() <= kLongestKnownKey; }));

bool matches(std::string_view pattern, std::string_view key) {
  if (pattern.back() == '*') return key.starts_with(pattern.substr(0, pattern.size() - 1));
  if (pattern.front() == '*') return key.ends_with(pattern.substr(1));
  return pattern == key;
}

const Entry* find(Zone zone, std::string_view key) {
  for (; zone != Text; zone = fallback(zone)) {
    const Range range = kRanges[index(zone)];
    for (std::size_t i = range.first; i < range.last; ++i) {
      if (matches(kEntries[i].key, key)) return &kEntries[i];
    }
  }
  return nullptr;
}

}  // namespace

Zone leaf(Zone zone) { return zone <= InputPiece ? zone : Text; }

void FieldWalker::begin(bool array) {
  Zone zone = this->zone();
  if (zone == AnthropicStartContent) {
    zone = AnthropicBlock;
  } else if (zone == AnthropicDeltaContent) {
    zone = AnthropicPreview;
  } else if (zone <= InputPiece && zone != Fixed) {
    zone = Text;
  }
  open_.push_back({.zone = zone, .array = array});
}

bool FieldWalker::key(std::string_view decoded) {
  if (open_.empty()) return true;
  Level& level = open_.back();
  level.decisive = false;
  if (level.zone == Fixed) {
    level.member = Fixed;
    return false;
  }
  // Of a longer one this may be the beginning, whose end says nothing.
  const Entry* entry = decoded.size() <= kLongestKnownKey ? find(level.zone, decoded) : nullptr;
  if (entry == nullptr) {
    level.member = Text;
    return true;
  }
  level.member = level.marked ? entry->if_marked : entry->value;
  if (entry->mark == Mark::Seen) level.marked = true;
  level.decisive = entry->mark == Mark::Base64;
  return false;
}

void FieldWalker::string_value(std::string_view decoded) {
  if (open_.empty() || !open_.back().decisive) return;
  // The last value of a repeated member is the one that parsers keep.
  open_.back().marked = decoded == "base64";
}

Zone FieldWalker::zone() const {
  if (open_.empty()) return root_;
  return open_.back().array ? open_.back().zone : open_.back().member;
}

}  // namespace veilwire::message
