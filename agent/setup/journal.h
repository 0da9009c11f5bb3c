// What set-up has touched, and what was there before: lines of JSON in a folder of root's, and
// beside them the bytes of what was replaced. A line is on disk before the change that it tells of,
// so that a set-up that died anywhere can be undone or gone on with. What was there before is said
// once for each path, by its first line; later lines say what else we have put there.
//
//   {"path": P, "before": STATE, "after": STATE}         P is about to be changed
//   {"store": NAME, "sources": D, "before": {P: STATE}}  a tool is about to write these folders
//   anew
//   {"store": NAME, "anchor": D, "after": {P: STATE}}    it has
//   {"store": NAME, "untouched": [P]}                    an undo is about to run it again
//   {"unit": U, "enabled": B, "active": B}               U is about to be started
//
// Tested by tests/unit/setup/journal_test.cpp, crash_test.cpp and undo_test.cpp.
#pragma once

#include "agent/host/unique_fd.h"
#include "agent/setup/disk.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace veilwire::setup {

inline constexpr const char* kJournalFolder = "/var/lib/veilwire-setup";

struct PathRecord {
  std::string path;
  PathState before;
  std::vector<PathState> after;  // all that we have put there
};

using Tree = std::map<std::string, PathState>;

// Folders that a tool makes from others, as that of trusted certificates.
struct StoreRecord {
  std::string store;
  std::string sources;  // digest of what the tool makes them from, without ours, before
  Tree before;
  std::optional<Tree> after;  // nullopt: the tool was not seen to end
  std::string anchor;         // digest of the certificate that was last put in
  // An undo has begun: what nobody else had changed by then.
  std::optional<std::set<std::string>> untouched;
};

struct UnitRecord {
  std::string unit;
  bool enabled = false, active = false;  // before
};

using Record = std::variant<PathRecord, StoreRecord, UnitRecord>;

class Journal {
 public:
  // Reads it, and keeps every other set-up away while it lives. A line that was not finished counts
  // as not there: what it tells of has not begun. Throws std::runtime_error, also while another
  // set-up runs.
  Journal(std::string folder, Disk& disk);

  // In the order of their first lines.
  const std::vector<Record>& records() const { return records_; }
  bool empty() const { return records_.empty(); }
  const PathRecord* find_path(const std::string& path) const;
  const StoreRecord* find_store(const std::string& store) const;
  const UnitRecord* find_unit(const std::string& unit) const;
  // What was in a file before. Throws std::runtime_error where the journal is damaged.
  Secret bytes_before(const PathState& before) const;

  // Each returns once it is on disk, with the bytes of files that are not kept yet.
  void will_change(const std::string& path, const PathState& before, const PathState& after);
  void will_run(const std::string& store, const std::string& sources, const Tree& before);
  void has_run(const std::string& store, const std::string& anchor, const Tree& after);
  void will_undo(const std::string& store, const std::set<std::string>& untouched);
  void will_start(const UnitRecord& unit);

  // A file that says that nothing is left to do, for units that ask. Empty: takes it away.
  void mark_done(const std::string& text);
  // Everything, at the end of an undo; with `text` the mark stays and says so.
  void erase(const std::string& text);

  const std::string& folder() const { return folder_; }

 private:
  void make_folder();
  void keep(const std::string& path, const PathState& state);
  void write(const std::string& line);
  void take(const std::string& line);
  std::string in(const char* name) const { return folder_ + "/" + name; }

  std::string folder_;
  Disk& disk_;
  host::UniqueFd lock_, file_;
  std::size_t whole_ = 0;  // bytes of finished lines
  std::vector<Record> records_;
};

}  // namespace veilwire::setup
