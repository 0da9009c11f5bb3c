// A disk that fails when it is told to, as an SQLite VFS over the real one, and that knows what a
// loss of power would leave: only what was synced. After a failed sync the pages that were to be
// written count as written, as in Linux: they are lost, and the next sync succeeds all the same.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::recorder {

class FaultyDisk {
 public:
  enum class Fault : std::uint8_t {
    None,
    WriteError,  // EIO
    ShortWrite,  // half of it, then EIO
    DiskFull,
    SyncError,
    Kill,  // save_synced(), then SIGKILL to this process
  };

  // Registers itself as a VFS of this name; one at a time, for one thread.
  FaultyDisk();
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;
  static constexpr const char* kName = "faulty";

  // The nth operation that changes or syncs a file from now on (from 1) fails, once. Faults of
  // writing count writes and truncations, SyncError counts syncs, Kill counts all.
  void arm(Fault fault, std::uint64_t nth, std::string folder_of_synced = "");
  bool fired() const { return fired_; }
  // Writes what a loss of power would leave of each file to this folder, by file name.
  void save_synced(const std::string& folder) const;

  // The state that a killed process left: `synced` as save_synced() wrote it, what `live` shows
  // besides is in the kernel's memory and still to be written.
  void adopt(const std::string& live, const std::string& synced);

  // For the VFS.
  Fault on_write(const std::string& path, std::uint64_t offset, std::string_view bytes);
  Fault on_truncate(const std::string& path, std::uint64_t size);
  Fault on_sync(const std::string& path);
  void on_delete(const std::string& path);

 private:
  struct Change {
    std::uint64_t offset = 0;
    std::string bytes;
    bool truncate = false;
  };
  struct File {
    std::string synced;
    std::vector<Change> pending;
  };
  Fault count(bool is_sync);

  std::map<std::string, File> files_;
  Fault fault_ = Fault::None;
  std::uint64_t left_ = 0;
  bool fired_ = false;
  std::string folder_of_synced_;
};

}  // namespace veilwire::recorder
