#include "agent/proxy/worker.h"

#include "agent/host/clock.h"
#include "agent/host/limited_log.h"
#include "agent/host/log.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/random.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <future>
#include <map>
#include <set>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace veilwire::proxy {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// A TLS record and its framing fit.
constexpr std::size_t kReadSize = 32 * 1024;

constexpr std::chrono::seconds kTurn{1};
constexpr std::chrono::seconds kHang{4};
// A recorder that is restarted is back sooner; what is longer refuses new requests instead of
// letting them wait.
constexpr std::chrono::seconds kRecorderPatience{5};

// How long a stop waits until all that clients have seen is on disk: long enough for a recorder
// that is being restarted and for the link's way back to it.
constexpr std::chrono::seconds kLastRecords{5};

host::protocol::WriterId new_writer(const crypto::RandomSource& random) {
  host::protocol::WriterId id;
  random(id.bytes);
  return id;
}

std::shared_ptr<wire::TlsClientContext> make_upstream_tls(const Shared& shared) {
  auto context = wire::TlsClientContext::make(
      {.roots_pem = shared.upstream_roots_pem, .never_trust_pem = shared.internal_ca_pem});
  if (!context)
    throw std::runtime_error(shared.settings.upstream_roots + ": " +
                             std::string(wire::to_string(context.error())));
  return std::move(context).value();
}

}  // namespace

class Worker::Impl {
 public:
  Impl(Worker& owner, Shared& shared)
      : owner_(owner),
        shared_(shared),
        guard_(asio::make_work_guard(io_)),
        leafs_(
            make_leaf_store(io_, shared.settings.signer_socket, shared.leaf_key, shared.tickets)),
        identity_(
            io_, shared.settings.identity_socket,
            [this](const IdentityLink::Doubt& doubt) { tell(flow::IdentityDoubted{}, doubt); }),
        credentials_(io_, shared.settings.credentials_socket),
        recorder_(io_, shared.settings.recorder_socket, writer_),
        services_{io_,
                  shared.host_id,
                  shared.boot_id,
                  *leafs_,
                  identity_,
                  credentials_,
                  recorder_,
                  make_upstream_tls(shared),
                  shared.ruleset,
                  shared.counters,
                  shared.memory,
                  shared.conversations,
                  read_buffer_},
        turn_(io_) {
    services_.writer = to_hex(writer_);
    services_.random = random_;
    recorder_.start();
    turn();
  }

  void start() {
    thread_ = std::thread([this] {
      io_.run();
      if (over_) over_();
    });
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  void adopt(host::UniqueFd accepted, bool v6) {
    asio::post(io_, [this, fd = std::make_shared<host::UniqueFd>(std::move(accepted)), v6] {
      begin(*fd, v6);
    });
  }

  void tell_all(const flow::Input& input) {
    asio::post(io_, [this, input] { tell(input); });
  }

  void put_record(audit::Body body) {
    asio::post(io_, [this, body = std::move(body)]() mutable {
      const audit::Record record{
          {shared_.host_id, shared_.boot_id, "", 0}, host::now(), std::move(body)};
      (void)recorder_.submit([&record](std::string_view writer, std::uint64_t seq) {
        return audit::canonical(record, writer, seq);
      });
    });
  }

  void drain(std::function<void()> over) {
    asio::post(io_, [this, over = std::move(over)]() mutable {
      over_ = std::move(over);
      draining_ = true;
      tell(flow::AgentStopping{});
      drain_ = std::make_unique<asio::steady_timer>(io_, shared_.settings.drain);
      drain_->async_wait([this](const boost::system::error_code& e) {
        if (!e) stop();
      });
      stop_when_drained();
    });
  }

  void stop() {
    asio::post(io_, [this] {
      if (std::exchange(stopping_, true)) return;
      drain_.reset();
      const auto sessions = sessions_;  // stop() takes them out of the map
      for (const auto& [id, session] : sessions) session->stop();
      turn_.cancel();
      linger_ = std::make_unique<asio::steady_timer>(io_, kLastRecords);
      linger_->async_wait([this](const boost::system::error_code&) {
        host::log::error("stopped before everything was on record");
        io_.stop();
      });
      stop_when_recorded();
    });
  }

  bool alive() const {
    const auto last =
        std::chrono::steady_clock::duration(last_turn_.load(std::memory_order_relaxed));
    return std::chrono::steady_clock::now().time_since_epoch() - last < kHang;
  }

  std::vector<SessionRow> rows(std::size_t most) {
    return on_thread([this, most] {
      std::vector<SessionRow> rows;
      for (const auto& [id, session] : sessions_) {
        if (rows.size() == most) break;
        rows.push_back(row_of(id, *session));
      }
      return rows;
    });
  }

  std::vector<StreamRow> streams(std::size_t most) {
    return on_thread([this, most] {
      std::vector<StreamRow> rows;
      for (const auto& [id, session] : sessions_) {
        if (rows.size() == most) break;
        if (Stream stream = session->stream(); stream.open)
          rows.push_back({row_of(id, *session), std::move(stream)});
      }
      return rows;
    });
  }

  const Meter& meter() const { return services_.meter; }

 private:
  // What `ask` gives on this worker's thread; nothing when that takes too long.
  template <class Ask>
  std::invoke_result_t<Ask> on_thread(Ask ask) {
    using Answer = std::invoke_result_t<Ask>;
    auto promise = std::make_shared<std::promise<Answer>>();
    auto future = promise->get_future();
    asio::post(io_, [promise, ask = std::move(ask)] { promise->set_value(ask()); });
    if (future.wait_for(std::chrono::seconds(1)) != std::future_status::ready) return {};
    return future.get();
  }

  static SessionRow row_of(const std::string& id, const Session& session) {
    const auto summary = session.summary();
    const identity::Peer& peer = session.origin().peer;
    return {id,
            std::string(summary.state),
            summary.server_name,
            summary.person,
            peer.uid,
            peer.tgid,
            peer.comm,
            summary.exchanges,
            summary.masked};
  }

  void begin(host::UniqueFd& fd, bool v6) {
    auto origin = read_origin(fd.get());
    if (!origin) {
      if (origin.error() == ENOPROTOOPT)
        host::log::error(
            "the kernel side does not answer for this cgroup: connections cannot be served");
      ++shared_.counters.without_origin;
      return fd.reset();
    }
    const std::uint32_t user = origin->peer.uid;
    if (!shared_.connections->take(user)) {
      shortage_.warning("uid " + std::to_string(user) + " has too many connections",
                        host::now().mono);
      return fd.reset();
    }
    boost::system::error_code error;
    tcp::socket socket(io_);
    socket.assign(v6 ? tcp::v6() : tcp::v4(), fd.get(), error);
    if (error) return shared_.connections->give_back(user);
    fd.release();
    socket.set_option(tcp::no_delay(true), error);
    ++shared_.counters.open;
    std::string id = crypto::hex_encode(crypto::random_bytes(random_, 8));
    auto session = Session::start(services_, std::move(socket), std::move(origin).value(), id,
                                  [this, user](const std::string& over) {
                                    shared_.connections->give_back(user);
                                    forget(over);
                                  });
    if (!over_before_kept_.erase(id)) sessions_.emplace(std::move(id), std::move(session));
    if (recording_failed_) tell(flow::RecordingFailed{std::string(recorder_.obstacle())});
    if (draining_) tell(flow::AgentStopping{});
  }

  // What is spliced alone is not waited for: it may last for days.
  void stop_when_drained() {
    if (!draining_ || stopping_) return;
    for (const auto& [id, session] : sessions_)
      if (session->summary().state != "splicing") return;
    stop();
  }

  // Sessions end once their last records are handed over, see Session::stop().
  void stop_when_recorded() {
    if (!stopping_ || !sessions_.empty()) return;
    recorder_.on_committed(recorder_.counts().submitted, [this] { io_.stop(); });
  }

  void forget(const std::string& id) {
    --shared_.counters.open;
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) {
      over_before_kept_.insert(id);
      return;
    }
    const auto summary = found->second->summary();
    shared_.counters.exchanges += summary.exchanges;
    shared_.counters.masked += summary.masked;
    sessions_.erase(found);
    stop_when_drained();
    stop_when_recorded();
  }

  void tell(const flow::Input& input, const IdentityLink::Doubt& whom = {}) {
    const auto sessions = sessions_;  // telling one may end it
    for (const auto& [id, session] : sessions)
      if (!whom || whom(session->origin().peer)) session->tell(input);
  }

  void turn() {
    last_turn_.store(std::chrono::steady_clock::now().time_since_epoch().count(),
                     std::memory_order_relaxed);
    shared_.tickets->rotate(host::now().mono);
    owner_.signer_up_.store(leafs_->connected(), std::memory_order_relaxed);
    owner_.identity_up_.store(identity_.connected(), std::memory_order_relaxed);
    watch_recorder();
    if (stopping_) return;
    turn_.expires_after(kTurn);
    turn_.async_wait([this](const boost::system::error_code& e) {
      if (!e) turn();
    });
  }

  void watch_recorder() {
    const bool up = recorder_.accepting();
    owner_.recorder_up_.store(up, std::memory_order_relaxed);
    const Now time = host::now();
    if (up) {
      recorder_since_ = time.mono;
      if (std::exchange(recording_failed_, false)) {
        host::log::info("recording is restored");
        tell(flow::RecordingRestored{});
      }
    } else if (!recording_failed_ && time.mono - recorder_since_ > kRecorderPatience) {
      recording_failed_ = true;
      host::log::error("nothing can be recorded: new requests are refused");
      tell(flow::RecordingFailed{std::string(recorder_.obstacle())});
    }
  }

  Worker& owner_;
  Shared& shared_;
  crypto::RandomSource random_ = crypto::system_random();
  host::protocol::WriterId writer_ = new_writer(random_);
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard_;
  std::shared_ptr<LeafStore> leafs_;
  IdentityLink identity_;
  CredentialsLink credentials_;
  host::RecorderLink recorder_;
  std::vector<char> read_buffer_ = std::vector<char>(kReadSize);
  Services services_;
  asio::steady_timer turn_;
  host::LimitedLog shortage_;
  std::unique_ptr<asio::steady_timer> drain_, linger_;
  std::function<void()> over_;
  std::map<std::string, std::shared_ptr<Session>> sessions_;
  std::set<std::string> over_before_kept_;  // sessions that ended inside start()
  std::atomic<std::int64_t> last_turn_{0};
  Monotonic recorder_since_ = host::now().mono;
  bool recording_failed_ = false;
  bool draining_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

Worker::Worker(Shared& shared) : impl_(std::make_unique<Impl>(*this, shared)) {}
Worker::~Worker() = default;
void Worker::start() { impl_->start(); }
void Worker::adopt(host::UniqueFd accepted, bool v6) { impl_->adopt(std::move(accepted), v6); }
void Worker::tell_all(const flow::Input& input) { impl_->tell_all(input); }
void Worker::put_record(audit::Body body) { impl_->put_record(std::move(body)); }
void Worker::drain(std::function<void()> over) { impl_->drain(std::move(over)); }
void Worker::stop() { impl_->stop(); }
void Worker::join() { impl_->join(); }
bool Worker::alive() const { return impl_->alive(); }
std::vector<SessionRow> Worker::sessions(std::size_t most) { return impl_->rows(most); }
std::vector<StreamRow> Worker::streams(std::size_t most) { return impl_->streams(most); }
const Meter& Worker::meter() const { return impl_->meter(); }

}  // namespace veilwire::proxy
