#include "agent/identity/oidc_server.h"

#include "agent/host/clock.h"
#include "agent/host/limited_log.h"
#include "agent/host/log.h"
#include "agent/host/proxy_connections.h"
#include "agent/identity/event_poller.h"
#include "agent/identity/local_listener.h"
#include "agent/identity/people_desk.h"
#include "agent/identity/question_desk.h"

#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <unistd.h>

namespace veilwire::agent_identity {
namespace {

namespace asio = boost::asio;
namespace protocol = host::protocol;
using asio::posix::stream_descriptor;
using boost::system::error_code;

constexpr std::size_t kPeopleConnections = 1024, kPeopleOfUser = 32;
constexpr std::chrono::seconds kDirectoryPatience{10};
// For answers of the IdP that are on their way at the end. Below what a service manager waits.
constexpr std::chrono::seconds kLastWord{3};
constexpr std::chrono::milliseconds kStopTurn{20};

host::UniqueFd duplicate(int fd) { return host::UniqueFd(::dup(fd)); }

}  // namespace

class OidcServer::Impl {
 public:
  explicit Impl(OidcServerOptions options)
      : options_(std::move(options)),
        settings_(options_.settings),
        random_(crypto::system_random()),
        idp_(io_, needs_network(settings_) ? make_tls(settings_.roots, settings_.client) : nullptr,
             [] { return host::now().wall; }),
        issuer_(settings_.issuer ? std::make_unique<Issuer>(io_, idp_, *settings_.issuer,
                                                            settings_.idp_patience, random_)
                                 : nullptr),
        client_(issuer_ == nullptr
                    ? nullptr
                    : std::make_unique<ClientAtIdp>(io_, *issuer_, make_client(settings_.client),
                                                    settings_.client.constraint,
                                                    settings_.groups_claim, random_)),
        machines_(io_, idp_, settings_.machines, settings_.groups_claim, settings_.roots,
                  settings_.idp_patience, random_),
        accounts_(io_, kDirectoryPatience),
        cgroups_(cgroup2_mount().value_or("/sys/fs/cgroup")),
        sealer_(sealer_of(settings_.key_file, random_)),
        keeper_(io_,
                {.settings = settings_,
                 .idp = idp_,
                 .people = client_.get(),
                 .machines = machines_,
                 .accounts = accounts_,
                 .sealer = sealer_,
                 .store = SessionStore(settings_.state_file, sealer_, random_),
                 .boot = options_.boot,
                 .random = random_},
                {.changed = [this](const auto& bindings) { changed(bindings); },
                 .checked = [this](const auto&) { questions_.look_again(); }}),
        machine_sign_ins_(io_, keeper_, random_, [this] { questions_.look_again(); }),
        questions_(io_, keeper_, make_device(), make_saml(), machine_sign_ins_, cgroups_, accounts_,
                   settings_.hold,
                   [this](Ticket ticket, Who who) { reply(ticket, std::move(who)); }),
        desk_(io_,
              {.settings = settings_,
               .keeper = keeper_,
               .client = client_.get(),
               .device = device_.get(),
               .saml = saml_.get(),
               .cgroups = cgroups_,
               .accounts = accounts_,
               .random = random_},
              [this](auto id, std::string message) { people_->send(id, std::move(message)); }) {
    proxy_.emplace(io_, std::move(options_.listener),
                   LocalListener::Bounds{.connections = host::kProxyConnections,
                                         .of_user = host::kProxyConnections},
                   LocalListener::Events{
                       .opened = [this](auto, int, const auto& peer) { return admit(peer); },
                       .message = [this](auto id, auto message) { return question(id, message); },
                       .closed = [this](auto id) { questions_.forget(id); }});
    people_.emplace(
        io_, std::move(options_.people),
        LocalListener::Bounds{.connections = kPeopleConnections, .of_user = kPeopleOfUser},
        LocalListener::Events{
            .opened = [this](auto id, int fd,
                             const auto& peer) { return desk_.opened(id, fd, peer); },
            .message = [this](auto id, auto message) { return desk_.message(id, message); },
            .closed = [this](auto id) { desk_.closed(id); }});
    for (const TransmitterSettings& transmitter : settings_.transmitters)
      pollers_.push_back(
          std::make_unique<EventPoller>(io_, transmitter,
                                        EventPoller::Parts{.idp = idp_,
                                                           .keeper = keeper_,
                                                           .patience = settings_.idp_patience,
                                                           .random = random_}));
  }

  void run(int stop) {
    stream_descriptor stopped(io_, duplicate(stop).release());
    stopped.async_wait(stream_descriptor::wait_read, [this](const error_code&) {
      keeper_.stop_asking();
      stop_by_ = host::now().mono + kLastWord;
      stop_soon();
    });
    std::optional<stream_descriptor> status;
    if (options_.status) {
      status.emplace(io_, duplicate(options_.status->descriptor()).release());
      answer_status(*status);
    }
    io_.run();
    (void)keeper_.save();
  }

 private:
  void stop_soon() {
    if (!keeper_.asks() || stop_by_ <= host::now().mono) return io_.stop();
    stopping_.expires_after(kStopTurn);
    stopping_.async_wait([this](const error_code&) { stop_soon(); });
  }

  DeviceSignIns* make_device() {
    if (client_ == nullptr) return nullptr;
    device_ = std::make_unique<DeviceSignIns>(
        io_, keeper_, *client_, settings_, random_,
        DeviceSignIns::Events{.offered = [this](const auto& binding) { desk_.offered(binding); },
                              .ended =
                                  [this](const auto& binding, const auto& outcome) {
                                    desk_.ended(binding, outcome);
                                    questions_.look_again();
                                  }});
    return device_.get();
  }

  SamlSignIns* make_saml() {
    if (!settings_.saml) return nullptr;
    saml_ = std::make_unique<SamlSignIns>(io_, keeper_, settings_, random_,
                                          [this] { questions_.look_again(); });
    return saml_.get();
  }

  std::size_t sign_ins_open() const {
    return (device_ == nullptr ? 0 : device_->open()) + (saml_ == nullptr ? 0 : saml_->open());
  }

  bool admit(const host::Credentials& peer) {
    if (peer.uid == options_.proxy_uid) return true;
    ++refused_askers_;
    refusals_.warning("refused uid " + std::to_string(peer.uid) + ", process " +
                          std::to_string(peer.pid) + ": only the proxy is answered",
                      host::now().mono);
    return false;
  }

  bool question(LocalListener::ConnectionId connection, std::string_view message) {
    const auto question = protocol::decode_identity_question(message);
    if (!question) {
      host::log::warning(
          "a question that is not of this version's protocol: the proxy and veilwire-identity "
          "must be of one package");
      return false;
    }
    questions_.ask({connection, question->id}, question->peer, question->at_once);
    return true;
  }

  void reply(const Ticket& ticket, Who who) {
    auto message = protocol::encode(protocol::IdentityAnswer{ticket.question, std::move(who)});
    if (!message)
      message = protocol::encode(protocol::IdentityAnswer{
          ticket.question,
          protocol::NobodyKnown{.reason = "the groups of this person do not fit an answer"}});
    proxy_->send(ticket.connection, *std::move(message));
  }

  // Told before anything that is answered by what has changed.
  void changed(const std::optional<std::vector<identity::Binding>>& bindings) {
    if (bindings && bindings->empty()) return;
    const bool fits = bindings && bindings->size() <= protocol::kIdentityChanges;
    proxy_->send_all(protocol::encode(protocol::IdentityChanged{fits ? bindings : std::nullopt}));
    questions_.look_again();
  }

  void answer_status(stream_descriptor& status) {
    status.async_wait(stream_descriptor::wait_read, [this, &status](const error_code& error) {
      if (error) return;
      options_.status->answer([this] { return document(); });
      answer_status(status);
    });
  }

  // Seconds since 1970, of the session that expires first; 0: there is none.
  std::int64_t next_expiry() const {
    std::optional<WallTime> first;
    for (const auto& [binding, session] : keeper_.table().sessions())
      if (session.end == identity::SessionEnd::None && (!first || session.expires_at < *first))
        first = session.expires_at;
    return first ? std::chrono::floor<std::chrono::seconds>(first->since_epoch).count() : 0;
  }

  std::string document() const {
    const auto& q = questions_.counters();
    const auto& k = keeper_.counters();
    bool fails = keeper_.idp_fails();
    std::string transmitters;
    for (const auto& poller : pollers_) {
      fails = fails || poller->fails();
      transmitters += (transmitters.empty() ? "" : ",") + poller->status();
    }
    return std::string(R"({"program":"veilwire-identity","healthy":)") +
           (fails ? "false" : "true") + R"(,"source":")" + (settings_.saml ? "saml" : "oidc") +
           "\"" + protocol::status_member("connections", proxy_->connections()) +
           protocol::status_member("people", people_->connections()) +
           protocol::status_member("sessions", keeper_.table().sessions().size()) +
           protocol::status_member("next_expiry", next_expiry()) +
           protocol::status_member("asked", q.asked) + protocol::status_member("known", q.known) +
           protocol::status_member("cached", q.cached) + protocol::status_member("stale", q.stale) +
           protocol::status_member("refused", q.refused) +
           protocol::status_member("held", questions_.held()) +
           protocol::status_member("held_ever", q.held) +
           protocol::status_member("too_many", q.too_many) +
           protocol::status_member("sign_ins_open", sign_ins_open()) +
           protocol::status_member("sign_ins", k.sign_ins) +
           protocol::status_member("sign_ins_refused", k.refused) +
           protocol::status_member("checks", k.checks) +
           protocol::status_member("refreshes", k.refreshes) +
           protocol::status_member("idp_failures", k.failures) +
           protocol::status_member("ended", k.ended) +
           protocol::status_member("refused_askers", refused_askers_) + ",\"transmitters\":[" +
           transmitters + "]}";
  }

  asio::io_context io_{1};
  OidcServerOptions options_;
  const OidcSettings& settings_;
  crypto::RandomSource random_;
  IdpClient idp_;
  std::unique_ptr<Issuer> issuer_;
  std::unique_ptr<ClientAtIdp> client_;
  Machines machines_;
  Accounts accounts_;
  Cgroups cgroups_;
  crypto::Sealer sealer_;
  SessionKeeper keeper_;
  std::unique_ptr<DeviceSignIns> device_;
  std::unique_ptr<SamlSignIns> saml_;
  MachineSignIns machine_sign_ins_;
  QuestionDesk questions_;
  PeopleDesk desk_;
  std::optional<LocalListener> proxy_, people_;
  std::vector<std::unique_ptr<EventPoller>> pollers_;
  asio::steady_timer stopping_{io_};
  Monotonic stop_by_;
  std::uint64_t refused_askers_ = 0;
  host::LimitedLog refusals_;
};

OidcServer::OidcServer(OidcServerOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}
OidcServer::~OidcServer() = default;
void OidcServer::run(int stop) { impl_->run(stop); }

}  // namespace veilwire::agent_identity
