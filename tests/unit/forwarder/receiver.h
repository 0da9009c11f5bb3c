// A receiver on loopback that does what a test says: takes one connection after the other and gives
// each to a function, in a thread of its own. TLS is plain OpenSSL's, so that sinks meet another
// end than ours.
#pragma once

#include "agent/host/unique_fd.h"

#include <atomic>
#include <csignal>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

namespace veilwire::forwarder::testing {

class Stream {
 public:
  Stream(int fd, SSL_CTX* tls) : fd_(fd), ssl_(tls == nullptr ? nullptr : SSL_new(tls)) {
    if (ssl_) SSL_set_fd(ssl_.get(), fd);
    open_ = !ssl_ || SSL_accept(ssl_.get()) == 1;
  }
  bool open() const { return open_; }
  // Appends what comes next; false: the sender has ended.
  bool read(std::string& out) {
    char piece[16384];
    const auto n = ssl_ ? SSL_read(ssl_.get(), piece, sizeof piece)
                        : static_cast<int>(::recv(fd_, piece, sizeof piece, 0));
    if (n > 0) out.append(piece, static_cast<std::size_t>(n));
    return n > 0;
  }
  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ssl_ ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                          : static_cast<int>(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  // close_notify, where there is TLS.
  void say_goodbye() {
    if (ssl_) SSL_shutdown(ssl_.get());
  }
  // The connection ends with a reset instead of an end.
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

 private:
  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  int fd_;
  std::unique_ptr<SSL, Free> ssl_;
  bool open_ = false;
};

class Receiver {
 public:
  struct Tls {
    std::string certificate, key;  // files
    std::string clients;           // of the authority whose certificate a sender must show
  };
  using Serve = std::function<void(Stream&)>;

  explicit Receiver(Serve serve, std::optional<Tls> tls = {})
      : serve_(std::move(serve)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    // OpenSSL writes to a sender that has gone, too.
    std::signal(SIGPIPE, SIG_IGN);
    if (tls) make_tls(*tls);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_.get(), any, size) != 0 || ::listen(listener_.get(), 16) != 0 ||
        ::getsockname(listener_.get(), any, &size) != 0)
      throw std::runtime_error("no port on loopback");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Receiver() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    const int fd = serving_.exchange(-2);
    if (fd >= 0) ::shutdown(fd, SHUT_RDWR);
    thread_.join();
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  void make_tls(const Tls& tls) {
    tls_.reset(SSL_CTX_new(TLS_server_method()));
    if (SSL_CTX_use_certificate_chain_file(tls_.get(), tls.certificate.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls_.get(), tls.key.c_str(), SSL_FILETYPE_PEM) != 1)
      throw std::runtime_error("no certificate in " + tls.certificate);
    if (tls.clients.empty()) return;
    if (SSL_CTX_load_verify_locations(tls_.get(), tls.clients.c_str(), nullptr) != 1)
      throw std::runtime_error("no certificate in " + tls.clients);
    SSL_CTX_set_verify(tls_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  void run() {
    while (true) {
      const host::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!fd) return;
      int idle = -1;
      if (!serving_.compare_exchange_strong(idle, fd.get())) return;
      {
        Stream stream(fd.get(), tls_.get());
        if (stream.open()) serve_(stream);
      }
      int ours = fd.get();
      if (!serving_.compare_exchange_strong(ours, -1)) return;
    }
  }

  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  Serve serve_;
  host::UniqueFd listener_;
  std::unique_ptr<SSL_CTX, Free> tls_;
  std::atomic<int> serving_ = -1;  // the connection; -2: no more
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace veilwire::forwarder::testing
