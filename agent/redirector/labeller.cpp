#include "agent/redirector/labeller.h"

#include "agent/host/log.h"
#include "agent/redirector/evidence.h"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <map>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include <bpf/libbpf.h>

namespace veilwire::redirector {
namespace {

vw_label_state state_of(const vw_label& label) {
  return static_cast<vw_label_state>(label.word & VW_LABEL_STATE_MASK);
}

bool in_scope(const vw_label& label) {
  return state_of(label) == VW_LABEL_SUSPECT || state_of(label) == VW_LABEL_CONFIRMED;
}

// Whether it has executed something since it became suspect. Clearing it for what it runs now would
// let a client go that nobody looked at in time.
bool has_gone_on(const vw_label& label) {
  return static_cast<std::uint32_t>(label.word >> 8) != label.suspected_at;
}

bool is_own_root(std::uint32_t tgid, const vw_label& label) {
  return label.root_tgid == tgid && label.root_start_boottime_ns == label.start_boottime_ns;
}

// A tree that forks faster than this is swept the next time.
constexpr int kSpreadPasses = 16;

std::string describe(const vw_event& event) {
  const std::string_view comm(event.comm, sizeof(event.comm));
  return (event.own_tgid != 0
              ? "process " + std::to_string(event.own_tgid)
              : "process " + std::to_string(event.tgid) + " outside of our PID namespace") +
         " (" + host::log::printable(comm.substr(0, comm.find('\0'))) + ")";
}

}  // namespace

struct Labeller::Events {
  Events(int map, Labeller* owner) {
    ring = ::ring_buffer__new(
        map,
        [](void* context, void* data, std::size_t size) {
          // An exception must not cross the C library that called us; the sweep comes by again.
          try {
            if (size >= sizeof(vw_event))
              static_cast<Labeller*>(context)->handle(*static_cast<const vw_event*>(data));
          } catch (const std::exception& error) {
            host::log::error(std::string("label event: ") + error.what());
          }
          return 0;
        },
        owner, nullptr);
    if (ring == nullptr)
      throw std::runtime_error("ring buffer of label events: " +
                               std::generic_category().message(errno));
  }
  ~Events() { ::ring_buffer__free(ring); }
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;
  ring_buffer* ring = nullptr;
};

Labeller::Labeller(const Settings& settings, KernelMaps& maps, const KernelPrograms& programs,
                   const Iterators& iterators, std::string proc)
    : settings_(settings),
      maps_(maps),
      programs_(programs),
      iterators_(iterators),
      proc_(std::move(proc)),
      events_(std::make_unique<Events>(maps.events_fd(), this)) {}

Labeller::~Labeller() = default;

int Labeller::events_fd() const { return ::ring_buffer__epoll_fd(events_->ring); }

void Labeller::handle_events() { ::ring_buffer__consume(events_->ring); }

void Labeller::handle(const vw_event& event) {
  const std::string who = describe(event);
  switch (event.kind) {
    case VW_EVENT_SUSPECT:
      judge(event.tgid, event.own_tgid);
      break;
    case VW_EVENT_CONFIRMED:
      host::log::debug(who + " runs a known client");
      break;
    case VW_EVENT_LABEL_LOST:
      host::log::error(who + " is not intercepted: the table of labels is full");
      break;
    default:
      break;
  }
}

void Labeller::scan() {
  while (scan_once()) {
  }
}

bool Labeller::scan_once() {
  // Labels first: a process that begins in between has no label here, and keeps the kernel's.
  const auto labels = maps_.labels();
  const bool sees_all = maps_.settings().pid_level == 0;
  std::vector<vw_process> processes = iterators_.processes();
  // A parent is older than its children.
  std::sort(processes.begin(), processes.end(), [](const vw_process& a, const vw_process& b) {
    return a.start_boottime_ns < b.start_boottime_ns;
  });
  std::map<std::uint32_t, vw_label> labelled, left;
  for (const auto& [tgid, label] : labels) {
    const vw_process* owner = find(processes, tgid);
    const bool lives = owner != nullptr && owner->start_boottime_ns == label.start_boottime_ns;
    (lives ? labelled : left)[tgid] = label;
  }
  if (!left.empty()) {
    // From a time when nobody watched exits; or of a process that was changing its thread's number
    // for another's while the list was made, and stands in the next one.
    const std::vector<vw_process> again = iterators_.processes();
    for (const auto& [tgid, label] : left) {
      const vw_process* owner = find(again, tgid);
      if (owner == nullptr ? sees_all : owner->start_boottime_ns != label.start_boottime_ns)
        swap(tgid, label, VW_LABEL_NONE);
      else
        labelled[tgid] = label;
    }
  }
  bool found = false;
  for (const vw_process& process : processes) {
    if (labelled.contains(process.tgid)) continue;
    vw_label label{};
    label.start_boottime_ns = process.start_boottime_ns;
    label.exe = process.exe;
    label.memory_map = process.memory_map;
    const auto parent = labelled.find(process.parent_tgid);
    if (parent != labelled.end() && in_scope(parent->second)) {
      label.word = parent->second.word;
      label.suspected_at = parent->second.suspected_at;
      label.root_tgid = parent->second.root_tgid;
      label.root_start_boottime_ns = parent->second.root_start_boottime_ns;
    } else {
      const Evidence evidence = look_at_process(settings_, proc_, process.own_tgid);
      if (evidence != Evidence::Client && evidence != Evidence::Interpreted) continue;
      label.word = VW_LABEL_CONFIRMED;
      label.root_tgid = process.tgid;
      label.root_start_boottime_ns = process.start_boottime_ns;
      if (evidence == Evidence::Client) maps_.add_executable(process.exe);
    }
    // If the kernel was faster, its label is the newer one.
    if (!maps_.insert_label(process.tgid, label)) continue;
    labelled[process.tgid] = label;
    found = true;
  }
  return found;
}

const vw_process* Labeller::find(const std::vector<vw_process>& processes,
                                 std::uint32_t tgid) const {
  const auto at = std::find_if(processes.begin(), processes.end(),
                               [&](const vw_process& p) { return p.tgid == tgid; });
  return at == processes.end() ? nullptr : &*at;
}

bool Labeller::swap(std::uint32_t tgid, const vw_label& label, vw_label_state state) const {
  return programs_.judge({tgid, 0, label.start_boottime_ns, label.word,
                          (label.word & ~VW_LABEL_STATE_MASK) | static_cast<std::uint64_t>(state)});
}

void Labeller::judge(std::uint32_t tgid, std::uint32_t own_tgid) {
  if (own_tgid == 0) return;
  const auto label = maps_.label(tgid);
  if (!label || state_of(*label) != VW_LABEL_SUSPECT) return;
  const Evidence evidence = look_at_process(settings_, proc_, own_tgid);
  if (evidence == Evidence::Gone) return;
  // What /proc showed must be of the memory map that the label speaks of: an exec changes the map
  // first and the label a moment later. The sweep comes by again.
  const std::vector<vw_process> processes = iterators_.processes();
  const vw_process* now = find(processes, tgid);
  if (now == nullptr || now->own_tgid != own_tgid ||
      now->start_boottime_ns != label->start_boottime_ns || now->memory_map != label->memory_map)
    return;
  const vw_label_state state =
      evidence == Evidence::Nothing && !has_gone_on(*label) ? VW_LABEL_CLEARED : VW_LABEL_CONFIRMED;
  if (!swap(tgid, *label, state)) return;
  if (evidence == Evidence::Client) {
    maps_.add_executable(label->exe);
    host::log::info("process " + std::to_string(own_tgid) +
                    " is an intercepted client; its executable is known from now on");
  }
  if (is_own_root(tgid, *label)) spread(tgid, label->start_boottime_ns, state);
}

void Labeller::spread(std::uint32_t root_tgid, std::uint64_t root_start, vw_label_state state) {
  bool changed = true;
  for (int pass = 0; changed && pass < kSpreadPasses; ++pass) {
    changed = false;
    for (const auto& [tgid, label] : maps_.labels())
      if (label.root_tgid == root_tgid && label.root_start_boottime_ns == root_start &&
          state_of(label) == VW_LABEL_SUSPECT && swap(tgid, label, state))
        changed = true;
  }
}

// The process that gave it the label is gone before anybody looked: its own executable decides.
void Labeller::judge_orphan(std::uint32_t tgid, std::uint32_t own_tgid, const vw_label& label) {
  const auto root = maps_.label(label.root_tgid);
  const bool root_lives = root && root->start_boottime_ns == label.root_start_boottime_ns;
  if (!root_lives)
    judge(tgid, own_tgid);
  else if (state_of(*root) != VW_LABEL_SUSPECT)
    swap(tgid, label, state_of(*root));
}

void Labeller::sweep() {
  auto suspects = maps_.labels();
  std::erase_if(suspects,
                [](const auto& entry) { return state_of(entry.second) != VW_LABEL_SUSPECT; });
  if (suspects.empty()) return;
  const std::vector<vw_process> processes = iterators_.processes();
  for (const auto& [tgid, label] : suspects) {
    const vw_process* process = find(processes, tgid);
    const std::uint32_t own_tgid = process == nullptr ? 0 : process->own_tgid;
    if (is_own_root(tgid, label))
      judge(tgid, own_tgid);
    else
      judge_orphan(tgid, own_tgid, label);
  }
}

bool Labeller::exempt(std::uint32_t own_tgid) {
  const std::vector<vw_process> processes = iterators_.processes();
  const auto process = std::find_if(processes.begin(), processes.end(), [&](const vw_process& p) {
    return p.own_tgid == own_tgid && own_tgid != 0;
  });
  if (process == processes.end()) return false;
  const std::uint32_t tgid = process->tgid;
  if (const auto held = maps_.label(tgid)) {
    if (held->start_boottime_ns == process->start_boottime_ns)
      return swap(tgid, *held, VW_LABEL_EXEMPT);
    swap(tgid, *held, VW_LABEL_NONE);
  }
  vw_label label{};
  label.start_boottime_ns = process->start_boottime_ns;
  label.exe = process->exe;
  label.memory_map = process->memory_map;
  label.root_tgid = tgid;
  label.root_start_boottime_ns = process->start_boottime_ns;
  label.word = VW_LABEL_EXEMPT;
  return maps_.insert_label(tgid, label);
}

}  // namespace veilwire::redirector
