// A folder for one test, and files in it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include <sys/stat.h>

namespace veilwire::credentials {

struct Folder {
  Folder() {
    char name[] = "/tmp/veilwire-credentials-XXXXXX";
    path = ::mkdtemp(name);
    ::chmod(path.c_str(), 0755);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  // Takes the place of an older one at once, as who rotates a secret does.
  std::string write(const std::string& name, std::string_view bytes, mode_t mode) const {
    const std::string place = path + "/" + name;
    std::ofstream(place + ".new", std::ios::binary) << bytes;
    ::chmod((place + ".new").c_str(), mode);
    std::filesystem::rename(place + ".new", place);
    return place;
  }
  std::string read(const std::string& name) const {
    std::ifstream in(path + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string path;
};

}  // namespace veilwire::credentials
