#include "agent/identity/question_desk.h"

#include "agent/host/clock.h"

#include <algorithm>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
namespace protocol = host::protocol;
using identity::Found;
using identity::Standing;
using std::chrono::milliseconds;

// Questions that are held at the same time (a process that opens connections without end).
constexpr std::size_t kMostHeld = 4096;
// For an IdP that is asked about a session, before the last word is given as an old one.
constexpr std::chrono::seconds kCheckHold{3};
// The same, before one that is too old for that: it counts for nothing where an answer may come.
constexpr std::chrono::seconds kStaleHold{12};
// For a machine that gets its token: three answers of an IdP.
constexpr std::chrono::seconds kMachineHold{6};
// For the name of an account that somebody has become, before the record shows its number.
constexpr std::chrono::seconds kNameHold{2};
constexpr std::chrono::minutes kNameKept{5};
constexpr std::size_t kMostNames = 4096;

}  // namespace

QuestionDesk::QuestionDesk(asio::io_context& io, SessionKeeper& keeper, DeviceSignIns* device,
                           const SamlSignIns* saml, MachineSignIns& machines, Cgroups& cgroups,
                           Accounts& accounts, std::chrono::seconds hold,
                           std::function<void(Ticket, Who)> reply)
    : io_(io),
      keeper_(keeper),
      device_(device),
      saml_(saml),
      machines_(machines),
      cgroups_(cgroups),
      accounts_(accounts),
      hold_(hold),
      reply_(std::move(reply)),
      timer_(io) {}

void QuestionDesk::ask(Ticket ticket, const identity::Peer& peer, bool at_once) {
  ++counters_.asked;
  const Monotonic now = host::now().mono;
  Question question{
      .ticket = ticket,
      .who = {peer, cgroups_.place_of(peer.cgroup_id, static_cast<pid_t>(peer.tgid), now)},
      .asked_at = now,
      .at_once = at_once};
  Monotonic until;
  if (auto who = answer(question, until)) return settle(ticket, *std::move(who));
  if (held_.size() >= kMostHeld) {
    ++counters_.too_many;
    return settle(ticket, protocol::NobodyKnown{
                              .reason = "too many questions about people are open on this host; "
                                        "try again in a moment"});
  }
  ++counters_.held;
  held_.push_back(std::move(question));
  wake_at(until);
}

std::optional<Who> QuestionDesk::answer(const Question& question, Monotonic& until) {
  const Now now = host::now();
  const auto wait = [&](std::chrono::nanoseconds most) {
    until = question.asked_at + most;
    return now.mono < until;
  };
  Found found = keeper_.find(question.who.peer, question.who.place);
  const bool stale = found.standing == Standing::Stale;
  if (stands(found.standing)) keeper_.used(found.binding);
  // While it is known to fail, the last word is given at once.
  const bool uncertain =
      (stale || found.standing == Standing::Cached) && !keeper_.idp_fails(*found.session);
  if (uncertain && wait(stale ? kStaleHold : kCheckHold)) return std::nullopt;
  if (stale && uncertain) return nobody(found);
  if (!stands(found.standing)) {
    if (Machine* const machine = keeper_.machine_of(question.who))
      return answer_for(*machine, question, found, until);
    if (may_sign_in(found) && signs_in(question, found.binding) && !question.at_once && wait(hold_))
      return std::nullopt;
    return nobody(found);
  }
  const identity::Peer& peer = question.who.peer;
  identity::Account running_as{.uid = peer.uid, .name = "", .groups = {}};
  if (found.person_class == identity::PersonClass::Derived) {
    const Name* const name = name_of(peer.uid);
    if (name == nullptr && wait(kNameHold)) {
      find_name(peer.uid);
      return std::nullopt;
    }
    if (name != nullptr) running_as.name = name->text;
  }
  protocol::KnownPerson known{
      .person = person_of(found, peer, &running_as),
      .valid_for = std::chrono::floor<milliseconds>(found.good_until - now.mono),
      .age = std::chrono::floor<milliseconds>(found.age)};
  known.person.inside_uid = inside_uid(peer);
  return known;
}

std::optional<Who> QuestionDesk::answer_for(Machine& machine, const Question& question,
                                            const Found& found, Monotonic& until) {
  if (found.fault || found.binding.kind == identity::BindingKind::Job) return nobody(found);
  const bool under_way = machines_.begin(question.who, found.binding, machine);
  until = question.asked_at + kMachineHold;
  if (under_way && host::now().mono < until) return std::nullopt;
  return protocol::NobodyKnown{.reason = machines_.reason(machine)};
}

// Behind a session that cannot be checked, the IdP answers no sign-in either; a job signs in with
// the next token of its build system.
bool QuestionDesk::may_sign_in(const Found& found) const {
  return (device_ != nullptr || saml_ != nullptr) && !found.fault &&
         found.standing != Standing::Stale && found.binding.kind != identity::BindingKind::Job;
}

// On another device, a sign-in can be begun from here; one in a browser begins with the person.
bool QuestionDesk::signs_in(const Question& question, const identity::Binding& binding) {
  if (saml_ != nullptr && saml_->waits(binding)) return true;
  return device_ != nullptr && device_->begin(question.who, binding).has_value();
}

Who QuestionDesk::nobody(const Found& found) const {
  protocol::NobodyKnown nobody{.reason = reason(found)};
  if (!may_sign_in(found)) return nobody;
  nobody.sign_in = true;
  const bool by_device = device_ != nullptr;
  const std::string* const failure =
      by_device ? device_->failure(found.binding, host::now().mono) : nullptr;
  if (const auto* const offer = by_device ? device_->offer(found.binding) : nullptr) {
    nobody.reason += ". Open " + (offer->complete.empty() ? offer->address : offer->complete) +
                     " and " + (offer->complete.empty() ? "type" : "confirm") + " the code " +
                     offer->code + ", then try again";
  } else if (failure != nullptr) {
    nobody.reason = *failure;
  } else {
    nobody.reason += ". Run `veilwire login`, then try again";
  }
  return nobody;
}

void QuestionDesk::look_again() {
  wake_at_.reset();
  timer_.cancel();
  for (auto at = held_.begin(); at != held_.end();) {
    Monotonic until;
    auto who = answer(*at, until);
    if (!who) {
      wake_at(until);
      ++at;
      continue;
    }
    const Ticket ticket = at->ticket;
    at = held_.erase(at);
    settle(ticket, *std::move(who));
  }
}

void QuestionDesk::forget(std::uint64_t connection) {
  held_.remove_if([&](const Question& q) { return q.ticket.connection == connection; });
}

void QuestionDesk::settle(const Ticket& ticket, Who who) {
  if (const auto* known = std::get_if<protocol::KnownPerson>(&who))
    ++(known->person.standing == Standing::Fresh    ? counters_.known
       : known->person.standing == Standing::Cached ? counters_.cached
                                                    : counters_.stale);
  else
    ++counters_.refused;
  reply_(ticket, std::move(who));
}

void QuestionDesk::wake_at(Monotonic at) {
  if (wake_at_ && *wake_at_ <= at) return;
  wake_at_ = at;
  timer_.expires_at(asio::steady_timer::time_point(at.since_start));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) look_again();
  });
}

const QuestionDesk::Name* QuestionDesk::name_of(std::uint32_t uid) const {
  const auto at = names_.find(uid);
  if (at == names_.end() || !at->second || at->second->until <= host::now().mono) return nullptr;
  return &*at->second;
}

void QuestionDesk::find_name(std::uint32_t uid) {
  const auto at = names_.find(uid);
  if (at != names_.end() && !at->second) return;
  if (names_.size() >= kMostNames) names_.clear();
  names_[uid].reset();
  asio::co_spawn(
      io_,
      [](QuestionDesk& self, std::uint32_t id) -> asio::awaitable<void> {
        const auto found = co_await self.accounts_.find(id);
        const bool has_name = found && *found;
        self.names_[id] =
            Name{has_name ? (*found)->name : std::string(), host::now().mono + kNameKept};
        self.look_again();
      }(*this, uid),
      asio::detached);
}

}  // namespace veilwire::agent_identity
