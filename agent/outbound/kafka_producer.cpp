#include "agent/outbound/kafka_producer.h"

#include "agent/host/key_files.h"
#include "agent/host/trusted_file.h"
#include "agent/host/unique_fd.h"
#include "userspace/base/secret.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <librdkafka/rdkafka.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace veilwire::outbound {
namespace {

namespace asio = boost::asio;
using MessageState = KafkaMessage::State;

// librdkafka reports every message when its time is over; this is for one that does not.
constexpr std::chrono::seconds kGrace{10};

bool is_loopback(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
  }
  if (address->sa_family != AF_INET6) return false;
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
  return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

// Without TLS: brokers are named by other brokers, too.
int connect_to_loopback(int fd, const sockaddr* address, int size, const char*, void*) {
  if (!is_loopback(address)) return EACCES;
  return ::connect(fd, address, static_cast<socklen_t>(size)) == 0 || errno == EINPROGRESS ? 0
                                                                                           : errno;
}

// What it complains of comes with the messages that fail.
void log_nothing(const rd_kafka_t*, int, const char*, const char*) {}

class Configuration {
 public:
  ~Configuration() {
    if (conf_ != nullptr) rd_kafka_conf_destroy(conf_);
  }
  Configuration() = default;
  Configuration(const Configuration&) = delete;
  Configuration& operator=(const Configuration&) = delete;

  rd_kafka_conf_t* get() const { return conf_; }
  void release() { conf_ = nullptr; }
  // Throws; never with the value, which may be a key.
  void set(const char* name, std::string_view value) {
    char error[512] = "";
    std::string text(value);
    const auto set = rd_kafka_conf_set(conf_, name, text.c_str(), error, sizeof error);
    wipe(text.data(), text.size());
    if (set != RD_KAFKA_CONF_OK)
      throw std::runtime_error(std::string("librdkafka does not take its setting ") + name);
  }

 private:
  rd_kafka_conf_t* conf_ = rd_kafka_conf_new();
};

std::string joined(const std::vector<std::string>& brokers) {
  std::string all;
  for (const std::string& broker : brokers) all.append(all.empty() ? "" : ",").append(broker);
  return all;
}

// Throws.
void set_security(Configuration& conf, const KafkaSettings& settings) {
  const bool sasl = !settings.sasl_mechanism.empty();
  if (!settings.tls) {
    conf.set("security.protocol", "plaintext");
    rd_kafka_conf_set_connect_cb(conf.get(), connect_to_loopback);
    return;
  }
  conf.set("security.protocol", sasl ? "sasl_ssl" : "ssl");
  conf.set("enable.ssl.certificate.verification", "true");
  conf.set("ssl.endpoint.identification.algorithm", "https");
  if (const auto why = host::distrust(settings.roots))
    throw std::runtime_error(settings.roots + ": " + *why);
  conf.set("ssl.ca.pem", host::read_certificates(settings.roots));
  if (!settings.key.empty()) {
    conf.set("ssl.certificate.pem", host::read_certificates(settings.certificate));
    conf.set("ssl.key.pem", host::read_key(settings.key).reveal());
  }
  if (!sasl) return;
  conf.set("sasl.mechanism", settings.sasl_mechanism);
  conf.set("sasl.username", settings.sasl_username);
  const Secret password = host::read_key(settings.sasl_password_file);
  std::string_view word = password.reveal();
  while (word.ends_with('\n') || word.ends_with('\r')) word.remove_suffix(1);
  conf.set("sasl.password", word);
}

// Of the message as it stands, or of the batch that it went in; what else fails may go later.
bool is_refusal(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE ||
         error == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
         error == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
}

}  // namespace

struct KafkaProducer::State {
  explicit State(asio::io_context& io) : event(io), timer(io) {}
  ~State() {
    if (rd_kafka_t* handle = release()) rd_kafka_destroy(handle);
  }
  // Nothing of this is used by its threads any more: callbacks come from polling alone.
  rd_kafka_t* release() {
    if (queue != nullptr) {
      rd_kafka_queue_io_event_enable(queue, -1, nullptr, 0);
      rd_kafka_queue_destroy(std::exchange(queue, nullptr));
    }
    return std::exchange(producer, nullptr);
  }

  void told(KafkaMessage& message, rd_kafka_resp_err_t error) {
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      message.state = MessageState::Delivered;
    } else {
      message.state = is_refusal(error) ? MessageState::Refused : MessageState::Failed;
      message.why = rd_kafka_err2str(error);
    }
    --waiting;
  }
  void produce(std::string_view key, KafkaMessage& message) {
    ++waiting;
    // The form without macros, which cast as C does.
    std::array<rd_kafka_vu_t, 6> parts{};
    parts[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    parts[0].u.cstr = topic.c_str();
    parts[1].vtype = RD_KAFKA_VTYPE_KEY;
    parts[1].u.mem = {const_cast<char*>(key.data()), key.size()};  // it is copied
    parts[2].vtype = RD_KAFKA_VTYPE_VALUE;
    parts[2].u.mem = {message.payload.data(), message.payload.size()};
    parts[3].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    parts[3].u.i = RD_KAFKA_MSG_F_COPY;
    // Made here: headers of its own making librdkafka 2.0.2 frees twice where it does not take the
    // message (rd_kafka_produceva).
    rd_kafka_headers_t* headers = rd_kafka_headers_new(1 + message.headers.size());
    const auto add = [headers](const char* name, const std::string& value) {
      rd_kafka_header_add(headers, name, -1, value.data(), static_cast<ssize_t>(value.size()));
    };
    add("uid", message.uid);
    for (const auto& [name, value] : message.headers) add(name, value);
    parts[4].vtype = RD_KAFKA_VTYPE_HEADERS;
    parts[4].u.headers = headers;
    parts[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
    parts[5].u.ptr = &message;
    if (rd_kafka_error_t* error = rd_kafka_produceva(producer, parts.data(), parts.size())) {
      rd_kafka_headers_destroy(headers);  // it takes them with the message
      told(message, rd_kafka_error_code(error));
      rd_kafka_error_destroy(error);
    }
  }
  // A message that has failed says "timed out"; why is said by an error of the whole.
  void complain(rd_kafka_resp_err_t error, const char* reason) {
    if (error == RD_KAFKA_RESP_ERR__FATAL) {
      char text[256] = "";
      rd_kafka_fatal_error(producer, text, sizeof text);
      last_error = text;
    } else if (error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || last_error.empty()) {
      last_error = reason;
    }
  }

  static void on_report(rd_kafka_t*, const rd_kafka_message_t* report, void* self) {
    static_cast<State*>(self)->told(*static_cast<KafkaMessage*>(report->_private), report->err);
  }
  static void on_error(rd_kafka_t*, int error, const char* reason, void* self) {
    static_cast<State*>(self)->complain(static_cast<rd_kafka_resp_err_t>(error), reason);
  }

  std::string topic;
  std::chrono::milliseconds patience{0};
  rd_kafka_t* producer = nullptr;
  rd_kafka_queue_t* queue = nullptr;  // its main one
  asio::posix::stream_descriptor event;
  asio::steady_timer timer;
  std::size_t waiting = 0;
  std::string last_error;
};

KafkaProducer::KafkaProducer(std::unique_ptr<State> state) : state_(std::move(state)) {}
KafkaProducer::~KafkaProducer() = default;

std::jthread KafkaProducer::retire() {
  return std::jthread([handle = state_->release()] {
    if (handle != nullptr) rd_kafka_destroy(handle);
  });
}

Result<std::unique_ptr<KafkaProducer>, std::string> KafkaProducer::make(
    asio::io_context& io, const KafkaSettings& settings) {
  auto state = std::make_unique<State>(io);
  state->topic = settings.topic;
  state->patience = settings.timeout + kGrace;
  host::UniqueFd event(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!event) return Unexpected<std::string>{"no eventfd"};
  try {
    Configuration conf;
    conf.set("bootstrap.servers", joined(settings.brokers));
    conf.set("client.id", "veilwire");
    set_security(conf, settings);
    conf.set("acks", "all");
    conf.set("enable.idempotence", "true");
    conf.set("message.timeout.ms", std::to_string(settings.timeout.count()));
    conf.set("message.max.bytes", std::to_string(settings.message_bytes));
    conf.set("compression.codec", settings.compression);
    conf.set("linger.ms", "5");
    // A broker that is gone is found again within the time of a message.
    conf.set("reconnect.backoff.max.ms", "1000");
    // Topics are made by whoever looks after them.
    conf.set("allow.auto.create.topics", "false");
    rd_kafka_conf_set_opaque(conf.get(), state.get());
    rd_kafka_conf_set_dr_msg_cb(conf.get(), State::on_report);
    rd_kafka_conf_set_error_cb(conf.get(), State::on_error);
    rd_kafka_conf_set_log_cb(conf.get(), log_nothing);
    char error[512] = "";
    state->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), error, sizeof error);
    if (state->producer == nullptr) return Unexpected<std::string>{error};
    conf.release();
  } catch (const std::runtime_error& error) {
    return Unexpected<std::string>{error.what()};
  }
  state->queue = rd_kafka_queue_get_main(state->producer);
  state->event.assign(event.release());
  static constexpr std::uint64_t kOne = 1;
  rd_kafka_queue_io_event_enable(state->queue, state->event.native_handle(), &kOne, sizeof kOne);
  return std::unique_ptr<KafkaProducer>(new KafkaProducer(std::move(state)));
}

asio::awaitable<void> KafkaProducer::produce(std::string_view key,
                                             std::span<KafkaMessage> messages) {
  State& state = *state_;
  state.last_error.clear();
  // Its handler may come when all is over.
  const auto late = std::make_shared<bool>(false);
  state.timer.expires_after(state.patience);
  state.timer.async_wait([late, &event = state.event](const boost::system::error_code& error) {
    if (error || *late) return;
    *late = true;
    event.cancel();
  });
  for (KafkaMessage& message : messages) state.produce(key, message);
  while (state.waiting != 0) {
    while (rd_kafka_poll(state.producer, 0) != 0) {
    }
    if (state.waiting == 0 || *late) break;
    boost::system::error_code ignored;
    co_await state.event.async_wait(asio::posix::stream_descriptor::wait_read,
                                    asio::redirect_error(asio::use_awaitable, ignored));
    std::uint64_t count = 0;
    (void)!::read(state.event.native_handle(), &count, sizeof count);
  }
  *late = true;
  state.timer.cancel();
  for (KafkaMessage& message : messages) {
    if (message.state == MessageState::Waiting) {
      message.state = MessageState::Failed;
      message.why = "nothing was heard of it";
    }
    if (message.state == MessageState::Failed && !state.last_error.empty())
      message.why += " (" + state.last_error + ")";
  }
}

}  // namespace veilwire::outbound
