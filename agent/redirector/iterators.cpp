#include "agent/redirector/iterators.h"

#include "agent/host/unique_fd.h"
#include "veilwire.skel.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

namespace veilwire::redirector {
namespace {

[[noreturn]] void fail(const char* what, int error) {
  throw std::runtime_error(std::string(what) + ": " + std::generic_category().message(error));
}

// The stream's structs; the kernel may cut a read anywhere.
template <class T>
std::vector<T> read_all(const bpf_program* program, const bpf_iter_attach_opts* options) {
  static_assert(std::is_trivially_copyable_v<T>);
  bpf_link* link = ::bpf_program__attach_iter(program, options);
  if (link == nullptr) fail("attach an iterator", errno);
  const host::UniqueFd stream(::bpf_iter_create(::bpf_link__fd(link)));
  const int error = errno;
  ::bpf_link__destroy(link);
  if (!stream) fail("create an iterator", error);
  std::string bytes;
  std::array<char, 65536> block{};
  for (;;) {
    const ssize_t got = ::read(stream.get(), block.data(), block.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) fail("read an iterator", errno);
    if (got == 0) break;
    bytes.append(block.data(), static_cast<std::size_t>(got));
  }
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

template <class T>
std::vector<T> read_sockets(const bpf_program* program, int map) {
  bpf_iter_link_info info{};
  info.map.map_fd = static_cast<std::uint32_t>(map);
  LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &info, .link_info_len = sizeof(info));
  return read_all<T>(program, &options);
}

}  // namespace

struct Iterators::State {
  State() : skeleton(veilwire_bpf__open()) {
    if (skeleton == nullptr) fail("open the iterators", errno);
  }
  ~State() { veilwire_bpf__destroy(skeleton); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  veilwire_bpf* skeleton;
};

Iterators::Iterators() : state_(std::make_unique<State>()) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, state_->skeleton->obj)::bpf_map__set_autocreate(map, false);
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, state_->skeleton->obj)::bpf_program__set_autoload(
      program, program == state_->skeleton->progs.vw_processes ||
                   program == state_->skeleton->progs.vw_redirected_sockets ||
                   program == state_->skeleton->progs.vw_marked_listeners);
  if (const int error = veilwire_bpf__load(state_->skeleton); error != 0)
    fail("load the iterators", -error);
}

Iterators::~Iterators() = default;

std::vector<vw_process> Iterators::processes() const {
  return read_all<vw_process>(state_->skeleton->progs.vw_processes, nullptr);
}

std::vector<vw_redirected> Iterators::redirected(int origins) const {
  return read_sockets<vw_redirected>(state_->skeleton->progs.vw_redirected_sockets, origins);
}

std::vector<vw_marked_listener> Iterators::listeners(int marks) const {
  return read_sockets<vw_marked_listener>(state_->skeleton->progs.vw_marked_listeners, marks);
}

}  // namespace veilwire::redirector
