// The benchmark's upstream: TLS, HTTP/1.1 with connections that are kept, answers in the form of
// the Messages API, each event in a write (and so a TLS record) of its own, as providers do. One
// thread.
//
//   bench_upstream CERTIFICATE KEY ADDRESS:PORT
//
// Prints "ready" when it listens. Run by tests/bench/run.

#include "tests/bench/exchange.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/buffer.hpp>
#include <boost/asio/completion_condition.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

namespace veilwire::bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, asio::ssl::context& tls)
      : timer_(socket.get_executor()), stream_(std::move(socket), tls) {}

  void start() {
    error_code ignored;
    stream_.next_layer().set_option(tcp::no_delay(true), ignored);
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [self = shared_from_this()](error_code e) {
                              if (!e) self->read_head();
                            });
  }

 private:
  void read_head() {
    asio::async_read_until(stream_, asio::dynamic_buffer(input_), "\r\n\r\n",
                           [self = shared_from_this()](error_code e, std::size_t size) {
                             if (!e) self->read_body(size);
                           });
  }

  void read_body(std::size_t head_size) {
    const std::string_view head = std::string_view(input_).substr(0, head_size);
    const auto order = Order::from_head(head);
    if (!order) return;  // not our client
    order_ = *order;
    const std::size_t whole = head_size + content_length(head);
    if (input_.size() >= whole) return answer(whole);
    asio::async_read(stream_, asio::dynamic_buffer(input_),
                     asio::transfer_exactly(whole - input_.size()),
                     [self = shared_from_this(), whole](error_code e, std::size_t) {
                       if (!e) self->answer(whole);
                     });
  }

  void answer(std::size_t request_size) {
    input_.erase(0, request_size);
    output_.clear();
    if (order_.events == 0) {
      const std::string body = json_body(order_.json_bytes);
      output_ =
          "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nrequest-id: "
          "req_bench\r\ncontent-length: " +
          std::to_string(body.size()) + "\r\n\r\n" + body;
      return write([](Session& self) { self.read_head(); });
    }
    next_ = 0;
    begun_ = std::chrono::steady_clock::now();
    append_stream_begin(output_);
    write([](Session& self) { self.next_event(); });
  }

  void next_event() {
    if (order_.interval_us == 0 || next_ == order_.events) return write_event();
    const auto due = begun_ + std::chrono::microseconds(order_.interval_us * next_);
    if (due <= std::chrono::steady_clock::now()) return write_event();
    timer_.expires_at(due);
    timer_.async_wait([self = shared_from_this()](error_code e) {
      if (!e) self->write_event();
    });
  }

  void write_event() {
    output_.clear();
    if (next_ == order_.events) {
      append_stream_end(order_.events, output_);
      return write([](Session& self) { self.read_head(); });
    }
    append_stream_event(next_++, clock_ns(), output_);
    write([](Session& self) { self.next_event(); });
  }

  template <class Next>
  void write(Next next) {
    asio::async_write(stream_, asio::buffer(output_),
                      [self = shared_from_this(), next](error_code e, std::size_t) {
                        if (!e) next(*self);
                      });
  }

  asio::steady_timer timer_;
  asio::ssl::stream<tcp::socket> stream_;
  std::string input_, output_;
  Order order_;
  std::size_t next_ = 0;
  std::chrono::steady_clock::time_point begun_;
};

void accept(tcp::acceptor& acceptor, asio::ssl::context& tls) {
  acceptor.async_accept([&](error_code e, tcp::socket socket) {
    if (!e) std::make_shared<Session>(std::move(socket), tls)->start();
    accept(acceptor, tls);
  });
}

void serve(const std::string& certificate, const std::string& key, const std::string& endpoint) {
  asio::ssl::context tls(asio::ssl::context::tls_server);
  tls.use_certificate_chain_file(certificate);
  tls.use_private_key_file(key, asio::ssl::context::pem);
  const std::size_t colon = endpoint.rfind(':');
  asio::io_context io(1);
  tcp::acceptor acceptor(io, {asio::ip::make_address(endpoint.substr(0, colon)),
                              static_cast<unsigned short>(std::stoi(endpoint.substr(colon + 1)))});
  acceptor.listen(4096);
  accept(acceptor, tls);
  std::puts("ready");
  std::fflush(stdout);
  io.run();
}

}  // namespace
}  // namespace veilwire::bench

int main(int count, char** words) {
  if (count != 4) {
    std::fputs("usage: bench_upstream CERTIFICATE KEY ADDRESS:PORT\n", stderr);
    return 2;
  }
  try {
    veilwire::bench::serve(words[1], words[2], words[3]);
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "bench_upstream: %s\n", fault.what());
    return 1;
  }
}
