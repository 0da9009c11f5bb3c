#include "agent/host/process_usage.h"

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace veilwire::host {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::uint64_t resident_bytes() {
  std::uint64_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t open_fds() {
  // Linux 6.2 says how many there are without a walk over them; before, the size is 0.
  struct stat folder {};
  if (::stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0)
    return static_cast<std::uint64_t>(folder.st_size);
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  // Without the one that the walk itself needs.
  return error ? 0 : static_cast<std::uint64_t>(std::distance(begin(files), end(files))) - 1;
}

// Field 22 of proc(5)'s stat, in ticks since the boot; the name before it may hold anything.
double start_time() {
  std::ifstream in("/proc/self/stat");
  const std::string line{std::istreambuf_iterator<char>(in), {}};
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  std::uint64_t ticks = 0;
  fields >> ticks;
  timespec now{}, since_boot{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  return static_cast<double>(now.tv_sec - since_boot.tv_sec) +
         static_cast<double>(ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

std::string process_usage() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  std::ostringstream out;
  out << std::fixed << R"({"cpu_seconds":)" << seconds(usage.ru_utime) + seconds(usage.ru_stime)
      << R"(,"resident_bytes":)" << resident_bytes() << R"(,"open_fds":)" << open_fds()
      << R"(,"max_fds":)" << files.rlim_cur << R"(,"start_time":)" << start_time() << "}";
  return std::move(out).str();
}

}  // namespace veilwire::host
