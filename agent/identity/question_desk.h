// The proxy's questions: answered from the table, without asking the IdP. A question that nobody
// can be named for is held for a moment, in which a sign-in is begun and may come to its end; and
// so is one about a session that nobody has used for a while, until the IdP has been asked. For one
// thread. Tested by tests/unit/identity/oidc_server_test.cpp with a real IdP.
#pragma once

#include "agent/host/protocol/identity.h"
#include "agent/identity/accounts.h"
#include "agent/identity/cgroups.h"
#include "agent/identity/device_sign_ins.h"
#include "agent/identity/lookups.h"
#include "agent/identity/machine_sign_ins.h"
#include "agent/identity/saml_sign_ins.h"
#include "agent/identity/session_keeper.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace veilwire::agent_identity {

class QuestionDesk {
 public:
  // device, saml: nullptr: nobody signs in in that way.
  QuestionDesk(boost::asio::io_context& io, SessionKeeper& keeper, DeviceSignIns* device,
               const SamlSignIns* saml, MachineSignIns& machines, Cgroups& cgroups,
               Accounts& accounts, std::chrono::seconds hold,
               std::function<void(Ticket, Who)> reply);
  QuestionDesk(const QuestionDesk&) = delete;
  QuestionDesk& operator=(const QuestionDesk&) = delete;

  // at_once: is not held for a sign-in, which is begun all the same.
  void ask(Ticket ticket, const identity::Peer& peer, bool at_once);
  // The table has changed, or the IdP has been asked: looks at all that are held.
  void look_again();
  // Whoever asked has gone.
  void forget(std::uint64_t connection);

  struct Counters {
    std::uint64_t asked = 0, known = 0, cached = 0, stale = 0, refused = 0, held = 0, too_many = 0;
  };
  const Counters& counters() const { return counters_; }
  std::size_t held() const { return held_.size(); }

 private:
  struct Question {
    Ticket ticket;
    LocalPeer who;
    Monotonic asked_at;
    bool at_once = false;
  };
  struct Name {
    std::string text;  // empty: the account has none
    Monotonic until;
  };
  // Nothing: it is to be held until the time in `until`.
  std::optional<Who> answer(const Question& question, Monotonic& until);
  std::optional<Who> answer_for(Machine& machine, const Question& question,
                                const identity::Found& found, Monotonic& until);
  Who nobody(const identity::Found& found) const;
  bool may_sign_in(const identity::Found& found) const;
  bool signs_in(const Question& question, const identity::Binding& binding);
  const Name* name_of(std::uint32_t uid) const;
  void find_name(std::uint32_t uid);
  void settle(const Ticket& ticket, Who who);
  void wake_at(Monotonic at);

  boost::asio::io_context& io_;
  SessionKeeper& keeper_;
  DeviceSignIns* device_;
  const SamlSignIns* saml_;
  MachineSignIns& machines_;
  Cgroups& cgroups_;
  Accounts& accounts_;
  std::chrono::seconds hold_;
  std::function<void(Ticket, Who)> reply_;
  std::list<Question> held_;
  std::map<std::uint32_t, std::optional<Name>> names_;  // no value: it is being looked up
  boost::asio::steady_timer timer_;
  std::optional<Monotonic> wake_at_;
  Counters counters_;
};

}  // namespace veilwire::agent_identity
