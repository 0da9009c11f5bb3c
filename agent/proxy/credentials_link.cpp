#include "agent/proxy/credentials_link.h"

#include "agent/host/clock.h"
#include "agent/host/protocol/credentials.h"
#include "agent/proxy/questions.h"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>

namespace veilwire::proxy {
namespace {

namespace asio = boost::asio;
namespace protocol = host::protocol;

// Longer than the longest time limit of a source.
constexpr std::chrono::seconds kPatience{32};
// Names of a policy, with a wide margin.
constexpr std::size_t kMostKept = 1024;

constexpr const char* kSilent =
    "the program that holds it does not answer (veilwire-credentials); try again, or tell your "
    "administrator";

struct Kept {
  std::shared_ptr<const Secret> value;
  Monotonic since, until;
};

}  // namespace

class CredentialsLink::Impl {
 public:
  Impl(asio::io_context& io, std::string path, std::chrono::milliseconds after_doubt)
      : io_(io), path_(std::move(path)), after_doubt_(after_doubt) {}

  void ask(const std::string& name, Callback callback) {
    if (const auto kept = kept_.find(name); kept != kept_.end()) {
      if (kept->second.until > host::now().mono) return callback(kept->second.value);
      kept_.erase(kept);
    }
    if (!questions_) connect();
    questions_->ask(name, std::move(callback));
  }

  void doubt(const std::string& name) {
    const auto kept = kept_.find(name);
    if (kept == kept_.end() || host::now().mono < kept->second.since + after_doubt_) return;
    kept_.erase(kept);
    doubted_.insert(name);
  }

 private:
  using Asked = Questions<std::string, Answer>;

  void connect() {
    questions_.emplace(
        io_, "credentials", path_,
        Asked::Dialogue{.encode =
                            [this](std::uint64_t id, const std::string& name) {
                              return protocol::encode(
                                  protocol::CredentialQuestion{id, name, doubted_.contains(name)});
                            },
                        .answered = [this](std::string_view bytes) { return answered(bytes); },
                        .patience = kPatience,
                        .silence = Unexpected<std::string>{kSilent}});
  }

  bool answered(std::string_view message) {
    auto answer = protocol::decode_credential_answer(message);
    if (!answer) return false;
    const std::string* name = questions_->subject(answer->id);
    if (name == nullptr) return true;
    if (const auto* none = std::get_if<protocol::NoCredential>(&answer->what)) {
      questions_->settle(answer->id, Unexpected{none->reason});
      return true;
    }
    auto& known = std::get<protocol::KnownCredential>(answer->what);
    auto value = std::make_shared<const Secret>(std::move(known.value));
    if (kept_.size() >= kMostKept) kept_.clear();  // they are asked for again
    const Monotonic now = host::now().mono;
    kept_.insert_or_assign(*name, Kept{value, now, now + known.valid_for});
    doubted_.erase(*name);
    questions_->settle(answer->id, value);
    return true;
  }

  asio::io_context& io_;
  std::string path_;
  std::chrono::milliseconds after_doubt_;
  std::map<std::string, Kept> kept_;
  std::set<std::string> doubted_;  // not asked for since
  std::optional<Asked> questions_;
};

CredentialsLink::CredentialsLink(asio::io_context& io, std::string socket_path,
                                 std::chrono::milliseconds after_doubt)
    : impl_(std::make_unique<Impl>(io, std::move(socket_path), after_doubt)) {}
CredentialsLink::~CredentialsLink() = default;
void CredentialsLink::ask(const std::string& name, Callback callback) {
  impl_->ask(name, std::move(callback));
}
void CredentialsLink::doubt(const std::string& name) { impl_->doubt(name); }

}  // namespace veilwire::proxy
