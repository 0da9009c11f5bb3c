// Notices when a file is another one: edited, replaced, made or removed, itself or anything that
// leads to it. Each name on the way is watched in its folder, symbolic links followed step by step,
// so that a folder that is exchanged, a link that is turned and a folder that is made later count
// as well. Tested by tests/unit/proxy/file_watch_test.cpp.
#pragma once

#include "agent/host/unique_fd.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace veilwire::proxy {

class FileWatch {
 public:
  FileWatch();  // throws std::system_error: no inotify

  int descriptor() const { return inotify_.get(); }  // readable: ask changed()

  // From here on these files and no others. true: something is watched that was not before, and may
  // have changed since somebody read it. A folder that cannot be watched is logged once.
  bool watch(const std::vector<std::string>& files);

  // Whether one of the files may be another since the last call.
  bool changed();

 private:
  struct Watched {
    std::string folder;
    std::set<std::string, std::less<>> names;  // of interest there
  };
  int add(const std::string& folder);

  host::UniqueFd inotify_;
  std::map<int, Watched> watched_;
  std::set<std::string> unseen_;  // folders that were logged
};

}  // namespace veilwire::proxy
