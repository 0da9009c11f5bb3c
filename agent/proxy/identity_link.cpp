#include "agent/proxy/identity_link.h"

#include "agent/host/protocol/identity.h"
#include "agent/proxy/clock.h"
#include "agent/proxy/local_channel.h"

#include <chrono>
#include <compare>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/asio/steady_timer.hpp>

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

}  // namespace

class IdentityLink::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, const std::string& path)
      : io_(io),
        channel_(io, "identity", path,
                 {.up = [this] { ask_again(); },
                  .down = nullptr,
                  .message = [this](std::string_view message, auto&) { answered(message); }}) {}

  void ask(const identity::Peer& peer, Callback callback) {
    const Key key = key_of(peer);
    const Now time = now();
    if (const auto known = known_.find(key); known != known_.end()) {
      if (known->second.valid_until > time.mono) return callback(known->second);
      known_.erase(known);
    }
    for (auto& [id, question] : open_) {
      if (question.key == key) return question.waiting.push_back(std::move(callback));
    }
    const std::uint64_t id = ++last_id_;
    Question& question = open_[id];
    question.key = key;
    question.peer = peer;
    question.waiting.push_back(std::move(callback));
    question.limit = std::make_unique<asio::steady_timer>(io_, kPatience);
    question.limit->async_wait([weak = weak_from_this(), id](const boost::system::error_code& e) {
      if (const auto self = weak.lock(); self && !e)
        self->settle(id, Unexpected{std::string(kSilent)});
    });
    channel_.send(protocol::encode(protocol::IdentityQuestion{id, peer}));
  }

  bool connected() const { return channel_.is_up(); }

 private:
  struct Question {
    Key key;
    identity::Peer peer;
    std::vector<Callback> waiting;
    std::unique_ptr<asio::steady_timer> limit;
  };

  // A restarted program has forgotten what it was asked.
  void ask_again() {
    for (const auto& [id, question] : open_)
      channel_.send(protocol::encode(protocol::IdentityQuestion{id, question.peer}));
  }

  void answered(std::string_view message) {
    auto answer = protocol::decode_identity_answer(message, now().mono);
    if (!answer) return channel_.restart();
    if (auto* known = std::get_if<protocol::KnownPerson>(&answer->who)) {
      settle(answer->id, std::move(known->person));
    } else {
      settle(answer->id, Unexpected{std::get<protocol::NobodyKnown>(answer->who).reason});
    }
  }

  void settle(std::uint64_t id, const Answer& answer) {
    const auto found = open_.find(id);
    if (found == open_.end()) return;
    Question question = std::move(found->second);
    open_.erase(found);
    question.limit->cancel();
    if (answer) {
      if (known_.size() >= kMostKept)
        known_.clear();  // they are asked for again; better than growing
      known_.insert_or_assign(question.key, *answer);
    }
    for (Callback& callback : question.waiting) callback(answer);
  }

  asio::io_context& io_;
  std::map<Key, identity::Person> known_;
  std::map<std::uint64_t, Question> open_;
  std::uint64_t last_id_ = 0;
  LocalChannel channel_;
};

IdentityLink::IdentityLink(asio::io_context& io, std::string socket_path)
    : impl_(std::make_shared<Impl>(io, socket_path)) {}
IdentityLink::~IdentityLink() = default;
void IdentityLink::ask(const identity::Peer& peer, Callback callback) {
  impl_->ask(peer, std::move(callback));
}
bool IdentityLink::connected() const { return impl_->connected(); }

}  // namespace veilwire::proxy
