// The key that signs the ledger's checkpoints, in a file of the recorder's folder, and the one that
// takes its place when somebody has put one there (`veilwire-recorder rotate-key`). Files are read
// each time they are asked for: a checkpoint is rare, and a key that is not in memory leaks from
// none. All functions throw std::runtime_error. Tested by
// tests/unit/recorder/checkpoint_keys_test.cpp.
#pragma once

#include "userspace/proof/signed_note.h"

#include <optional>
#include <string>

#include <sys/types.h>

namespace veilwire::recorder {

class CheckpointKeys {
 public:
  explicit CheckpointKeys(std::string path) : path_(std::move(path)) {}

  // Makes one where there is none.
  void prepare() const;
  // name: of the log. The second: nullopt where none is to follow.
  proof::NoteSigner current(const std::string& name) const;
  std::optional<proof::NoteSigner> next(const std::string& name) const;
  // From here on the next one is the current one, and the current one is gone.
  void take_next() const;

  // Makes the next one, owned by the owner of the folder. Throws when one is waiting already.
  void make_next() const;

 private:
  void make(const std::string& path) const;
  std::string next_path() const { return path_ + ".next"; }
  std::string path_;
};

}  // namespace veilwire::recorder
