// Carries a plan out, step by step, the journal ahead of each. What dies here is gone on with by
// the next set-up, or undone. Tested by tests/unit/setup/crash_test.cpp and
// tests/setup/setup_test.py.
#pragma once

#include "agent/setup/plan.h"
#include "agent/setup/tool.h"

#include <functional>
#include <string>

namespace veilwire::setup {

struct Hands {
  Disk& disk;
  Journal& journal;
  RunTool run;
  bool offline = false;
  std::function<void(const std::string&)> say = {};  // a line for each thing done
};

// What an earlier run has left half done beside files, when it died.
void clear_unfinished(const Hands& hands);

// Throws std::runtime_error at the first thing that fails; what was done stays.
void apply(const Plan& plan, const Hands& hands);

}  // namespace veilwire::setup
