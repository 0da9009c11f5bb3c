// What any user of the host may send to veilwire-identity, and what a command is answered: what is
// read is read the same from what we write of it.
#include "agent/host/protocol/people.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using namespace veilwire::host::protocol;

void require(bool ok) {
  if (!ok) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto ask = decode_people_ask(bytes)) {
    const auto again = decode_people_ask(encode(*ask).reveal());
    // What is escaped grows, and may grow out of the bound.
    if (again)
      require(again->what == ask->what && again->port == ask->port &&
              again->text.reveal() == ask->text.reveal() && again->relay_state == ask->relay_state);
    else
      require(encode(*ask).reveal().size() > kPeopleAsk);
  }
  if (const auto answer = decode_people_answer(bytes)) {
    const auto again = decode_people_answer(encode(*answer));
    require(again && again->what == answer->what);
    require(again->session.has_value() == answer->session.has_value());
  }
  return 0;
}
