// `veilwire audit replay ID --serve`: the recorded answer again, on a port, so that the client that
// a person used shows what they saw. Each request gets it, whatever it asks; one after the other.
// Tested by tests/unit/ctl/audit_serve_test.cpp with curl.
#pragma once

#include "agent/ctl/audit_ledger.h"
#include "agent/ctl/audit_views.h"
#include "agent/host/unique_fd.h"
#include "userspace/audit/record.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::ctl {

struct ServeAddress {
  bool v6 = false;
  std::string address = "127.0.0.1";  // a numeric one
  std::uint16_t port = 0;             // 0: one that is free

  bool loopback() const;
};
// "PORT", "ADDRESS" or "ADDRESS:PORT", IPv6 in brackets; "" is the default. nullopt: none of them.
std::optional<ServeAddress> parse_serve_address(std::string_view text);

// Status line and fields of the answer to a client. What belongs to the original's own framing,
// coding or connection is left out, as is what would make a client go elsewhere or keep something.
std::string served_head(const audit::ResponseHead& head, bool chunked);

// Until `stop` becomes readable.
int audit_serve(recorder::LedgerReader& ledger, const ReplayOptions& options,
                const ServeAddress& address, const host::UniqueFd& stop, const Screen& screen);

}  // namespace veilwire::ctl
