// Takes back what the journal says, the last first: every byte, mode, owner and link as it was.
// Where somebody else has changed a file since, nothing at all is undone unless that is forced;
// then their version is kept beside it. What the trust store's tool has made is made again by it,
// and where nothing but our certificate has come or gone in between, each file that then differs
// from what it was is put back, too. Tested by tests/unit/setup/undo_test.cpp, crash_test.cpp and
// tests/setup/setup_test.py.
#pragma once

#include "agent/setup/apply.h"
#include "agent/setup/journal.h"

#include <map>
#include <string>
#include <vector>

namespace veilwire::setup {

struct UndoOptions {
  bool force = false;
  std::vector<std::string> keep;    // paths that stay: keys
  std::vector<std::string> detach;  // the command that takes the kernel programs away; empty: none
  // What else than a person changes a file that set-up has made, by its path: conflicts name it.
  std::map<std::string, std::string> changed_by;
  std::string leave_mark;  // text of the journal's mark; empty: it goes with the rest
};

struct UndoPlan {
  std::vector<std::string> lines;      // what will be done
  std::vector<std::string> conflicts;  // what somebody else has changed
};

UndoPlan plan_undo(const Journal& journal, const UndoOptions& options);

// Throws std::runtime_error where something fails; undoing again goes on with it.
void undo(const UndoOptions& options, const Hands& hands);

}  // namespace veilwire::setup
