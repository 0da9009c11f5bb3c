// What stands at a path, to the byte, and the few ways in which set-up changes it. Every change
// goes through here and is on disk when the call returns, so that the journal can be ahead of it. A
// change either has happened or has not: files are replaced by renaming. Tested by
// tests/unit/setup/disk_test.cpp and, at every point of dying, by tests/unit/setup/crash_test.cpp.
#pragma once

#include "userspace/base/secret.h"

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace veilwire::setup {

// Times of files are no part of it.
struct PathState {
  enum class Kind { Absent, File, Link, Folder, Other };
  Kind kind = Kind::Absent;
  mode_t mode = 0;  // permission bits
  uid_t uid = 0;
  gid_t gid = 0;
  std::string content;  // of a file: SHA-256, hex; of a link: where it points

  friend bool operator==(const PathState&, const PathState&) = default;
};

PathState file_state(std::string_view bytes, mode_t mode, uid_t uid, gid_t gid);
PathState folder_state(mode_t mode, uid_t uid, gid_t gid);

// Follows no link at the end of the path. Throws std::runtime_error where it cannot be read.
PathState look(const std::string& path);
// The bytes of a regular file, which is no link. Throws std::runtime_error.
Secret read_file(const std::string& path);
bool exists(const std::string& path);

class Disk {
 public:
  // Called before everything that changes the disk: where a test dies.
  explicit Disk(std::function<void()> before_change = {});

  // Puts a file there, whatever file or link there was.
  void put_file(const std::string& path, std::string_view bytes, mode_t mode, uid_t uid, gid_t gid);
  void put_link(const std::string& path, const std::string& target, uid_t uid, gid_t gid);
  // An existing one is given this mode and owner.
  void put_folder(const std::string& path, mode_t mode, uid_t uid, gid_t gid);
  void remove_file(const std::string& path);
  // false: something is in it.
  bool remove_folder(const std::string& path);
  // Away, under a name beside it that is free; returns that.
  std::string set_aside(const std::string& path);
  // What dying inside of put_file or put_link has left.
  void remove_unfinished(const std::string& path);
  // The whole of bytes at the end of an open file.
  void append(int fd, std::string_view bytes, const std::string& path);

 private:
  void changing() const;
  std::function<void()> before_change_;
};

}  // namespace veilwire::setup
