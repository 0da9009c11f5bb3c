#include "agent/proxy/status.h"

#include "agent/host/clock.h"
#include "agent/host/local_access.h"
#include "agent/host/protocol/status.h"
#include "agent/proxy/metrics_document.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <nlohmann/json.hpp>

namespace veilwire::proxy {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

// Rows of one answer; it has to fit one local message.
constexpr std::size_t kMostRows = 200;
// Of a text that a client has chosen (a model, a tool): what a row of a table shows at most.
constexpr std::size_t kMostText = 64;

std::string cut(std::string text) {
  if (text.size() > kMostText) text.resize(kMostText);
  return text;
}

json row_of(const StreamRow& row, Monotonic now) {
  const Stream& stream = row.stream;
  const auto age = std::chrono::duration<double>(now - stream.since).count();
  return {{"id", row.session.id},
          {"person", cut(row.session.person)},
          {"uid", row.session.uid},
          {"pid", row.session.tgid},
          {"comm", row.session.comm},
          {"server_name", cut(row.session.server_name)},
          {"service", stream.service},
          {"model", cut(stream.model)},
          {"tool", cut(stream.tool)},
          {"exchange", row.session.exchanges},
          {"seconds", age},
          {"fragments", stream.fragments},
          {"findings", stream.findings},
          {"released_bytes", stream.released},
          {"waiting_bytes", stream.waiting}};
}

// A socket whose every asker gets the same document.
struct Question {
  Question(asio::io_context& io, const std::string& path, std::function<std::string()> d)
      : socket(path, 0600), descriptor(io, ::dup(socket.descriptor())), document(std::move(d)) {}
  host::protocol::StatusSocket socket;
  asio::posix::stream_descriptor descriptor;
  std::function<std::string()> document;
};

}  // namespace

class StatusServer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, const Settings& settings, Shared& shared,
       std::vector<std::unique_ptr<Worker>>& workers, const RedirectorLink& redirector)
      : shared_(shared),
        workers_(workers),
        redirector_(redirector),
        status_(io, settings.status_socket, [this] { return document(); }),
        live_(io, settings.live_socket, [this] { return live(); }),
        metrics_(io, settings.metrics_socket, [this] { return metrics(); }) {
    host::let_ask(settings.status_socket, settings.status_readers);
    host::let_ask(settings.live_socket, settings.status_readers);
    host::let_ask(settings.metrics_socket, settings.metrics_readers);
  }

  void wait() {
    for (Question* question : {&status_, &live_, &metrics_}) wait(*question);
  }

  void policy_outcome(std::string outcome) {
    outcome_ = std::move(outcome);
    ++(outcome_ == "active" ? loads_.active : loads_.refused);
  }
  void policy_in_force(std::map<std::string, std::string> digests,
                       std::vector<std::string> not_permitted) {
    files_ = std::move(digests);
    not_permitted_ = std::move(not_permitted);
    loads_.last = host::now().wall;
  }

 private:
  void wait(Question& question) {
    question.descriptor.async_wait(
        asio::posix::descriptor_base::wait_read,
        [weak = weak_from_this(), &question](const boost::system::error_code& e) {
          const auto self = weak.lock();
          if (!self || e) return;
          question.socket.answer(question.document);
          self->wait(question);
        });
  }

  template <class Predicate>
  bool all(Predicate predicate) const {
    return std::all_of(workers_.begin(), workers_.end(),
                       [&](const auto& worker) { return predicate(*worker); });
  }

  static std::string mode(const policy::Policy& policy) {
    const std::string_view observed = policy::observed_extent(policy);
    return std::string(observed.empty() ? policy::to_string(policy::Mode::Enforce) : observed);
  }

  std::string document() {
    const bool signer = all([](const Worker& w) { return w.signer_up(); });
    const bool identity = all([](const Worker& w) { return w.identity_up(); });
    const bool recorder = all([](const Worker& w) { return w.recorder_up(); });
    const bool alive = all([](const Worker& w) { return w.alive(); });
    const auto ruleset = shared_.ruleset.get();
    json sessions = json::array();
    for (const auto& worker : workers_) {
      for (const SessionRow& row :
           worker->sessions(kMostRows - std::min(kMostRows, sessions.size())))
        sessions.push_back({{"id", row.id},
                            {"state", row.state},
                            {"server_name", row.server_name},
                            {"person", row.person},
                            {"uid", row.uid},
                            {"pid", row.tgid},
                            {"comm", row.comm},
                            {"exchanges", row.exchanges},
                            {"masked", row.masked}});
    }
    const Counters& c = shared_.counters;
    const json document{
        {"program", "veilwire-proxy"},
        {"healthy", healthy()},
        {"alive", alive},
        {"links",
         {{"redirector", redirector_.registered()},
          {"signer", signer},
          {"identity", identity},
          {"recorder", recorder}}},
        {"policy",
         {{"file", shared_.settings.policy},
          {"digest", ruleset->policy().digest},
          {"mode", mode(ruleset->policy())},
          {"ports", ruleset->policy().ports},
          {"files", files_},
          {"not_permitted", not_permitted_},
          {"last_change", outcome_}}},
        {"counters",
         {{"accepted", c.accepted.load()},
          {"without_origin", c.without_origin.load()},
          {"open", c.open.load()},
          {"exchanges_of_closed_sessions", c.exchanges.load()},
          {"masked_in_closed_sessions", c.masked.load()},
          {"dial_failures", c.dial_failures.load()},
          {"recording_stalls", c.recording_stalls.load()},
          {"overloaded", shared_.memory->refusals()}}},
        {"held_memory", {{"bytes", shared_.memory->held()}, {"limit", shared_.memory->limit()}}},
        {"sessions", std::move(sessions)}};
    return document.dump(-1, ' ', false, json::error_handler_t::replace);
  }

  bool healthy() const {
    return all([](const Worker& w) {
             return w.alive() && w.signer_up() && w.identity_up() && w.recorder_up();
           }) &&
           redirector_.registered() && outcome_ == "active";
  }

  std::string live() {
    const Monotonic now = host::now().mono;
    json streams = json::array();
    for (const auto& worker : workers_)
      for (const StreamRow& row : worker->streams(kMostRows - streams.size()))
        streams.push_back(row_of(row, now));
    const json document{{"program", "veilwire-proxy"},
                        {"healthy", healthy()},
                        {"complete", streams.size() < kMostRows},
                        {"streams", std::move(streams)}};
    return document.dump(-1, ' ', false, json::error_handler_t::replace);
  }

  std::string metrics() {
    const auto up = [&](bool (Worker::*link)() const) {
      return all([&](const Worker& w) { return (w.*link)(); });
    };
    ProxyHealth health;
    health.healthy = healthy();
    health.links["redirector"] = redirector_.registered();
    health.links["signer"] = up(&Worker::signer_up);
    health.links["identity"] = up(&Worker::identity_up);
    health.links["recorder"] = up(&Worker::recorder_up);
    health.loads = loads_;
    health.policy_mode = mode(shared_.ruleset.get()->policy());
    health.policy_refused = outcome_ != "active";
    health.not_permitted = not_permitted_.size();
    return metrics_document(health, shared_, workers_);
  }

  Shared& shared_;
  std::vector<std::unique_ptr<Worker>>& workers_;
  const RedirectorLink& redirector_;
  std::string outcome_ = "active";
  std::map<std::string, std::string> files_;
  std::vector<std::string> not_permitted_;
  PolicyLoads loads_;
  Question status_, live_, metrics_;
};

StatusServer::StatusServer(asio::io_context& io, const Settings& settings, Shared& shared,
                           std::vector<std::unique_ptr<Worker>>& workers,
                           const RedirectorLink& redirector)
    : impl_(std::make_shared<Impl>(io, settings, shared, workers, redirector)) {
  impl_->wait();
}
StatusServer::~StatusServer() = default;
void StatusServer::policy_outcome(std::string outcome) {
  impl_->policy_outcome(std::move(outcome));
}
void StatusServer::policy_in_force(std::map<std::string, std::string> digests,
                                   std::vector<std::string> not_permitted) {
  impl_->policy_in_force(std::move(digests), std::move(not_permitted));
}

}  // namespace veilwire::proxy
