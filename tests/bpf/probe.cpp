#include "tests/bpf/probe.h"

#include "probe.skel.h"

#include <cerrno>
#include <stdexcept>
#include <string>
#include <system_error>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>

namespace veilwire::tests {
namespace {

bpf_attach_type type_of(const std::string& program) {
  if (program == "foreign_getsockopt") return BPF_CGROUP_GETSOCKOPT;
  if (program == "foreign_egress") return BPF_CGROUP_INET_EGRESS;
  return BPF_CGROUP_INET4_CONNECT;
}

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

struct Probe::State {
  State() : skeleton(probe_bpf__open()) {
    if (skeleton == nullptr) throw std::runtime_error("open the probe");
  }
  ~State() { probe_bpf__destroy(skeleton); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  int program(const char* name) const {
    return ::bpf_program__fd(::bpf_object__find_program_by_name(skeleton->obj, name));
  }
  probe_bpf* skeleton;
};

Probe::Probe(const std::string& maps) : state_(std::make_unique<State>()) {
  if (!maps.empty()) {
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, state_->skeleton->obj) {
      const std::string name = ::bpf_map__name(map);
      if (name != "texts") ::bpf_map__set_pin_path(map, (maps + "/" + name).c_str());
    }
  }
  if (probe_bpf__load(state_->skeleton) != 0) throw std::runtime_error("load the probe");
}

Probe::~Probe() = default;

int Probe::call(const char* program, void* context, std::size_t size) const {
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = context,
              .ctx_size_in = static_cast<std::uint32_t>(size));
  if (::bpf_prog_test_run_opts(state_->program(program), &options) != 0) fail(program);
  return static_cast<int>(options.retval);
}

int Probe::call_with_packet(const char* program, const void* packet, std::size_t size) const {
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet,
              .data_size_in = static_cast<std::uint32_t>(size));
  if (::bpf_prog_test_run_opts(state_->program(program), &options) != 0) fail(program);
  return static_cast<int>(options.retval);
}

host::UniqueFd Probe::attach(const char* program, const std::string& cgroup) const {
  const host::UniqueFd directory(::open(cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  host::UniqueFd link(
      ::bpf_link_create(state_->program(program), directory.get(), type_of(program), nullptr));
  if (!link) fail(std::string("attach ") + program);
  return link;
}

void Probe::attach_exclusive(const char* program, const std::string& cgroup) const {
  const host::UniqueFd directory(::open(cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (::bpf_prog_attach(state_->program(program), directory.get(), type_of(program), 0) != 0)
    fail(std::string("attach ") + program);
}

int Probe::map(const char* name) const {
  return ::bpf_map__fd(::bpf_object__find_map_by_name(state_->skeleton->obj, name));
}

}  // namespace veilwire::tests
