// Whole sessions on sockets, TLS on both sides, with programs of a test's own that say who it is
// and what the credential is: what the upstream sees, and where else it can be found.
#include "agent/host/clock.h"
#include "agent/host/local_socket.h"
#include "agent/host/protocol/credentials.h"
#include "agent/host/protocol/identity.h"
#include "agent/proxy/session.h"
#include "tests/unit/flow/relay_fixture.h"
#include "tests/unit/recorder/running_service.h"
#include "tests/unit/tls/tls_harness.h"

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace veilwire::proxy {
namespace {

namespace asio = boost::asio;
namespace protocol = host::protocol;
using asio::ip::tcp;
using boost::system::error_code;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Of this host's own tables: no test asks a name server.
const std::string kName = "localhost";
constexpr std::string_view kValue = "sk-ant-of-the-organisation";
constexpr std::string_view kOwn = "sk-ant-of-a-client";

// wire::testing::Credentials by the clock that sessions go by.
struct Authority {
  static WallTime at(std::chrono::seconds ahead) { return {host::now().wall.since_epoch + ahead}; }

  std::shared_ptr<const wire::TlsServerContext> server() const {
    wire::TlsServerParameters p;
    p.host = kName;
    p.chain = {ca.make_leaf({kName, key.public_der(), at(-std::chrono::hours(1)),
                             at(std::chrono::hours(24)), wire::testing::kTestSerial})
                   ->der};
    p.key = &key;
    p.tickets = tickets;
    return std::move(wire::TlsServerContext::make(p)).value();
  }
  std::shared_ptr<wire::TlsClientContext> client() const {
    wire::TlsClientParameters p;
    p.roots_pem = made.certificate_pem;
    return std::move(wire::TlsClientContext::make(p)).value();
  }

  wire::NewCa made = std::move(wire::make_ca({"t",
                                              {kName},
                                              at(-std::chrono::hours(240)),
                                              at(std::chrono::hours(2400)),
                                              wire::testing::kTestSerial}))
                         .value();
  wire::CertificateAuthority ca =
      std::move(wire::CertificateAuthority::load(made.certificate_pem, made.key_pem.reveal()))
          .value();
  crypto::PrivateKey key = crypto::PrivateKey::generate();
  std::shared_ptr<wire::TicketKeys> tickets =
      std::make_shared<wire::TicketKeys>(crypto::system_random(), host::now().mono);
};

class OneLeaf final : public LeafStore {
 public:
  explicit OneLeaf(std::shared_ptr<const wire::TlsServerContext> leaf) : leaf_(std::move(leaf)) {}
  void get(const std::string&, Callback callback) override { callback(leaf_); }
  bool connected() const override { return true; }

 private:
  std::shared_ptr<const wire::TlsServerContext> leaf_;
};

// A peer of the session on a socket.
struct End {
  tcp::socket socket;
  std::optional<wire::TlsEngine> tls = {};
  std::string got = {};

  void turn() {
    if (!tls) return;
    std::array<char, 4096> buffer{};
    error_code error;
    const std::size_t n = socket.read_some(asio::buffer(buffer), error);
    if (n > 0) tls->receive(std::string_view(buffer.data(), n));
    tls->take_plaintext(got);
    std::string out;
    tls->take_ciphertext(out);
    if (!out.empty()) asio::write(socket, asio::buffer(out), error);
  }
};

class SessionCredential : public testing::Test {
 protected:
  SessionCredential() {
    const std::uint16_t port = listener_.local_endpoint().port();
    ruleset_.set(flow::make_ruleset("ports = [" + std::to_string(port) + R"(]
[[host]]
name = "localhost"
speaks = "anthropic"
credential_required = true
[[host.credential]]
group = "staff"
use = "all-staff"
)"));
    recorder_.start();
    listener_.async_accept(upstream_.socket, [this](const error_code& e) {
      if (e) return;
      upstream_.socket.non_blocking(true);
      upstream_.tls.emplace(wire::TlsEngine::server(authority_.server()));
    });
    tcp::acceptor front(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    client_.socket.connect(front.local_endpoint());
    client_.socket.non_blocking(true);
    client_.tls.emplace(wire::TlsEngine::client(trust_, kName, host::now().wall));
    Origin origin;
    origin.destination = {"127.0.0.1", port};
    session_ = Session::start(services_, front.accept(), origin, "0123456789abcdef",
                              [this](const std::string&) { over_ = true; });
  }
  ~SessionCredential() override { recorder_.stop(); }

  // Runs everybody until that holds; the bound only ends a test that has failed.
  template <class Condition>
  bool run_until(Condition condition) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < limit) {
      io_.run_one_for(std::chrono::milliseconds(5));
      answer(identity_peer_, identity_listener_, [this](std::string_view message) {
        const auto asked = protocol::decode_identity_question(message);
        identity::Person ada;
        ada.issuer = "local", ada.subject = ada.name = "ada", ada.groups = {group_};
        return *protocol::encode(protocol::IdentityAnswer{
            asked->id, protocol::KnownPerson{ada, std::chrono::hours(1), {}}});
      });
      answer(holder_peer_, holder_listener_, [this](std::string_view message) {
        const auto asked = protocol::decode_credential_question(message);
        ++asked_;
        EXPECT_EQ(asked->name, "all-staff");
        if (!has_it_)
          return *protocol::encode(
              protocol::CredentialAnswer{asked->id, protocol::NoCredential{"no file"}});
        return *protocol::encode(protocol::CredentialAnswer{
            asked->id, protocol::KnownCredential{Secret(std::string(kValue)), {}}});
      });
      client_.turn();
      upstream_.turn();
    }
    return condition();
  }

  template <class Answer>
  static void answer(host::UniqueFd& peer, const host::UniqueFd& listener, Answer say) {
    if (peer.get() < 0) {
      if (auto accepted = host::accept_local(listener.get())) peer = std::move(accepted->fd);
      return;
    }
    if (!host::wait_readable(peer.get(), 0)) return;
    const auto message = host::receive_message(peer.get());
    if (!message || message->bytes.empty()) return;
    EXPECT_TRUE(host::send_message(peer.get(), say(message->bytes)));
  }

  void ask() {
    ASSERT_TRUE(run_until([this] { return client_.tls->state() == wire::TlsEngine::State::Open; }));
    ASSERT_TRUE(client_.tls->send(
        "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: " + std::string(kOwn) +
        "\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"));
  }
  // All that is on the recorder's disk.
  std::string ledger() const {
    std::stringstream all;
    for (const auto& file : std::filesystem::directory_iterator(folder_ / ""))
      if (file.is_regular_file()) all << std::ifstream(file.path(), std::ios::binary).rdbuf();
    return all.str();
  }
  // What was handed to the recorder is there soon.
  bool in_ledger(std::string_view words) const { return ledger().find(words) != std::string::npos; }
  // Nobody but the upstream has the one, and nobody the other.
  void expect_unseen() {
    EXPECT_THAT(client_.got, Not(HasSubstr(kValue)));
    EXPECT_THAT(upstream_.got, Not(HasSubstr(kOwn)));
    EXPECT_TRUE(run_until([this] { return in_ledger("request.head"); }));
    const std::string all = ledger();
    EXPECT_EQ(all.find(kValue), std::string::npos);
    EXPECT_EQ(all.find(kOwn), std::string::npos);
  }

  asio::io_context io_;
  recorder::TemporaryFolder folder_;
  recorder::RunningService service_{folder_ / "recorder",
                                    recorder::options_for(folder_ / "audit.db")};
  Authority authority_;
  std::shared_ptr<wire::TlsClientContext> trust_ = authority_.client();
  host::UniqueFd identity_listener_ = host::listen_local(folder_ / "identity", 0600);
  host::UniqueFd holder_listener_ = host::listen_local(folder_ / "holder", 0600);
  host::UniqueFd identity_peer_, holder_peer_;
  OneLeaf leafs_{authority_.server()};
  IdentityLink identity_{io_, folder_ / "identity"};
  CredentialsLink credentials_{io_, folder_ / "holder"};
  host::RecorderLink recorder_{io_, folder_ / "recorder", recorder::writer_id(1)};
  ActiveRuleset ruleset_;
  Counters counters_;
  std::shared_ptr<flow::MemoryBudget> budget_ =
      std::make_shared<flow::MemoryBudget>(std::size_t{64} << 20);
  std::vector<char> read_buffer_ = std::vector<char>(std::size_t{32} * 1024);
  Services services_{io_,    "host",   "boot",    leafs_,  identity_, credentials_, recorder_,
                     trust_, ruleset_, counters_, budget_, nullptr,   read_buffer_};
  tcp::acceptor listener_{io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  End client_{tcp::socket(io_)}, upstream_{tcp::socket(io_)};
  std::shared_ptr<Session> session_;
  std::string group_ = "staff";
  bool has_it_ = true;
  int asked_ = 0;
  bool over_ = false;
};

TEST_F(SessionCredential, TheUpstreamSeesItAtEachRequestAndNobodyElseDoes) {
  testing::internal::CaptureStderr();
  for (int request = 1; request <= 2; ++request) {
    upstream_.got.clear(), client_.got.clear();
    ask();
    ASSERT_TRUE(run_until([this] { return upstream_.got.ends_with("{}"); })) << client_.got;
    EXPECT_THAT(upstream_.got, HasSubstr("\r\nx-api-key: " + std::string(kValue) + "\r\n"));
    EXPECT_TRUE(upstream_.tls->send(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"));
    ASSERT_TRUE(run_until([this] { return client_.got.ends_with("{}"); }));
    EXPECT_EQ(asked_, request);  // what is good for no time is asked for again
  }
  const std::string log = testing::internal::GetCapturedStderr();
  for (const std::string_view secret : {kValue, kOwn}) EXPECT_THAT(log, Not(HasSubstr(secret)));
  EXPECT_TRUE(run_until([this] { return in_ledger("\"credential\":\"all-staff\""); }));
  expect_unseen();
}

TEST_F(SessionCredential, OneThatCannotBeHadRefusesTheRequest) {
  has_it_ = false;
  ask();
  ASSERT_TRUE(run_until([this] { return client_.got.ends_with("}"); }));
  EXPECT_THAT(client_.got, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(client_.got, HasSubstr("no file"));
  EXPECT_EQ(upstream_.got, "");
}

TEST_F(SessionCredential, WhoIsGivenNoneIsRefused) {
  group_ = "guests";
  ask();
  ASSERT_TRUE(run_until([this] { return client_.got.ends_with("}"); }));
  EXPECT_THAT(client_.got, StartsWith("HTTP/1.1 403 "));
  EXPECT_EQ(upstream_.got, "");
  EXPECT_EQ(asked_, 0);
}

}  // namespace
}  // namespace veilwire::proxy
