// What a receiver of evidence, or who took its place, answers a sink: any bytes are an error, or
// frames of RELP that are the same when they are written again, however they are cut; a time to
// wait within its bound; an answer of OTLP.
#include "agent/forwarder/relp_frames.h"
#include "agent/forwarder/retry_after.h"
#include "userspace/projection/otlp.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace veilwire;
using namespace veilwire::forwarder;

void require(bool ok) {
  if (!ok) std::abort();
}

void add(const RelpFrame& frame, std::string& out) {
  out += relp_frame(frame.transaction, frame.command, frame.data);
  const auto code = frame.code();
  require(!code || (*code >= 0 && *code <= 999));
}

// Every frame, and "!" where one is none.
std::string frames_of(std::string_view bytes, std::size_t piece) {
  std::string out, waiting;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    waiting += bytes.substr(at, piece);
    while (true) {
      const std::size_t before = waiting.size();
      const auto frame = take_relp_frame(waiting);
      if (!frame) return out + '!';
      if (!*frame) break;
      require(waiting.size() < before);
      add(**frame, out);
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = frames_of(bytes, size + 1);
  if (!whole.ends_with('!')) {
    require(frames_of(bytes, 1) == whole);
    require(frames_of(whole, 7) == whole);
  }
  const auto wait = read_retry_after(bytes, WallTime{std::chrono::seconds(784111777)});
  require(!wait || (wait->count() >= 0 && wait->count() <= 366 * 24 * 3600));
  (void)projection::parse_otlp_answer(bytes);
  return 0;
}
