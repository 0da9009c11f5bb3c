// HTTP/1.1 (RFC 9112) over TLS with certificates on both sides, or plain on a loopback address:
// reads requests within their bounds and lets a few threads answer them, which may block. One
// thread does everything else. Tested by tests/witness.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::witness {

struct TlsFiles {
  std::string certificate_pem;  // with what leads to its root
  std::string key_pem;
  std::string client_ca_pem;  // who vouches for clients
};

struct Asked {
  std::string client;  // of its certificate; "loopback" without TLS
  std::string method, target, content_type;
  std::string body;
};

struct Answered {
  int status = 500;
  std::string content_type;
  std::string body;
  std::optional<std::chrono::seconds> retry_after;
};

struct HttpsServerOptions {
  std::string address;
  std::uint16_t port = 0;  // 0: any that is free
  std::optional<TlsFiles> tls;
  int threads = 4;  // that answer
  std::size_t most_body = 0;
};

class HttpsServer {
 public:
  // answer: from any of the threads. Binds. Throws std::exception that says what is wrong.
  HttpsServer(const HttpsServerOptions& options, std::function<Answered(const Asked&)> answer);
  ~HttpsServer();
  HttpsServer(const HttpsServer&) = delete;
  HttpsServer& operator=(const HttpsServer&) = delete;

  std::uint16_t port() const;
  // Until `stop` becomes readable; returns when no thread answers any more. Requests on their way
  // are cut: who asked asks again.
  void run(int stop);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veilwire::witness
