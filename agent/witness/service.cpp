#include "agent/witness/service.h"

#include "agent/host/clock.h"
#include "agent/host/key_files.h"
#include "agent/host/limited_log.h"
#include "agent/host/log.h"
#include "agent/witness/kafka_store.h"
#include "agent/witness/postgres_store.h"
#include "agent/witness/witness.h"

#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace veilwire::witness {
namespace {

constexpr const char* kJson = "application/json";

std::optional<TlsFiles> read_tls(const Settings& settings) {
  if (settings.certificate.empty()) return std::nullopt;
  return TlsFiles{.certificate_pem = host::read_certificates(settings.certificate),
                  .key_pem = std::string(host::read_key(settings.certificate_key).reveal()),
                  .client_ca_pem = host::read_certificates(settings.client_ca)};
}

// All that a thread needs to keep records.
struct Stores {
  explicit Stores(const Settings& settings)
      : postgres(settings.database, settings.records != RecordsIn::Kafka) {
    if (settings.kafka) kafka.emplace(postgres, *settings.kafka);
  }
  Store& outer() { return kafka ? static_cast<Store&>(*kafka) : postgres; }

  PostgresStore postgres;
  std::optional<KafkaStore> kafka;
};

Answered refused(int status, std::string why) {
  evidence::WitnessAnswer answer;
  answer.error = std::move(why);
  return {.status = status, .content_type = kJson, .body = to_json(answer), .retry_after = {}};
}

}  // namespace

class Service::Impl {
 public:
  explicit Impl(const Settings& settings)
      : settings_(settings),
        server_({.address = settings.listen_address,
                 .port = settings.listen_port,
                 .tls = read_tls(settings),
                 .threads = settings.connections,
                 .most_body = evidence::kBatchBytes},
                [this](const Asked& asked) { return answer(asked); }) {}

  void run(const proof::NoteSigner& signer, int stop) {
    witness_.emplace(settings_.rules, signer, [] { return host::now().wall; });
    host::log::info("answering on port " + std::to_string(server_.port()));
    server_.run(stop);
  }

 private:
  Answered answer(const Asked& asked) {
    if (asked.target == "/healthz") return asked.method == "GET" ? health() : refused(405, "GET");
    if (asked.target != "/v1/records") return refused(404, "there is nothing at this address");
    if (asked.method != "POST") return refused(405, "records are sent with POST");
    if (asked.content_type != evidence::kBatchType)
      return refused(415, "records are sent as " + std::string(evidence::kBatchType));
    if (asked.client.empty()) return refused(403, "the certificate names no client");
    const auto batch = evidence::parse_batch(asked.body);
    if (!batch) return refused(400, "the body " + std::string(to_string(batch.error())));
    const Borrowed stores(*this);
    const Reply reply = witness_->take(stores->outer(), asked.client, *batch);
    if (!reply.alarm.empty()) report(reply);
    return {.status = reply.status,
            .content_type = kJson,
            .body = to_json(reply.answer),
            .retry_after = reply.retry_after};
  }

  Answered health() {
    const Borrowed stores(*this);
    if (const auto checked = stores->postgres.check(); !checked)
      return refused(503, "the store is away");
    return {.status = 200, .content_type = kJson, .body = "{}\n", .retry_after = {}};
  }

  void report(const Reply& reply) {
    const std::string line = host::log::printable(reply.alarm);
    if (reply.status == 503) {
      const std::lock_guard lock(mutex_);
      store_trouble_.warning("store: " + line, host::now().mono);
    } else {
      host::log::error(line);
    }
  }

  // Stores of one's own for a while. There are some for each thread.
  class Borrowed {
   public:
    explicit Borrowed(Impl& owner) : owner_(owner) {
      const std::lock_guard lock(owner.mutex_);
      if (owner.idle_.empty()) {
        stores_ = std::make_unique<Stores>(owner.settings_);
      } else {
        stores_ = std::move(owner.idle_.back());
        owner.idle_.pop_back();
      }
    }
    ~Borrowed() {
      const std::lock_guard lock(owner_.mutex_);
      owner_.idle_.push_back(std::move(stores_));
    }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    Stores* operator->() const { return stores_.get(); }

   private:
    Impl& owner_;
    std::unique_ptr<Stores> stores_;
  };

  const Settings& settings_;
  std::optional<Witness> witness_;
  std::mutex mutex_;  // of what follows
  std::vector<std::unique_ptr<Stores>> idle_;
  host::LimitedLog store_trouble_;

  HttpsServer server_;
};

Service::Service(const Settings& settings) : impl_(std::make_unique<Impl>(settings)) {}
Service::~Service() = default;
void Service::run(const proof::NoteSigner& signer, int stop) { impl_->run(signer, stop); }

}  // namespace veilwire::witness
