// The benchmark's client: some connections, each with requests one behind the other, every answer
// checked byte by byte. One thread. See --help; run by tests/bench/run.
//
// It says "ready" when its connections are open and each has had a short answer, begins at a line
// on its standard input, prints one JSON object when all is done, and keeps the connections until
// its input ends: so the caller can look at a relay's processor time and memory in each of these
// states.

#include "tests/bench/answer_reader.h"
#include "tests/bench/exchange.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <sys/resource.h>

namespace veilwire::bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

struct Settings {
  std::string address = "192.0.2.10";
  unsigned short port = 443;
  std::string host = "api.anthropic.com";
  std::string authority;
  std::size_t connections = 1;
  std::size_t requests = 1;  // of each connection
  double seconds = 0;        // instead: as many as fit
  bool fresh = false;        // a connection for each request
  std::size_t request_bytes = 1000;
  Order order{.events = 20};
};

struct Report {
  std::vector<double> first_us;    // to the first delta (or byte of a JSON answer)
  std::vector<double> whole_us;    // to the end of the answer
  std::vector<double> latency_us;  // of single deltas
  std::size_t events = 0;
  std::size_t answers = 0;
  std::vector<std::string> faults;
};

double microseconds(std::uint64_t begin_ns, std::uint64_t end_ns) {
  return static_cast<double>(end_ns - begin_ns) / 1e3;
}

// A slot in which one request runs at a time, over one connection or over one each.
class Slot : public std::enable_shared_from_this<Slot> {
 public:
  using Then = std::function<void()>;

  Slot(asio::io_context& io, asio::ssl::context& tls, const Settings& settings, Report& report)
      : io_(io),
        tls_(tls),
        settings_(settings),
        report_(report),
        timer_(io),
        request_(request(settings.host, settings.order, settings.request_bytes)) {}

  // Connects and gets a short answer, of which nothing is reported.
  void warm_up(Then then) {
    if (settings_.fresh) return then();
    then_ = std::move(then);
    const Order brief{.events = 1};
    connect([this, brief] { ask(brief, request(settings_.host, brief, 200), nullptr); });
  }

  // until_ns: 0, or when no further request may begin.
  void run(std::chrono::microseconds delay, std::uint64_t until_ns, Then then) {
    then_ = std::move(then);
    until_ns_ = until_ns;
    timer_.expires_after(delay);
    timer_.async_wait([self = shared_from_this()](error_code) { self->next(); });
  }

 private:
  void next() {
    const bool over = until_ns_ != 0 ? clock_ns() >= until_ns_ : asked_ == settings_.requests;
    if (over) return std::exchange(then_, nullptr)();
    ++asked_;
    begun_ns_ = clock_ns();
    const auto go = [this] { ask(settings_.order, request_, &report_); };
    if (settings_.fresh || !stream_) return connect(go);
    go();
  }

  void connect(Then connected) {
    stream_.emplace(io_, tls_);
    // What SSL_set_tlsext_host_name() stands for, without its C cast.
    SSL_ctrl(stream_->native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(settings_.host.c_str()));
    stream_->set_verify_callback(asio::ssl::host_name_verification(settings_.host));
    const tcp::endpoint endpoint(asio::ip::make_address(settings_.address), settings_.port);
    stream_->next_layer().async_connect(
        endpoint, [self = shared_from_this(), connected](error_code e) {
          if (e) return self->fail("connect: " + e.message());
          error_code ignored;
          self->stream_->next_layer().set_option(tcp::no_delay(true), ignored);
          self->stream_->async_handshake(asio::ssl::stream_base::client,
                                         [self, connected](error_code e2) {
                                           if (e2) return self->fail("handshake: " + e2.message());
                                           connected();
                                         });
        });
  }

  void ask(const Order& order, const std::string& text, Report* report) {
    if (!settings_.fresh) begun_ns_ = clock_ns();
    sending_ = text;
    reader_.emplace(order);
    asio::async_write(*stream_, asio::buffer(sending_),
                      [self = shared_from_this(), report](error_code e, std::size_t) {
                        if (e) return self->fail("write: " + e.message());
                        self->read(report);
                      });
  }

  void read(Report* report) {
    stream_->async_read_some(asio::buffer(buffer_),
                             [self = shared_from_this(), report](error_code e, std::size_t n) {
                               if (e) return self->fail("read: " + e.message());
                               self->reader_->feed({self->buffer_.data(), n}, clock_ns());
                               if (!self->reader_->done()) return self->read(report);
                               self->answered(report);
                             });
  }

  void answered(Report* report) {
    if (!reader_->fault().empty()) return fail(reader_->fault());
    if (reader_->closes()) stream_.reset();
    if (report == nullptr) return std::exchange(then_, nullptr)();
    ++report->answers;
    report->events += reader_->events();
    report->first_us.push_back(microseconds(begun_ns_, reader_->first_delta_ns()));
    report->whole_us.push_back(microseconds(begun_ns_, clock_ns()));
    // A run at full speed only measures how long its queues are.
    if (settings_.order.interval_us != 0)
      for (const std::uint64_t ns : reader_->latencies_ns())
        report->latency_us.push_back(static_cast<double>(ns) / 1e3);
    if (settings_.fresh) stream_.reset();
    next();
  }

  void fail(const std::string& why) {
    report_.faults.push_back(why);
    stream_.reset();
    if (then_) std::exchange(then_, nullptr)();
  }

  asio::io_context& io_;
  asio::ssl::context& tls_;
  const Settings& settings_;
  Report& report_;
  asio::steady_timer timer_;
  const std::string request_;
  std::string sending_;
  std::optional<asio::ssl::stream<tcp::socket>> stream_;
  std::optional<AnswerReader> reader_;
  std::vector<char> buffer_ = std::vector<char>(32 * 1024);
  std::size_t asked_ = 0;
  std::uint64_t begun_ns_ = 0, until_ns_ = 0;
  Then then_;
};

double processor_us() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

void print(const char* name, const std::vector<double>& values) {
  std::printf("\"%s\":[", name);
  for (std::size_t i = 0; i < values.size(); ++i) std::printf(i == 0 ? "%.1f" : ",%.1f", values[i]);
  std::printf("],");
}

// False when the caller has gone or wants no more.
bool wait_for_line() {
  int c = std::getchar();
  while (c != EOF && c != '\n') c = std::getchar();
  return c != EOF;
}

// Calls begin(slot, then) for each and returns when every `then` was called.
void for_each_slot(asio::io_context& io, const std::vector<std::shared_ptr<Slot>>& slots,
                   const std::function<void(std::size_t, Slot::Then)>& begin) {
  std::size_t left = slots.size();
  io.restart();
  for (std::size_t i = 0; i < slots.size(); ++i) begin(i, [&left] { --left; });
  while (left != 0 && io.run_one() != 0) {
  }
}

bool measure(const Settings& settings) {
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.load_verify_file(settings.authority);
  tls.set_verify_mode(asio::ssl::verify_peer);
  asio::io_context io(1);
  Report report;
  std::vector<std::shared_ptr<Slot>> slots;
  for (std::size_t i = 0; i < settings.connections; ++i)
    slots.push_back(std::make_shared<Slot>(io, tls, settings, report));
  // A few at a time: a thousand handshakes at once would only measure the accept queue.
  constexpr std::size_t kAtOnce = 16;
  for (std::size_t at = 0; at < slots.size(); at += kAtOnce) {
    const std::size_t end = std::min(slots.size(), at + kAtOnce);
    const std::vector<std::shared_ptr<Slot>> some(slots.begin() + static_cast<std::ptrdiff_t>(at),
                                                  slots.begin() + static_cast<std::ptrdiff_t>(end));
    for_each_slot(io, some,
                  [&](std::size_t i, Slot::Then then) { some[i]->warm_up(std::move(then)); });
  }
  std::puts("ready");
  std::fflush(stdout);
  if (!wait_for_line()) return true;

  const double processor_begin = processor_us();
  const std::uint64_t begin = clock_ns();
  const std::uint64_t until =
      settings.seconds > 0 ? begin + static_cast<std::uint64_t>(settings.seconds * 1e9) : 0;
  // Streams that begin together would send their events together; people do not.
  const std::uint64_t stagger = settings.order.interval_us / settings.connections;
  for_each_slot(io, slots, [&](std::size_t i, Slot::Then then) {
    slots[i]->run(std::chrono::microseconds(stagger * i), until, std::move(then));
  });
  const std::uint64_t end = clock_ns();

  std::printf("{");
  print("first_us", report.first_us);
  print("whole_us", report.whole_us);
  print("latency_us", report.latency_us);
  std::printf("\"events\":%zu,\"answers\":%zu,\"seconds\":%.6f,\"client_us\":%.0f,\"faults\":[",
              report.events, report.answers, static_cast<double>(end - begin) / 1e9,
              processor_us() - processor_begin);
  for (std::size_t i = 0; i < std::min<std::size_t>(report.faults.size(), 5); ++i)
    std::printf("%s\"%s\"", i == 0 ? "" : ",", report.faults[i].c_str());
  std::printf("]}\n");
  std::fflush(stdout);
  (void)wait_for_line();
  return report.faults.empty();
}

}  // namespace
}  // namespace veilwire::bench

int main(int count, char** words) {
  veilwire::bench::Settings settings;
  CLI::App app("Asks the benchmark's upstream, by whatever way, and reports times.");
  app.add_option("--address", settings.address, "where to connect")->capture_default_str();
  app.add_option("--port", settings.port, "where to connect")->capture_default_str();
  app.add_option("--host", settings.host, "the name in TLS and in requests")->capture_default_str();
  app.add_option("--authority", settings.authority, "PEM file of the authority to trust")
      ->required();
  app.add_option("--connections", settings.connections, "at the same time")->capture_default_str();
  app.add_option("--requests", settings.requests, "of each connection")->capture_default_str();
  app.add_option("--seconds", settings.seconds,
                 "instead of --requests: as many as begin in that time");
  app.add_flag("--fresh", settings.fresh,
               "a new connection for each request; its times count from the connect");
  app.add_option("--request-bytes", settings.request_bytes, "size of a request's body")
      ->capture_default_str();
  app.add_option("--events", settings.order.events, "of an answer; 0: a JSON answer")
      ->capture_default_str();
  app.add_option("--interval-us", settings.order.interval_us, "between two events; 0: full speed");
  app.add_option("--json-bytes", settings.order.json_bytes, "text of a JSON answer");
  CLI11_PARSE(app, count, words);
  try {
    return veilwire::bench::measure(settings) ? 0 : 1;
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "bench_client: %s\n", fault.what());
    return 1;
  }
}
