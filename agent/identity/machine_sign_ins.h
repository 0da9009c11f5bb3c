// Sign-ins of machines, begun by a question about one of their processes; nobody is shown anything.
// A machine that the IdP refuses asks again after a growing wait, however many of its processes
// ask us. For one thread, its io_context's. Tested by tests/unit/identity/machine_test.cpp with a
// real IdP.
#pragma once

#include "agent/identity/session_keeper.h"

#include <functional>
#include <map>
#include <set>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::agent_identity {

class MachineSignIns {
 public:
  // ended: one has, whatever came of it.
  MachineSignIns(boost::asio::io_context& io, SessionKeeper& keeper, crypto::RandomSource random,
                 std::function<void()> ended);
  MachineSignIns(const MachineSignIns&) = delete;
  MachineSignIns& operator=(const MachineSignIns&) = delete;

  // false: none is under way for the binding, as it is too early after a failure or too many are.
  bool begin(const LocalPeer& who, const identity::Binding& binding, Machine& machine);
  // Why it is nobody's, for the client.
  std::string reason(const Machine& machine) const;

 private:
  struct State {
    std::set<identity::Binding> under_way;
    unsigned failures = 0;
    bool denied = false;
    Monotonic not_before;
  };
  boost::asio::awaitable<void> run(Machine& machine, identity::Binding binding,
                                   std::uint32_t share);

  boost::asio::io_context& io_;
  SessionKeeper& keeper_;
  crypto::RandomSource random_;
  std::function<void()> ended_;
  std::map<std::string, State> states_;  // by name
  host::LimitedLog log_;
};

}  // namespace veilwire::agent_identity
