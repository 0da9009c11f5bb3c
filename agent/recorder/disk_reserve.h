// Space that is set aside so that exchanges which have begun can be recorded to their end when
// something else fills the disk: a file of that size, given up at the moment of need.
// Tested by tests/unit/recorder/full_disk_test.cpp.
#pragma once

#include <cstdint>
#include <string>

namespace veilwire::recorder {

// Of the disk that a file lies on, for who is not privileged; 0 where that cannot be told.
std::uint64_t free_bytes(const std::string& path);

class DiskReserve {
 public:
  // bytes 0: no reserve is wanted, and held() is always true.
  DiskReserve(std::string path, std::uint64_t bytes);

  bool held() const { return held_; }
  // Whether it is held now. Blocks are allocated, not only a size written. Asks for a quarter more
  // than it takes, so that a disk on the edge does not make it come and go.
  bool acquire();
  // Whether the disk has less left than any transaction needs.
  bool disk_is_full() const;
  // Frees the blocks. The file stays, empty.
  void release();

 private:
  std::string path_;
  std::uint64_t bytes_;
  bool held_ = false;
};

}  // namespace veilwire::recorder
