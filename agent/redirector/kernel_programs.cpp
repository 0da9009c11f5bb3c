#include "agent/redirector/kernel_programs.h"

#include "agent/host/log.h"
#include "veilwire.skel.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <span>
#include <stdexcept>
#include <system_error>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

namespace veilwire::redirector {
namespace {

namespace fs = std::filesystem;

// In the order of attaching: a program stands after those that consume what it produces.
struct Hook {
  const char* program;
  bpf_attach_type type;
};
constexpr std::array kLabelHooks{
    Hook{"vw_exit", BPF_TRACE_RAW_TP},
    Hook{"vw_fork", BPF_TRACE_RAW_TP},
    Hook{"vw_exec", BPF_TRACE_RAW_TP},
};
constexpr std::array kProxyHooks{
    Hook{"vw_getsockopt", BPF_CGROUP_GETSOCKOPT},
    Hook{"vw_accepting", BPF_CGROUP_SOCK_OPS},
};
constexpr std::array kClientHooks{
    Hook{"vw_sock_create", BPF_CGROUP_INET_SOCK_CREATE},
    Hook{"vw_connecting", BPF_CGROUP_SOCK_OPS},
    Hook{"vw_getpeername4", BPF_CGROUP_INET4_GETPEERNAME},
    Hook{"vw_getpeername6", BPF_CGROUP_INET6_GETPEERNAME},
    Hook{"vw_egress", BPF_CGROUP_INET_EGRESS},
    Hook{"vw_sendmsg4", BPF_CGROUP_UDP4_SENDMSG},
    Hook{"vw_sendmsg6", BPF_CGROUP_UDP6_SENDMSG},
    Hook{"vw_connect4", BPF_CGROUP_INET4_CONNECT},
    Hook{"vw_connect6", BPF_CGROUP_INET6_CONNECT},
};

// The verifier says at the end what it did not like.
constexpr std::size_t kLogTail = 2000;

[[gnu::format(printf, 2, 0)]] int print_libbpf(libbpf_print_level level, const char* format,
                                               std::va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  std::va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (length <= 0) return length;
  std::string line(static_cast<std::size_t>(length) + 1, '\0');
  std::vsnprintf(line.data(), line.size(), format, arguments);
  line.erase(line.find_last_not_of(std::string_view("\n\0", 2)) + 1);
  if (line.size() > kLogTail) line.erase(0, line.size() - kLogTail);
  host::log::warning(line);
  return length;
}

// Between a program's name and the id of the cgroup in the name of a pin.
constexpr std::string_view kMark = "-";

// The pins of a program of the proxy's side.
std::vector<std::string> pins_of(const std::string& links, const std::string& program) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(links, error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(program + std::string(kMark))) names.push_back(name);
  }
  return names;
}

std::string error_text(int error) { return std::generic_category().message(error); }

template <class Info>
bool read_info(int fd, Info& info) {
  std::uint32_t size = sizeof(info);
  return ::bpf_obj_get_info_by_fd(fd, &info, &size) == 0;
}

std::vector<std::uint32_t> effective_programs(int cgroup, bpf_attach_type type) {
  std::array<std::uint32_t, 128> ids{};
  std::uint32_t count = ids.size();
  std::uint32_t flags = 0;
  if (::bpf_prog_query(cgroup, type, BPF_F_QUERY_EFFECTIVE, &flags, ids.data(), &count) != 0)
    return {};
  return {ids.begin(), ids.begin() + std::min<std::size_t>(count, ids.size())};
}

// Why a link was refused, as an operator can act on it.
std::string attach_error(const Hook& hook, const Cgroup* cgroup, int error) {
  std::string text = std::string("attach ") + hook.program;
  if (cgroup != nullptr) text += " to " + cgroup->path;
  text += ": " + error_text(error);
  if (error == EPERM && cgroup != nullptr) {
    text += "; another program may be attached there or above exclusively (without 'multi'):";
    for (const std::uint32_t id : effective_programs(cgroup->fd.get(), hook.type))
      text += " " + std::to_string(id);
    text += ". Nothing of others is ever detached by veilwire";
  }
  return text;
}

}  // namespace

std::string versioned_directory(const std::string& pin_directory) {
  return pin_directory + "/v" + std::to_string(VW_LAYOUT_VERSION);
}

struct KernelPrograms::State {
  explicit State(const std::string& pin_directory)
      : pins(pin_directory),
        maps(versioned_directory(pin_directory) + "/maps"),
        links(versioned_directory(pin_directory) + "/links"),
        skeleton(veilwire_bpf__open()) {
    if (skeleton == nullptr) throw std::runtime_error("open the kernel programs");
  }
  ~State() { veilwire_bpf__destroy(skeleton); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  int program(const char* name) const {
    const bpf_program* found = ::bpf_object__find_program_by_name(skeleton->obj, name);
    if (found == nullptr) throw std::runtime_error(std::string("no program ") + name);
    return ::bpf_program__fd(found);
  }

  // suffix tells the pins of one cgroup from those of another.
  void attach(std::span<const Hook> hooks, const Cgroup* cgroup, const std::string& suffix) {
    std::vector<std::string> fresh;
    for (const Hook& hook : hooks) {
      const std::string pin = links + "/" + hook.program + suffix;
      try {
        if (attach_one(hook, cgroup, pin)) fresh.push_back(pin);
      } catch (...) {
        for (const std::string& path : fresh) ::unlink(path.c_str());
        throw;
      }
    }
  }

  // The kernel detaches a link by itself when its removed cgroup has lost its last socket.
  void update_or_drop(const Hook& hook) const {
    for (const std::string& name : pins_of(links, hook.program)) {
      const std::string pin = links + "/" + name;
      const host::UniqueFd link(::bpf_obj_get(pin.c_str()));
      bpf_link_info info{};
      if (!link || !read_info(link.get(), info) || info.cgroup.cgroup_id == 0)
        ::unlink(pin.c_str());
      else if (::bpf_link_update(link.get(), program(hook.program), nullptr) != 0)
        throw std::runtime_error(attach_error(hook, nullptr, errno));
    }
  }

  // true: there was no link before.
  bool attach_one(const Hook& hook, const Cgroup* cgroup, const std::string& pin) const {
    const host::UniqueFd old(::bpf_obj_get(pin.c_str()));
    if (old && cgroup != nullptr) {
      bpf_link_info info{};
      if (read_info(old.get(), info) && info.type == BPF_LINK_TYPE_CGROUP &&
          info.cgroup.cgroup_id == cgroup->id) {
        if (::bpf_link_update(old.get(), program(hook.program), nullptr) != 0)
          throw std::runtime_error(attach_error(hook, cgroup, errno));
        return false;
      }
    }
    // A tracing link cannot be updated. For a moment both are attached: label programs of the same
    // maps run twice, which changes nothing but an exec count.
    const host::UniqueFd link(
        cgroup != nullptr
            ? ::bpf_link_create(program(hook.program), cgroup->fd.get(), hook.type, nullptr)
            : ::bpf_raw_tracepoint_open(nullptr, program(hook.program)));
    if (!link) throw std::runtime_error(attach_error(hook, cgroup, errno));
    const std::string next = pin + "_next";  // a bpffs takes no dots in names
    ::unlink(next.c_str());
    if (::bpf_obj_pin(link.get(), next.c_str()) != 0 || ::rename(next.c_str(), pin.c_str()) != 0)
      throw std::runtime_error("pin " + pin + ": " + error_text(errno));
    return !old;
  }

  std::string pins;
  std::string maps;
  std::string links;
  veilwire_bpf* skeleton;
};

KernelPrograms::KernelPrograms(const std::string& pin_directory) {
  ::libbpf_set_print(print_libbpf);
  state_ = std::make_unique<State>(pin_directory);
  prepare_pin_directory(state_->maps);
  for (const char* iterator : {"vw_processes", "vw_redirected_sockets", "vw_marked_listeners"})
    ::bpf_program__set_autoload(::bpf_object__find_program_by_name(state_->skeleton->obj, iterator),
                                false);
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, state_->skeleton->obj) {
    const std::string name = ::bpf_map__name(map);
    if (name == "texts") continue;  // scratch: nothing in it outlives an exec
    if (::bpf_map__set_pin_path(map, (state_->maps + "/" + name).c_str()) != 0)
      throw std::runtime_error("pin path of map " + name);
  }
  if (const int error = veilwire_bpf__load(state_->skeleton); error != 0)
    throw std::runtime_error(
        "load the kernel programs: " + error_text(-error) +
        (error == -EPERM ? "; CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN are needed" : ""));
  restore_pins();
}

KernelPrograms::~KernelPrograms() = default;

void KernelPrograms::attach_labels() { state_->attach(kLabelHooks, nullptr, ""); }

void KernelPrograms::attach_proxy_side(const Cgroup& proxy) {
  update_proxy_side();
  state_->attach(kProxyHooks, &proxy, std::string(kMark) + std::to_string(proxy.id));
}

void KernelPrograms::update_proxy_side() {
  for (const Hook& hook : kProxyHooks) state_->update_or_drop(hook);
}

void KernelPrograms::attach_client_side(const Cgroup& clients) {
  state_->attach(kClientHooks, &clients, "");
}

bool KernelPrograms::judge(const vw_judgement& judgement) const {
  vw_judgement argument = judgement;
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &argument, .ctx_size_in = sizeof(argument));
  return ::bpf_prog_test_run_opts(state_->program("vw_judge"), &options) == 0 &&
         options.retval == 0;
}

vw_place KernelPrograms::look_around() const {
  vw_place place{};
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &place, .ctx_size_in = sizeof(place));
  if (::bpf_prog_test_run_opts(state_->program("vw_look_around"), &options) != 0 ||
      place.pid_namespace == 0)
    throw std::runtime_error("the kernel does not say which PID namespace this is");
  return place;
}

void KernelPrograms::restore_pins() const {
  prepare_pin_directory(state_->maps);
  prepare_pin_directory(state_->links);
  const bpf_map* map = nullptr;
  bpf_object__for_each_map(map, state_->skeleton->obj) {
    const char* path = ::bpf_map__pin_path(map);
    if (path == nullptr || ::access(path, F_OK) == 0) continue;
    if (::bpf_obj_pin(::bpf_map__fd(map), path) != 0)
      throw std::runtime_error(std::string("pin ") + path + ": " + error_text(errno));
  }
}

std::vector<std::string> KernelPrograms::not_in_force(bool proxy_side) const {
  std::map<std::string, bool> in_force;
  for (const LinkState& link : look_at_links(state_->pins)) {
    const std::string name(program_of(link));
    if (of_proxy_side(name) && !proxy_side) continue;
    bool& any = in_force[name];
    any = any || (link.attached && link.effective && link.program_id == program_id(name.c_str()));
  }
  std::vector<std::string> names;
  for (const auto& [name, good] : in_force)
    if (!good) names.push_back(name);
  return names;
}

std::uint32_t KernelPrograms::program_id(const char* name) const {
  bpf_prog_info info{};
  return read_info(state_->program(name), info) ? info.id : 0;
}

std::vector<LinkState> look_at_links(const std::string& pin_directory) {
  std::vector<LinkState> states;
  std::map<std::uint64_t, std::optional<Cgroup>> cgroups;
  const std::string links = versioned_directory(pin_directory) + "/links";
  const auto look = [&](const Hook& hook, const std::string& pin) {
    LinkState state{.name = pin};
    const host::UniqueFd link(::bpf_obj_get((links + "/" + pin).c_str()));
    bpf_link_info info{};
    if (link && read_info(link.get(), info)) {
      state.link_id = info.id;
      state.program_id = info.prog_id;
      if (info.type == BPF_LINK_TYPE_CGROUP) {
        state.cgroup_id = info.cgroup.cgroup_id;
        state.attached = state.cgroup_id != 0;
        if (state.attached && !cgroups.contains(state.cgroup_id))
          cgroups[state.cgroup_id] = open_cgroup_by_id(state.cgroup_id);
        if (const auto& cgroup = cgroups[state.cgroup_id]) {
          const auto ids = effective_programs(cgroup->fd.get(), hook.type);
          state.effective = std::find(ids.begin(), ids.end(), state.program_id) != ids.end();
        }
      } else {
        // A tracing link has no detach operation: as long as it exists it runs.
        state.attached = state.effective = true;
      }
    }
    states.push_back(state);
  };
  for (const Hook& hook : kLabelHooks) look(hook, hook.program);
  for (const Hook& hook : kProxyHooks) {
    const std::vector<std::string> pins = pins_of(links, hook.program);
    for (const std::string& pin : pins) look(hook, pin);
    if (pins.empty()) states.push_back({.name = hook.program});
  }
  for (const Hook& hook : kClientHooks) look(hook, hook.program);
  return states;
}

std::string_view program_of(const LinkState& link) {
  return std::string_view(link.name).substr(0, link.name.find(kMark));
}

bool of_proxy_side(std::string_view program) {
  return std::any_of(kProxyHooks.begin(), kProxyHooks.end(),
                     [&](const Hook& hook) { return program == hook.program; });
}

bool all_effective(const std::vector<LinkState>& links) {
  const auto effective = [&](std::string_view program) {
    return std::any_of(links.begin(), links.end(), [&](const LinkState& link) {
      return program_of(link) == program && link.attached && link.effective;
    });
  };
  return std::all_of(links.begin(), links.end(),
                     [&](const LinkState& link) { return effective(program_of(link)); });
}

std::vector<Neighbour> neighbours_at(const Cgroup& cgroup, const std::string& pin_directory) {
  std::vector<std::uint32_t> ours;
  for (const LinkState& link : look_at_links(pin_directory)) ours.push_back(link.program_id);
  std::vector<Neighbour> neighbours;
  for (const Hook& hook : kClientHooks) {
    for (const std::uint32_t id : effective_programs(cgroup.fd.get(), hook.type)) {
      if (std::find(ours.begin(), ours.end(), id) != ours.end()) continue;
      Neighbour neighbour{.hook = hook.program, .id = id};
      const host::UniqueFd program(::bpf_prog_get_fd_by_id(id));
      bpf_prog_info info{};
      if (program && read_info(program.get(), info)) neighbour.name = info.name;
      neighbours.push_back(std::move(neighbour));
    }
  }
  return neighbours;
}

std::vector<std::uint32_t> effective_egress(const Cgroup& cgroup) {
  return effective_programs(cgroup.fd.get(), BPF_CGROUP_INET_EGRESS);
}

}  // namespace veilwire::redirector
