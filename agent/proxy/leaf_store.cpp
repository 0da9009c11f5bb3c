#include "agent/proxy/leaf_store.h"

#include "agent/host/protocol/signer.h"
#include "agent/proxy/clock.h"
#include "agent/proxy/local_channel.h"

#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include <boost/asio/steady_timer.hpp>

namespace veilwire::proxy {
namespace {

namespace asio = boost::asio;
namespace protocol = host::protocol;

// A signer that is restarted is back sooner, and clients give up a handshake after five to ten
// seconds.
constexpr std::chrono::seconds kPatience{4};
// No handshake may be shown a leaf that expires under it.
constexpr std::chrono::minutes kMargin{5};
// Names that policy intercepts are few; wildcards could make them many.
constexpr std::size_t kMostLeafs = 1024;

class Store final : public LeafStore, public std::enable_shared_from_this<Store> {
 public:
  Store(asio::io_context& io, const std::string& path, const crypto::PrivateKey& key,
        std::shared_ptr<wire::TicketKeys> tickets)
      : io_(io),
        key_(key),
        spki_(key.public_der()),
        tickets_(std::move(tickets)),
        channel_(io, "signer", path,
                 {.up = [this] { ask_again(); },
                  .down = nullptr,
                  .message = [this](std::string_view message, auto&) { answered(message); }}) {}

  void get(const std::string& name, Callback callback) override {
    if (const auto found = leafs_.find(name); found != leafs_.end()) {
      if (found->second.not_after.since_epoch - now().wall.since_epoch > kMargin)
        return callback(found->second.context);
      leafs_.erase(found);
    }
    for (auto& [id, question] : open_)
      if (question.name == name) return question.waiting.push_back(std::move(callback));
    const std::uint64_t id = ++last_id_;
    Question& question = open_[id];
    question.name = name;
    question.waiting.push_back(std::move(callback));
    question.limit = std::make_unique<asio::steady_timer>(io_, kPatience);
    question.limit->async_wait([weak = weak_from_this(), id](const boost::system::error_code& e) {
      if (const auto self = weak.lock(); self && !e)
        self->settle(id, Unexpected{std::string("the signer does not answer")});
    });
    ask(id, name);
  }

  bool connected() const override { return channel_.is_up(); }

 private:
  struct Leaf {
    std::shared_ptr<const wire::TlsServerContext> context;
    WallTime not_after;
  };
  struct Question {
    std::string name;
    std::vector<Callback> waiting;
    std::unique_ptr<asio::steady_timer> limit;
  };

  void ask(std::uint64_t id, const std::string& name) {
    if (const auto message = protocol::encode(protocol::SignerRequest{id, name, spki_}))
      channel_.send(*message);
  }

  // A restarted signer has forgotten what it was asked.
  void ask_again() {
    for (const auto& [id, question] : open_) ask(id, question.name);
  }

  void answered(std::string_view message) {
    auto reply = protocol::decode_signer_reply(message);
    if (!reply) return channel_.restart();
    const auto question = open_.find(reply->id);
    if (question == open_.end()) return;
    if (reply->status != protocol::SignerStatus::Signed)
      return settle(reply->id, Unexpected{std::string(protocol::to_string(reply->status))});
    const std::string name = question->second.name;
    auto context = wire::TlsServerContext::make({.host = name,
                                                 .chain = std::move(reply->chain),
                                                 .key = &key_,
                                                 .alpn = {"http/1.1"},
                                                 .tickets = tickets_});
    if (!context)
      return settle(reply->id, Unexpected{std::string(wire::to_string(context.error()))});
    if (leafs_.size() >= kMostLeafs)
      leafs_.clear();  // they are asked for again; better than growing
    leafs_.insert_or_assign(name, Leaf{*context, reply->not_after});
    settle(reply->id, *context);
  }

  void settle(std::uint64_t id, const Answer& answer) {
    const auto found = open_.find(id);
    if (found == open_.end()) return;
    Question question = std::move(found->second);
    open_.erase(found);
    question.limit->cancel();
    for (Callback& callback : question.waiting) callback(answer);
  }

  asio::io_context& io_;
  const crypto::PrivateKey& key_;
  std::string spki_;
  std::shared_ptr<wire::TicketKeys> tickets_;
  std::map<std::string, Leaf> leafs_;
  std::map<std::uint64_t, Question> open_;
  std::uint64_t last_id_ = 0;
  LocalChannel channel_;
};

}  // namespace

std::shared_ptr<LeafStore> make_leaf_store(asio::io_context& io, const std::string& signer_socket,
                                           const crypto::PrivateKey& key,
                                           std::shared_ptr<wire::TicketKeys> tickets) {
  return std::make_shared<Store>(io, signer_socket, key, std::move(tickets));
}

}  // namespace veilwire::proxy
