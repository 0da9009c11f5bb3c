// What any program of the host, and any page that a browser shows, may send to the address that a
// sign-in comes back to: cut anywhere it is not whole yet, and what follows it changes nothing.
#include "agent/ctl/browser_request.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace veilwire::ctl;

constexpr std::size_t kMost = 4096;

void require(bool ok) {
  if (!ok) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  BrowserRequest request, again;
  const BrowserRead read = read_browser_request(bytes, kMost, request);
  if (read == BrowserRead::More) return 0;
  require(read_browser_request(std::string(bytes) + "more", kMost, again) == read);
  if (read != BrowserRead::Whole) return 0;
  require(!request.target.empty() && request.form.value_or("").size() <= kMost);
  require(again.target == request.target && again.form == request.form);
  BrowserRead before = BrowserRead::More;
  for (std::size_t n = 0; n < size && before == BrowserRead::More; ++n)
    before = read_browser_request(bytes.substr(0, n), kMost, again);
  if (before != BrowserRead::More) {
    require(before == BrowserRead::Whole);
    require(again.target == request.target && again.form == request.form);
  }
  return 0;
}
