// Keys that others could read, and files that others could write and so decide who sees secrets.
// Tested by tests/unit/doctor/files_check_test.cpp.
#pragma once

#include "agent/doctor/finding.h"

#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace veilwire::doctor {

struct FileFacts {
  enum class Kind : std::uint8_t { Key, Folder, Decides };
  std::string path;
  Kind kind = Kind::Decides;
  std::string owner;  // who it must belong to besides root: a user's name; "": root alone
  bool exists = false;
  std::string problem;  // why it cannot be looked at; "" with exists false: it is not there
  mode_t mode = 0;
  uid_t uid = 0;
  std::optional<uid_t> owner_uid;  // of `owner`; nullopt: there is no such user
  bool needed = true;              // its program does not start without it
};

Findings check_files(const std::vector<FileFacts>& files);

}  // namespace veilwire::doctor
