// A folder of a test's own, and what lies in it, to the byte.
#pragma once

#include "agent/setup/disk.h"
#include "agent/setup/trust_store.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <ostream>
#include <stdexcept>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

namespace veilwire::setup {

inline std::ostream& operator<<(std::ostream& out, const PathState& state) {
  return out << "kind " << static_cast<int>(state.kind) << " mode " << std::oct << state.mode
             << std::dec << " of " << state.uid << ":" << state.gid << " "
             << state.content.substr(0, 8);
}

class World {
 public:
  World() {
    // In memory where that can be had: everything here is written to the end, again and again.
    const std::filesystem::path memory = "/dev/shm";
    std::string name =
        ((std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path()) /
         "setup-XXXXXX")
            .string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    folder_ = name;
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() { std::filesystem::remove_all(folder_); }

  std::string at(const std::string& name) const { return folder_ + "/" + name; }
  const std::string& folder() const { return folder_; }
  void write(const std::string& name, const std::string& text, mode_t mode = 0644) const {
    std::filesystem::create_directories(std::filesystem::path(at(name)).parent_path());
    std::ofstream(at(name), std::ios::binary) << text;
    ::chmod(at(name).c_str(), mode);
  }
  std::string read(const std::string& name) const {
    return std::string(read_file(at(name)).reveal());
  }
  // Paths within the folder.
  std::map<std::string, PathState> tree() const {
    std::map<std::string, PathState> tree;
    for (const auto& [path, state] : tree_of({folder_}))
      if (path != folder_) tree[path.substr(folder_.size() + 1)] = state;
    return tree;
  }

 private:
  std::string folder_;
};

}  // namespace veilwire::setup
