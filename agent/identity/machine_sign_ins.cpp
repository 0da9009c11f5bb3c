#include "agent/identity/machine_sign_ins.h"

#include "agent/host/clock.h"
#include "agent/host/log.h"
#include "userspace/identity/refresh_plan.h"

#include <cstdint>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
using identity::Binding;

// Of one machine at the same time: a service may have its processes in very many cgroups.
constexpr std::size_t kMostAtOnce = 8;

}  // namespace

MachineSignIns::MachineSignIns(asio::io_context& io, SessionKeeper& keeper,
                               crypto::RandomSource random, std::function<void()> ended)
    : io_(io), keeper_(keeper), random_(std::move(random)), ended_(std::move(ended)) {}

bool MachineSignIns::begin(const LocalPeer& who, const Binding& binding, Machine& machine) {
  State& state = states_[machine.rule().name];
  if (state.under_way.contains(binding)) return true;
  if (host::now().mono < state.not_before || state.under_way.size() >= kMostAtOnce) return false;
  state.under_way.insert(binding);
  asio::co_spawn(io_, run(machine, binding, who.peer.uid), asio::detached);
  return true;
}

asio::awaitable<void> MachineSignIns::run(Machine& machine, Binding binding, std::uint32_t share) {
  const auto signed_in = co_await keeper_.sign_in(machine, binding, share);
  State& state = states_[machine.rule().name];
  state.under_way.erase(binding);
  state.failures = signed_in ? 0 : state.failures + 1;
  if (!signed_in) {
    std::uint32_t number = 0;
    random_({reinterpret_cast<std::uint8_t*>(&number), sizeof number});
    const Machine::Failure& failure = signed_in.error();
    const Monotonic now = host::now().mono;
    state.denied = failure.denied;
    state.not_before = now + identity::retry_wait(state.failures, number, failure.retry_after);
    log_.warning("the machine " + host::log::printable(machine.rule().name) +
                     " cannot sign in: " + host::log::printable(failure.why),
                 now);
  }
  ended_();
}

std::string MachineSignIns::reason(const Machine& machine) const {
  const auto at = states_.find(machine.rule().name);
  const std::string who = "this process acts for the machine " + machine.rule().name;
  if (at == states_.end() || at->second.failures == 0)
    return who + ", which is just signing in; try again in a moment";
  return who +
         (at->second.denied ? ", which the identity provider refuses"
                            : ", for which the identity provider gives no token") +
         "; an administrator finds the reason in the log of veilwire-identity";
}

}  // namespace veilwire::agent_identity
