#include "agent/proxy/leaf_store.h"

#include "agent/host/clock.h"
#include "agent/host/protocol/signer.h"
#include "agent/proxy/questions.h"

#include <chrono>
#include <map>
#include <utility>

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

class Store final : public LeafStore {
 public:
  Store(asio::io_context& io, const std::string& path, const crypto::PrivateKey& key,
        std::shared_ptr<wire::TicketKeys> tickets)
      : key_(key),
        spki_(key.public_der()),
        tickets_(std::move(tickets)),
        questions_(io, "signer", path,
                   {.encode =
                        [this](std::uint64_t id, const std::string& name) {
                          return protocol::encode(protocol::SignerRequest{id, name, spki_});
                        },
                    .answered = [this](std::string_view message) { return answered(message); },
                    .patience = kPatience,
                    .silence = Unexpected{std::string("the signer does not answer")},
                    // It hangs up when another CA signs, and after a restart it may be so, too.
                    .up = [this] { leafs_.clear(); }}) {}

  void get(const std::string& name, Callback callback) override {
    if (const auto found = leafs_.find(name); found != leafs_.end()) {
      if (found->second.not_after.since_epoch - host::now().wall.since_epoch > kMargin)
        return callback(found->second.context);
      leafs_.erase(found);
    }
    questions_.ask(name, std::move(callback));
  }

  bool connected() const override { return questions_.connected(); }

 private:
  struct Leaf {
    std::shared_ptr<const wire::TlsServerContext> context;
    WallTime not_after;
  };

  bool answered(std::string_view message) {
    auto reply = protocol::decode_signer_reply(message);
    if (!reply) return false;
    if (const std::string* name = questions_.subject(reply->id))
      questions_.settle(reply->id, take(*name, std::move(*reply)));
    return true;
  }

  Answer take(const std::string& name, protocol::SignerReply reply) {
    if (reply.status != protocol::SignerStatus::Signed)
      return Unexpected{std::string(protocol::to_string(reply.status))};
    auto context = wire::TlsServerContext::make({.host = name,
                                                 .chain = std::move(reply.chain),
                                                 .key = &key_,
                                                 .alpn = {"http/1.1"},
                                                 .tickets = tickets_});
    if (!context) return Unexpected{std::string(wire::to_string(context.error()))};
    if (leafs_.size() >= kMostLeafs)
      leafs_.clear();  // they are asked for again; better than growing
    leafs_.insert_or_assign(name, Leaf{*context, reply.not_after});
    return *context;
  }

  const crypto::PrivateKey& key_;
  std::string spki_;
  std::shared_ptr<wire::TicketKeys> tickets_;
  std::map<std::string, Leaf> leafs_;
  Questions<std::string, Answer> questions_;
};

}  // namespace

std::shared_ptr<LeafStore> make_leaf_store(asio::io_context& io, const std::string& signer_socket,
                                           const crypto::PrivateKey& key,
                                           std::shared_ptr<wire::TicketKeys> tickets) {
  return std::make_shared<Store>(io, signer_socket, key, std::move(tickets));
}

}  // namespace veilwire::proxy
