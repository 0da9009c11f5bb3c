// What a host is answered that has sent records: the rules, over any store. Tested by
// tests/unit/witness/witness_test.cpp.
#pragma once

#include "agent/witness/store.h"
#include "userspace/evidence/witness_message.h"
#include "userspace/proof/signed_note.h"

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::witness {

// What an operator has said of a log.
struct ListedLog {
  std::vector<proof::NoteVerifier> keys;  // see evidence::grow(); none: the first key is believed
  std::vector<std::string> clients;       // who may send its records; none: who sends the first
  bool retired = false;                   // nothing more is taken, and its silence is none
};

struct Rules {
  std::map<std::string, ListedLog, std::less<>> listed;  // by origin
  bool only_listed = false;                              // no other log is taken
};

struct Reply {
  int status = 0;
  evidence::WitnessAnswer answer;
  std::optional<std::chrono::seconds> retry_after;
  // Something that an operator must hear of: "tampering: ..." or a store's failure.
  std::string alarm;
};

class Witness {
 public:
  // wall_clock: for the time that a cosignature says.
  Witness(const Rules& rules, const proof::NoteSigner& signer, std::function<WallTime()> wall_clock)
      : rules_(rules), signer_(signer), wall_clock_(std::move(wall_clock)) {}

  // From many threads, each with a store of its own. client: whose certificate it is.
  Reply take(Store& store, std::string_view client, const evidence::RecordBatch& batch) const;

 private:
  class Taking;
  const Rules& rules_;
  const proof::NoteSigner& signer_;
  std::function<WallTime()> wall_clock_;
};

}  // namespace veilwire::witness
