// A folder of a test's own, removed with everything in it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

namespace veilwire::testing {

class ScratchFolder {
 public:
  ScratchFolder() : path_(::testing::TempDir() + "veilwire-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  // Writes a file, with the folders that its name has, and returns its path.
  std::string write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file(path_ + "/" + name);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    std::filesystem::permissions(file, std::filesystem::perms{0644});  // whatever the umask
    return file.string();
  }

 private:
  std::string path_;
};

}  // namespace veilwire::testing
