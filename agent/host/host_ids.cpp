#include "agent/host/host_ids.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace veilwire::host {
namespace {

// "" for what is no id.
std::string without_dashes(std::string id) {
  id.erase(std::remove(id.begin(), id.end(), '-'), id.end());
  const bool good = id.size() == 32 && id.find_first_not_of("0123456789abcdef") == id.npos;
  return good ? id : "";
}

std::string read_id(const std::string& path) {
  std::string id;
  std::ifstream(path) >> id;
  return without_dashes(std::move(id));
}

}  // namespace

std::string HostIds::boot_uuid() const {
  std::string uuid;
  for (std::size_t i = 0; i < boot.size(); ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) uuid += '-';
    uuid += boot[i];
  }
  return uuid;
}

HostIds read_host_ids(const std::string& root) {
  HostIds ids{.machine = read_id(root + "/etc/machine-id"),
              .boot = read_id(root + "/proc/sys/kernel/random/boot_id")};
  if (const char* passed = std::getenv("VEILWIRE_BOOT_ID"); ids.boot.empty() && passed != nullptr)
    ids.boot = without_dashes(passed);
  if (ids.boot.empty())
    throw std::runtime_error(
        "the boot id is not known: /proc/sys/kernel/random/boot_id cannot be read, and the unit "
        "does not set VEILWIRE_BOOT_ID=%b");
  return ids;
}

}  // namespace veilwire::host
