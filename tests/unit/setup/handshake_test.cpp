#include "agent/setup/handshake.h"

#include "agent/host/unique_fd.h"
#include "userspace/crypto/owned.h"
#include "userspace/crypto/private_key.h"
#include "userspace/wire/leaf_cert.h"

#include <chrono>
#include <csignal>
#include <functional>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

namespace veilwire::setup {
namespace {

using crypto::Owned;
using namespace std::chrono_literals;
using Seen = Handshake::Seen;

WallTime from_now(std::chrono::nanoseconds much) {
  return {std::chrono::system_clock::now().time_since_epoch() + much};
}

wire::NewCa make_authority() {
  wire::CaParameters p;
  p.label = "test";
  p.hosts = {"example.com"};
  p.not_before = from_now(-1h);
  p.not_after = from_now(1h);
  p.serial = "12345678";
  return std::move(wire::make_ca(p)).value();
}

// Takes one connection on loopback, and does with it what the test says.
class Server {
 public:
  explicit Server(std::function<void(int)> work)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_.get(), plain, size) != 0 || ::listen(listener_.get(), 1) != 0 ||
        ::getsockname(listener_.get(), plain, &size) != 0)
      ADD_FAILURE();
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, work = std::move(work)] {
      const host::UniqueFd client(::accept(listener_.get(), nullptr, nullptr));
      if (client) work(client.get());
    });
  }
  ~Server() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  HandshakeWith at(const std::string& name) const { return {name, "127.0.0.1", port_}; }

 private:
  host::UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

// As the agent answers: a leaf for one name, by this authority.
std::function<void(int)> answers_as(const wire::NewCa& made, const std::string& name) {
  return [&made, name](int client) {
    const auto authority =
        wire::CertificateAuthority::load(made.certificate_pem, made.key_pem.reveal());
    const crypto::PrivateKey key = crypto::PrivateKey::generate();
    const std::string spki = key.public_der();
    const auto leaf =
        authority->make_leaf({name, spki, from_now(-1h), from_now(30min), "12345678"});
    const auto* der = reinterpret_cast<const unsigned char*>(leaf->der.data());
    const Owned<X509, X509_free> certificate(
        d2i_X509(nullptr, &der, static_cast<long>(leaf->der.size())));
    const Owned<SSL_CTX, SSL_CTX_free> context(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_use_certificate(context.get(), certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), key.handle());
    const Owned<SSL, SSL_free> tls(SSL_new(context.get()));
    SSL_set_fd(tls.get(), client);
    SSL_accept(tls.get());
  };
}

TEST(Handshake, TellsTheAgentFromSomebodyElse) {
  ::signal(SIGPIPE, SIG_IGN);
  const wire::NewCa ours = make_authority(), theirs = make_authority();
  const auto seen = [&](const wire::NewCa& answering, const std::string& name) {
    const Server server(answers_as(answering, name));
    return try_handshake(server.at("api.example.com"), ours.certificate_pem, 5s);
  };
  EXPECT_EQ(seen(ours, "api.example.com").seen, Seen::Agent);
  EXPECT_EQ(seen(ours, "www.example.com").seen, Seen::Other);
  const Handshake past = seen(theirs, "api.example.com");
  EXPECT_EQ(past.seen, Seen::Other);
  EXPECT_NE(past.detail.find("O=veilwire"), std::string::npos) << past.detail;
}

TEST(Handshake, WhatIsNoHandshakeIsNobodys) {
  ::signal(SIGPIPE, SIG_IGN);
  const wire::NewCa ours = make_authority();
  {
    const Server server([](int client) {
      const std::string text = "HTTP/1.1 400 Bad Request\r\n\r\n";
      EXPECT_GT(::write(client, text.data(), text.size()), 0);
    });
    const Handshake plain = try_handshake(server.at("api.example.com"), ours.certificate_pem, 5s);
    EXPECT_EQ(plain.seen, Seen::Nothing);
    EXPECT_NE(plain.detail, "");
  }
  {
    const Server server([](int client) {
      char byte = 0;
      while (::read(client, &byte, 1) == 1) {
      }
    });
    const Handshake silent =
        try_handshake(server.at("api.example.com"), ours.certificate_pem, 100ms);
    EXPECT_EQ(silent.seen, Seen::Nothing);
    EXPECT_EQ(silent.detail, "no answer in time");
  }
  HandshakeWith nobody;
  {
    const Server server([](int) {});
    nobody = server.at("api.example.com");
  }
  EXPECT_EQ(try_handshake(nobody, ours.certificate_pem, 5s).detail, "Connection refused");
  nobody.node = "no-such-host.invalid";
  EXPECT_EQ(try_handshake(nobody, ours.certificate_pem, 5s).seen, Seen::Nothing);
}

}  // namespace
}  // namespace veilwire::setup
