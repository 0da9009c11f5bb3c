// Everything that a set-up comes to, in the order in which it is done, before anything is done:
// what stands on the host compared with what shall. What is there already is no change, so that a
// second set-up is none. What somebody else has put there is a conflict: nothing is overwritten
// unless it is ours by the journal, as it was shipped, or was asked for. Tested by
// tests/unit/setup/plan_test.cpp.
#pragma once

#include "agent/setup/disk.h"
#include "agent/setup/journal.h"
#include "agent/setup/trust_store.h"
#include "userspace/base/secret.h"

#include <string>
#include <vector>

namespace veilwire::setup {

struct Step {
  enum class Kind { Folder, File, Store, Units };
  Kind kind = Kind::File;
  bool needed = false;
  std::string what;  // for a person

  std::string path;  // of Folder and File
  PathState before, after;
  Secret bytes;

  const TrustStore* store = nullptr;  // of Store
  std::string anchor;                 // digest of the certificate that is to be in it; empty: gone

  std::vector<UnitRecord> units;  // of Units, as they are now
  bool restart = false;
};

struct Plan {
  std::vector<Step> steps;
  std::vector<std::string> conflicts;  // a line each, with what to do
  std::vector<std::string> notes;
  bool changes() const;
};

class Planner {
 public:
  Planner(const Journal& journal, bool replace) : journal_(journal), replace_(replace) {}

  struct Owner {
    uid_t uid = 0;
    gid_t gid = 0;
  };
  // One that exists stays as it is. Folders above it are made as well, for everybody to read.
  void folder(const std::string& path, mode_t mode, Owner owner);
  // shipped: digests of what a package puts there, which is nobody's work. true: it will change.
  bool file(const std::string& path, Secret bytes, mode_t mode, Owner owner,
            const std::string& what, const std::vector<std::string>& shipped = {});
  // One that stays as it is, whoever made it.
  void keep(const std::string& path, const std::string& what);
  // What an earlier set-up has put there and this one does not. true: it will go.
  bool no_file(const std::string& path, const std::string& what);
  // anchor: the certificate, PEM; empty: it goes.
  void store(const TrustStore& store, const std::string& anchor, bool changed);
  void units(std::vector<UnitRecord> now, bool restart, bool offline);
  void note(std::string text) { plan_.notes.push_back(std::move(text)); }
  Plan take() { return std::move(plan_); }

 private:
  bool is_ours(const std::string& path, const PathState& now) const;
  const Journal& journal_;
  bool replace_;
  Plan plan_;
};

}  // namespace veilwire::setup
