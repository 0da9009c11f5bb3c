// `veilwire audit sinks`: where the ledger goes, how far each destination is, and what it has
// refused. What is durable is the ledger's word; what happens at the moment is the forwarder's, who
// may be away. Tested by tests/unit/ctl/audit_sinks_test.cpp.
#pragma once

#include "agent/ctl/audit_views.h"
#include "agent/recorder/ledger_reader.h"

#include <cstdint>
#include <functional>
#include <string>

namespace veilwire::ctl {

struct SinksOptions {
  bool json = false;
  std::string dead_letters;      // of this sink instead; "": none
  std::int64_t now_wall_ns = 0;  // for ages
  // The forwarder's status document; "": it does not answer.
  std::function<std::string()> ask_forwarder;
};

// 3: there is no such sink.
int audit_sinks(recorder::LedgerReader& ledger, const SinksOptions& options, const Screen& screen);

}  // namespace veilwire::ctl
