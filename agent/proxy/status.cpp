#include "agent/proxy/status.h"

#include "agent/host/protocol/status.h"

#include <algorithm>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <nlohmann/json.hpp>

namespace veilwire::proxy {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

// Rows of one answer; it has to fit one local message.
constexpr std::size_t kMostRows = 200;

}  // namespace

class StatusServer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, const std::string& path, Shared& shared,
       std::vector<std::unique_ptr<Worker>>& workers, const RedirectorLink& redirector)
      : socket_(path, 0600),
        descriptor_(io, ::dup(socket_.descriptor())),
        shared_(shared),
        workers_(workers),
        redirector_(redirector) {}

  void wait() {
    descriptor_.async_wait(asio::posix::descriptor_base::wait_read,
                           [weak = weak_from_this()](const boost::system::error_code& e) {
                             const auto self = weak.lock();
                             if (!self || e) return;
                             self->socket_.answer([&self] { return self->document(); });
                             self->wait();
                           });
  }

  void policy_outcome(std::string outcome) { outcome_ = std::move(outcome); }
  void policy_in_force(std::map<std::string, std::string> digests,
                       std::vector<std::string> not_permitted) {
    files_ = std::move(digests);
    not_permitted_ = std::move(not_permitted);
  }

 private:
  template <class Predicate>
  bool all(Predicate predicate) const {
    return std::all_of(workers_.begin(), workers_.end(),
                       [&](const auto& worker) { return predicate(*worker); });
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
        {"healthy", alive && redirector_.registered() && signer && identity && recorder &&
                        outcome_ == "active"},
        {"alive", alive},
        {"links",
         {{"redirector", redirector_.registered()},
          {"signer", signer},
          {"identity", identity},
          {"recorder", recorder}}},
        {"policy",
         {{"file", shared_.settings.policy},
          {"digest", ruleset->policy().digest},
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

  host::protocol::StatusSocket socket_;
  asio::posix::stream_descriptor descriptor_;
  Shared& shared_;
  std::vector<std::unique_ptr<Worker>>& workers_;
  const RedirectorLink& redirector_;
  std::string outcome_ = "active";
  std::map<std::string, std::string> files_;
  std::vector<std::string> not_permitted_;
};

StatusServer::StatusServer(asio::io_context& io, const std::string& socket_path, Shared& shared,
                           std::vector<std::unique_ptr<Worker>>& workers,
                           const RedirectorLink& redirector)
    : impl_(std::make_shared<Impl>(io, socket_path, shared, workers, redirector)) {
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
