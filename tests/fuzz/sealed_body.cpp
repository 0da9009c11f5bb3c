// Chunks as a host that wrote its ledger anew could show them: nothing opens but the beginning of
// the one body that was sealed, and only all of it is whole. And whatever text is sealed opens
// again. The first byte says which of the two, and how long pieces are.
#include "tests/fuzz/pieces.h"
#include "userspace/sealing/body.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace veilwire::sealing;

constexpr std::string_view kText = "zeroonetwothree";

struct Body {
  SessionKey key = *SessionKey::from_bytes(veilwire::Secret(std::string(kSessionKey, 'k')));
  BodyIdentity identity{"host", "writer", "session", 1, BodyDirection::Request};
  veilwire::crypto::Digest header = veilwire::crypto::sha256("a head");

  BodySealer sealer() const { return {key, identity, header}; }
  BodyOpener opener() const { return {key, identity, header}; }
};

// What opens, and whether it is whole.
bool open(const Body& body, const std::vector<Chunk>& chunks, std::string& text) {
  BodyOpener opener = body.opener();
  for (const Chunk& chunk : chunks) {
    const auto opened = opener.open(chunk);
    if (!opened) break;
    text += opened->reveal();
  }
  return opener.finish().has_value();
}

// Each chunk: index, whether it is the last, two bytes of length, bytes.
std::vector<Chunk> parse(std::string_view input) {
  std::vector<Chunk> chunks;
  while (input.size() >= 4) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(input[i]); };
    const std::size_t length = byte(2) * std::size_t{256} + byte(3);
    chunks.push_back({byte(0), (byte(1) & 1) != 0, std::string(input.substr(4, length))});
    input.remove_prefix(std::min(input.size(), 4 + length));
  }
  return chunks;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const Body body;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string text;
  if (data[0] == 0) {
    const bool whole = open(body, parse(input), text);
    if (!kText.starts_with(text) || (whole && text != kText)) std::abort();
    return 0;
  }
  BodySealer sealer = body.sealer();
  std::vector<Chunk> chunks;
  veilwire::fuzz::in_pieces(input, data[0], [&](std::string_view piece) {
    for (Chunk& chunk : sealer.write(piece)) chunks.push_back(std::move(chunk));
    if (piece.front() != '\n') return;
    if (auto chunk = sealer.flush()) chunks.push_back(std::move(*chunk));
  });
  chunks.push_back(sealer.finish());
  if (!open(body, chunks, text) || text != input) std::abort();
  return 0;
}
