#include "agent/proxy/identity_link.h"

#include "agent/host/clock.h"
#include "agent/host/protocol/identity.h"
#include "agent/proxy/questions.h"

#include <chrono>
#include <compare>
#include <map>
#include <tuple>
#include <utility>
#include <variant>

namespace veilwire::proxy {
namespace {

namespace asio = boost::asio;
namespace protocol = host::protocol;

constexpr std::chrono::seconds kPatience{5};
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
  friend bool operator==(const Subject& a, const Subject& b) {
    return key_of(a.peer) == key_of(b.peer);
  }
};

}  // namespace

class IdentityLink::Impl {
 public:
  Impl(asio::io_context& io, const std::string& path)
      : questions_(io, "identity", path,
                   {.encode =
                        [](std::uint64_t id, const Subject& subject) {
                          return protocol::encode(protocol::IdentityQuestion{id, subject.peer});
                        },
                    .answered = [this](std::string_view message) { return answered(message); },
                    .patience = kPatience,
                    .silence = Unexpected{Nobody{kSilent, true}}}) {}

  void ask(const identity::Peer& peer, Callback callback) {
    if (const auto known = known_.find(key_of(peer)); known != known_.end()) {
      if (known->second.valid_until > host::now().mono) return callback(known->second);
      known_.erase(known);
    }
    questions_.ask({peer}, std::move(callback));
  }

  bool connected() const { return questions_.connected(); }

 private:
  bool answered(std::string_view message) {
    auto word = protocol::decode_identity_word(message, host::now().mono);
    if (!word) return false;
    const auto* answer = std::get_if<protocol::IdentityAnswer>(&*word);
    if (answer == nullptr) {
      known_.clear();
      return true;
    }
    const Subject* subject = questions_.subject(answer->id);
    if (subject == nullptr) return true;
    if (const auto* nobody = std::get_if<protocol::NobodyKnown>(&answer->who)) {
      questions_.settle(answer->id, Unexpected{Nobody{nobody->reason, false}});
      return true;
    }
    if (known_.size() >= kMostKept)
      known_.clear();  // they are asked for again; better than growing
    const auto& person = std::get<protocol::KnownPerson>(answer->who).person;
    known_.insert_or_assign(key_of(subject->peer), person);
    questions_.settle(answer->id, person);
    return true;
  }

  std::map<Key, identity::Person> known_;
  Questions<Subject, Answer> questions_;
};

IdentityLink::IdentityLink(asio::io_context& io, std::string socket_path)
    : impl_(std::make_unique<Impl>(io, socket_path)) {}
IdentityLink::~IdentityLink() = default;
void IdentityLink::ask(const identity::Peer& peer, Callback callback) {
  impl_->ask(peer, std::move(callback));
}
bool IdentityLink::connected() const { return impl_->connected(); }

}  // namespace veilwire::proxy
