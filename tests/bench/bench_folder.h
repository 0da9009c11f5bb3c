// A folder below the current one, because what a sync costs is the disk's: benchmarks that write
// are run where a ledger would stand.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace veilwire::bench {

class Folder {
 public:
  Folder() : path_((std::filesystem::current_path() / "veilwire-bench-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace veilwire::bench
