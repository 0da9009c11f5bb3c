#include "agent/proxy/identity_link.h"

#include "agent/host/clock.h"
#include "agent/host/protocol/identity.h"
#include "agent/proxy/questions.h"
#include "userspace/identity/binding.h"

#include <algorithm>
#include <chrono>
#include <compare>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace veilwire::proxy {
namespace {

namespace asio = boost::asio;
namespace protocol = host::protocol;

constexpr std::chrono::seconds kPatience = protocol::kIdentityLongestHold + std::chrono::seconds(5);
constexpr std::chrono::seconds kPatienceWithout{5};
constexpr std::size_t kMostKept =
    4096;  // persons at work on one host at the same time, with a wide margin

constexpr const char* kSilent =
    "the program that knows who you are does not answer (veilwire-identity); try again, or tell "
    "your administrator";

// What an answer depends on: the login, not the single process.
using Key = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::uint64_t>;
Key key_of(const identity::Peer& peer) {
  return {peer.uid, peer.loginuid, peer.audit_session, peer.cgroup_id};
}

struct Subject {
  identity::Peer peer;
  bool at_once = false;
  friend bool operator==(const Subject& a, const Subject& b) {
    return key_of(a.peer) == key_of(b.peer) && a.at_once == b.at_once;
  }
};

}  // namespace

class IdentityLink::Impl {
 public:
  Impl(asio::io_context& io, const std::string& path, std::function<void(const Doubt&)> doubted)
      : doubted_(std::move(doubted)),
        questions_(io, "identity", path,
                   {.encode =
                        [](std::uint64_t id, const Subject& subject) {
                          return protocol::encode(
                              protocol::IdentityQuestion{id, subject.peer, subject.at_once});
                        },
                    .answered = [this](std::string_view message) { return heard(message); },
                    .patience = kPatience,
                    .silence = Unexpected{Nobody{.message = kSilent, .silent = true}},
                    .patience_without = kPatienceWithout,
                    .up =
                        [this] {
                          if (std::exchange(met_, true))
                            take_back([](const auto&) { return true; });
                        }}) {}

  void ask(const identity::Peer& peer, bool at_once, Callback callback) {
    if (const auto known = known_.find(key_of(peer)); known != known_.end()) {
      if (known->second.person.valid_until > host::now().mono)
        return callback(known->second.person);
      known_.erase(known);
    }
    questions_.ask({peer, at_once}, std::move(callback));
  }

  bool connected() const { return questions_.connected(); }

 private:
  struct Known {
    identity::Peer peer;
    identity::Person person;
  };

  bool heard(std::string_view message) {
    const auto word = protocol::decode_identity_word(message, host::now().mono);
    if (!word) return false;
    if (const auto* changed = std::get_if<protocol::IdentityChanged>(&*word))
      return changed_as(changed->bindings);
    const auto& answer = std::get<protocol::IdentityAnswer>(*word);
    const Subject* subject = questions_.subject(answer.id);
    if (subject == nullptr) return true;
    if (const auto* nobody = std::get_if<protocol::NobodyKnown>(&answer.who)) {
      questions_.settle(answer.id,
                        Unexpected{Nobody{.message = nobody->reason, .sign_in = nobody->sign_in}});
      return true;
    }
    if (known_.size() >= kMostKept)
      known_.clear();  // they are asked for again; better than growing
    const auto& person = std::get<protocol::KnownPerson>(answer.who).person;
    known_.insert_or_assign(key_of(subject->peer), Known{subject->peer, person});
    questions_.settle(answer.id, person);
    return true;
  }

  bool changed_as(const std::optional<std::vector<identity::Binding>>& bindings) {
    if (!bindings) return take_back([](const auto&) { return true; }), true;
    // One that is not well formed would be missed by those that fall under what it should have
    // been.
    if (!std::ranges::all_of(*bindings, identity::is_well_formed)) return false;
    take_back([&](const identity::Peer& peer) {
      return std::ranges::any_of(*bindings, [&](const identity::Binding& binding) {
        return identity::may_fall_under(peer, binding);
      });
    });
    return true;
  }

  void take_back(const Doubt& doubt) {
    std::erase_if(known_, [&](const auto& entry) { return doubt(entry.second.peer); });
    if (doubted_) doubted_(doubt);
  }

  std::function<void(const Doubt&)> doubted_;
  bool met_ = false;
  std::map<Key, Known> known_;
  Questions<Subject, Answer> questions_;
};

IdentityLink::IdentityLink(asio::io_context& io, std::string socket_path,
                           std::function<void(const Doubt&)> doubted)
    : impl_(std::make_unique<Impl>(io, socket_path, std::move(doubted))) {}
IdentityLink::~IdentityLink() = default;
void IdentityLink::ask(const identity::Peer& peer, bool at_once, Callback callback) {
  impl_->ask(peer, at_once, std::move(callback));
}
bool IdentityLink::connected() const { return impl_->connected(); }

}  // namespace veilwire::proxy
