// Puts exchanges into the recorders of many hosts at once, as a proxy of each would:
//
//   write_exchanges RATE {SOCKET HOST}...
//
// RATE a second into each. A line on standard input ends a phase: a line of JSON says how many
// exchanges of it there were, how many of each host were refused, as a proxy refuses clients while
// its recorder cannot take them, and how long the others waited until they were on disk. At the end
// of the input it waits until all is on disk, and says how many records it has put into each host.
#include "agent/host/clock.h"
#include "agent/host/log.h"
#include "agent/host/recorder_link.h"
#include "tests/unit/audit/sample_records.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/streambuf.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace {

using namespace veilwire;
using std::chrono::steady_clock;

struct Phase {
  std::uint64_t exchanges = 0;
  std::map<std::string, std::uint64_t> refused;  // by host
  std::vector<double> waits;                     // ms
};

double percentile(const std::vector<double>& sorted, double part) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<std::size_t>(static_cast<double>(sorted.size() - 1) * part)];
}

host::protocol::WriterId random_writer() {
  std::random_device random;
  host::protocol::WriterId id;
  for (std::uint8_t& byte : id.bytes) byte = static_cast<std::uint8_t>(random());
  return id;
}

class Host {
 public:
  Host(boost::asio::io_context& loop, std::string socket, std::string id)
      : link_(loop, std::move(socket), random_writer()), timer_(loop), id_(std::move(id)) {
    link_.start();
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  void begin(steady_clock::time_point first, steady_clock::duration period, Phase& phase) {
    timer_.expires_at(first);
    timer_.async_wait([this, first, period, &phase](boost::system::error_code error) {
      if (error || ended_) return;
      exchange(phase);
      begin(first + period, period, phase);
    });
  }
  void end() {
    ended_ = true;
    timer_.cancel();
  }
  bool idle() const { return link_.counts().committed == link_.counts().submitted; }
  std::uint64_t written() const { return link_.counts().committed; }
  const std::string& id() const { return id_; }

 private:
  void exchange(Phase& phase) {
    ++phase.exchanges;
    if (!link_.accepting()) {
      ++phase.refused[id_];
      return;
    }
    session_ = host::protocol::to_hex(random_writer()).substr(0, 16);
    const auto begun = steady_clock::now();
    std::uint64_t last = 0;
    for (audit::Record& record : records()) last = put(std::move(record));
    link_.on_committed(last, [begun, &phase] {
      phase.waits.push_back(
          std::chrono::duration<double, std::milli>(steady_clock::now() - begun).count());
    });
  }

  std::vector<audit::Record> records() const {
    using audit::sample;
    const std::string text(400, static_cast<char>('a' + session_.front() % 16));
    std::vector<audit::Record> out = {
        sample(audit::SessionOpen{.peer = audit::sample_peer(),
                                  .destination = "203.0.113.7:443",
                                  .server_name = "api.anthropic.com",
                                  .handling = "intercepted",
                                  .tls = "TLSv1.3"},
               0),
        sample(audit::RequestHead{.person = audit::sample_person(),
                                  .service = "anthropic",
                                  .method = "POST",
                                  .target = "/v1/messages",
                                  .fields = {{"host", "api.anthropic.com"}},
                                  .model = "claude-x",
                                  .mcp_method = "",
                                  .tool = "",
                                  .policy_digest = "ab12"}),
        sample(audit::RequestBody{.offset = 0, .content = text + session_, .masks = {}}),
        sample(audit::ResponseHead{.status = 200, .fields = {}})};
    for (std::uint64_t piece = 0; piece < 4; ++piece) {
      out.push_back(sample(audit::ResponseFragment{
          .offset = piece * 40, .content = "data: " + session_ + "\n\n", .masks = {}}));
    }
    out.push_back(sample(audit::ExchangeClose{.outcome = "complete"}));
    out.push_back(sample(audit::SessionClose{.reason = "client closed"}, 0));
    return out;
  }

  std::uint64_t put(audit::Record record) {
    record.context.host = id_;
    record.context.session = session_;
    record.time = host::now();
    const auto seq = link_.submit([&](std::string_view writer, std::uint64_t number) {
      return audit::canonical(record, writer, number);
    });
    if (!seq) std::terminate();
    return *seq;
  }

  host::RecorderLink link_;
  boost::asio::steady_timer timer_;
  std::string id_, session_;
  bool ended_ = false;
};

class Fleet {
 public:
  Fleet(double rate, std::vector<std::pair<std::string, std::string>> hosts)
      : input_(loop_, ::dup(STDIN_FILENO)), timer_(loop_) {
    for (auto& [socket, id] : hosts) {
      hosts_.push_back(std::make_unique<Host>(loop_, std::move(socket), std::move(id)));
    }
    const auto period =
        std::chrono::duration_cast<steady_clock::duration>(std::chrono::duration<double>(1 / rate));
    // Spread over the period, as strangers are.
    const auto begin = steady_clock::now() + std::chrono::seconds(1);
    for (std::size_t i = 0; i < hosts_.size(); ++i)
      hosts_[i]->begin(begin + period * i / hosts_.size(), period, phase_);
  }

  void run() {
    read();
    loop_.run();
  }

 private:
  void read() {
    boost::asio::async_read_until(input_, line_, '\n',
                                  [this](boost::system::error_code error, std::size_t size) {
                                    if (error) return finish();
                                    line_.consume(size);
                                    tell();
                                    read();
                                  });
  }

  void tell() {
    std::sort(phase_.waits.begin(), phase_.waits.end());
    std::cout << nlohmann::json{{"exchanges", phase_.exchanges},
                                {"refused", phase_.refused},
                                {"on_disk", phase_.waits.size()},
                                {"p50_ms", percentile(phase_.waits, 0.5)},
                                {"p99_ms", percentile(phase_.waits, 0.99)},
                                {"most_ms", percentile(phase_.waits, 1)}}
                     .dump()
              << std::endl;  // who asked waits for it
    phase_ = {};
  }

  void finish() {
    for (const auto& host : hosts_) host->end();
    wait();
  }

  void wait() {
    if (std::all_of(hosts_.begin(), hosts_.end(), [](const auto& host) { return host->idle(); })) {
      nlohmann::json written;
      for (const auto& host : hosts_) written[host->id()] = host->written();
      std::cout << written.dump() << std::endl;
      return loop_.stop();
    }
    timer_.expires_after(std::chrono::milliseconds(20));
    timer_.async_wait([this](boost::system::error_code) { wait(); });
  }

  boost::asio::io_context loop_{1};
  boost::asio::posix::stream_descriptor input_;
  boost::asio::streambuf line_;
  boost::asio::steady_timer timer_;
  Phase phase_;
  std::vector<std::unique_ptr<Host>> hosts_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || argc % 2 != 0) return std::cerr << "usage: see write_exchanges.cpp\n", 2;
  std::vector<std::pair<std::string, std::string>> hosts;
  for (int i = 2; i < argc; i += 2) hosts.emplace_back(argv[i], argv[i + 1]);
  host::log::start("write_exchanges", "error");
  Fleet(std::stod(argv[1]), std::move(hosts)).run();
  return 0;
}
