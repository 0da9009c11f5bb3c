// Syslog messages of RFC 5424: what names the record in structured data, then its tree as JSON. A
// transport adds the framing; there is no line feed in a message, so that either framing of RFC
// 6587 holds. Tested by tests/unit/projection/syslog_test.cpp and tests/projection/syslog_test.py.
#pragma once

#include "userspace/audit/parse.h"
#include "userspace/projection/exchange.h"
#include "userspace/projection/level.h"
#include "userspace/projection/source.h"

#include <cstddef>
#include <optional>
#include <string>

namespace veilwire::projection {

// What rsyslog takes without being told otherwise, and receivers should (RFC 5425, 4.3.1). Longer
// ones are cut off or thrown away on their way.
inline constexpr std::size_t kSyslogMessage = 8 * 1024;
// Every receiver takes this, and no header and structured data of ours are longer.
inline constexpr std::size_t kLeastSyslogMessage = 2048;

// At most `most` bytes (not less than kLeastSyslogMessage). What does not fit is told with less: as
// metadata, then by its structured data alone, each with "cut":true in the JSON; the ledger has it.
std::optional<std::string> syslog_message(const audit::Parsed& record, const Source& source,
                                          Level level, std::size_t most = kSyslogMessage);
std::optional<std::string> syslog_message(const Exchange& exchange, const Source& source,
                                          Level level, std::size_t most = kSyslogMessage);

}  // namespace veilwire::projection
