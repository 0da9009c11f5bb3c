#include "tests/bpf/probe.h"

#include "probe.skel.h"

#include <algorithm>
#include <array>
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
  if (program == "foreign_sockops") return BPF_CGROUP_SOCK_OPS;
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

void Probe::detach_exclusive(const char* program, const std::string& cgroup) const {
  const host::UniqueFd directory(::open(cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (::bpf_prog_detach2(state_->program(program), directory.get(), type_of(program)) != 0)
    fail(std::string("detach ") + program);
}

bool Probe::is_effective(const char* program, const std::string& cgroup) const {
  const host::UniqueFd directory(::open(cgroup.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  bpf_prog_info info{};
  std::uint32_t size = sizeof(info);
  if (::bpf_obj_get_info_by_fd(state_->program(program), &info, &size) != 0) fail(program);
  std::array<std::uint32_t, 64> ids{};
  std::uint32_t count = ids.size();
  std::uint32_t flags = 0;
  if (::bpf_prog_query(directory.get(), type_of(program), BPF_F_QUERY_EFFECTIVE, &flags, ids.data(),
                       &count) != 0)
    fail("query");
  return std::find(ids.begin(), ids.begin() + count, info.id) != ids.begin() + count;
}

void Probe::detach_pinned(const std::string& pin) const {
  const host::UniqueFd link(::bpf_obj_get(pin.c_str()));
  if (!link || ::bpf_link_detach(link.get()) != 0) fail("detach " + pin);
}

void Probe::replace_pinned(const std::string& pin, const char* program) const {
  const host::UniqueFd link(::bpf_obj_get(pin.c_str()));
  if (!link || ::bpf_link_update(link.get(), state_->program(program), nullptr) != 0)
    fail("replace " + pin);
}

std::string Probe::program_name(std::uint32_t id) {
  const host::UniqueFd program(::bpf_prog_get_fd_by_id(id));
  bpf_prog_info info{};
  std::uint32_t size = sizeof(info);
  if (!program || ::bpf_obj_get_info_by_fd(program.get(), &info, &size) != 0) return {};
  return info.name;
}

bool Probe::link_exists(std::uint32_t id) const {
  return static_cast<bool>(host::UniqueFd(::bpf_link_get_fd_by_id(id)));
}

}  // namespace veilwire::tests
