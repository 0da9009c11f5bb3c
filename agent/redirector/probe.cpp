#include "agent/redirector/probe.h"

#include "agent/host/log.h"
#include "agent/redirector/kernel_programs.h"
#include "agent/redirector/places.h"
#include "veilwire.skel.h"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/magic.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace veilwire::redirector {
namespace {

constexpr std::pair<bpf_prog_type, const char*> kProgramTypes[] = {
    {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, "cgroup socket address programs"},
    {BPF_PROG_TYPE_SOCK_OPS, "socket operation programs"},
    {BPF_PROG_TYPE_CGROUP_SOCKOPT, "cgroup socket option programs"},
    {BPF_PROG_TYPE_CGROUP_SOCK, "cgroup socket programs"},
    {BPF_PROG_TYPE_CGROUP_SKB, "cgroup packet programs"},
};
constexpr std::pair<bpf_map_type, const char*> kMapTypes[] = {
    {BPF_MAP_TYPE_SK_STORAGE, "socket storage"},
    {BPF_MAP_TYPE_RINGBUF, "ring buffers"},
    {BPF_MAP_TYPE_LPM_TRIE, "prefix maps"},
};

constexpr std::size_t kLogTail = 600;

// libbpf has one printer for the process and no context for it; this command has one thread.
std::string& printed() {
  static std::string text;
  return text;
}

[[gnu::format(printf, 2, 0)]] int keep_libbpf(libbpf_print_level level, const char* format,
                                              std::va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  char line[1024];
  const int length = std::vsnprintf(line, sizeof line, format, arguments);
  std::string& text = printed();
  text += line;
  if (text.size() > kLogTail) text.erase(0, text.size() - kLogTail);
  return length;
}

std::string error_text(int error) { return std::generic_category().message(error); }

bool on_bpffs(std::filesystem::path directory) {
  while (!std::filesystem::exists(directory) && directory.has_relative_path())
    directory = directory.parent_path();
  struct statfs info {};
  return ::statfs(directory.c_str(), &info) == 0 && info.f_type == BPF_FS_MAGIC;
}

void try_load(Probe& probe) {
  printed().clear();
  const auto before = ::libbpf_set_print(keep_libbpf);
  if (veilwire_bpf* skeleton = veilwire_bpf__open(); skeleton == nullptr) {
    probe.load_error = "the programs cannot be opened: " + error_text(errno);
  } else {
    const int error = veilwire_bpf__load(skeleton);
    probe.loads = error == 0;
    if (error != 0) probe.load_error = error_text(-error) + ": " + printed();
    veilwire_bpf__destroy(skeleton);
  }
  for (const auto& [type, name] : kProgramTypes)
    if (::libbpf_probe_bpf_prog_type(type, nullptr) == 0) probe.missing.emplace_back(name);
  for (const auto& [type, name] : kMapTypes)
    if (::libbpf_probe_bpf_map_type(type, nullptr) == 0) probe.missing.emplace_back(name);
  ::libbpf_set_print(before);
}

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : host::log::printable(std::string(text))) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

Probe probe(const std::string& pin_directory, const std::string& cgroup) {
  Probe probe;
  utsname system{};
  if (::uname(&system) == 0) probe.release = system.release;
  probe.btf = ::access("/sys/kernel/btf/vmlinux", R_OK) == 0;
  std::ifstream mounts("/proc/self/mountinfo");
  const std::string text{std::istreambuf_iterator<char>(mounts), {}};
  probe.cgroup2 = find_mount(text, "cgroup2").value_or("");
  probe.bpffs = on_bpffs(pin_directory);
  try_load(probe);
  try {
    probe.neighbours = neighbours_at(open_cgroup(cgroup), pin_directory);
  } catch (const std::exception& error) {
    probe.cgroup_problem = error.what();
  }
  return probe;
}

std::string to_json(const Probe& probe) {
  const auto word = [](bool value) { return value ? "true" : "false"; };
  std::string missing, neighbours;
  for (const std::string& name : probe.missing)
    missing += (missing.empty() ? "" : ",") + json_text(name);
  for (const Neighbour& one : probe.neighbours)
    neighbours += std::string(neighbours.empty() ? "" : ",") + "{\"hook\":" + json_text(one.hook) +
                  ",\"id\":" + std::to_string(one.id) + ",\"name\":" + json_text(one.name) + "}";
  return "{\"release\":" + json_text(probe.release) + ",\"btf\":" + word(probe.btf) +
         ",\"cgroup2\":" + json_text(probe.cgroup2) +
         ",\"cgroup_problem\":" + json_text(probe.cgroup_problem) +
         ",\"bpffs\":" + word(probe.bpffs) + ",\"loads\":" + word(probe.loads) +
         ",\"load_error\":" + json_text(probe.load_error) + ",\"missing\":[" + missing +
         "],\"neighbours\":[" + neighbours + "]}";
}

}  // namespace veilwire::redirector
