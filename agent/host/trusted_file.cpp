#include "agent/host/trusted_file.h"

#include <sys/stat.h>
#include <unistd.h>

namespace veilwire::host {

std::optional<std::string> distrust(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return "writable by group or others: whoever may write it decides who sees secrets; use mode "
           "0644";
  if (status.st_uid != 0 && status.st_uid != ::geteuid())
    return "belongs to uid " + std::to_string(status.st_uid) +
           ", who may write it and so decides who sees secrets; give it to root";
  return std::nullopt;
}

}  // namespace veilwire::host
