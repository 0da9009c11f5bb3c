// An OpenTelemetry collector as far as sinks see one: reads requests, tells a test what stands in
// each, and answers what the test says.
#pragma once

#include "tests/unit/forwarder/receiver.h"
#include "userspace/projection/protobuf.h"
#include "userspace/wire/content_coding.h"

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace veilwire::forwarder::testing {

struct LogsRequest {
  std::string head;
  std::size_t body_bytes = 0;      // as they came
  std::vector<std::string> uids;   // of log records, in their order
  std::vector<std::size_t> sizes;  // of the same
};

inline std::string http_answer(int status, const std::string& body = "",
                               const std::string& fields = "") {
  return "HTTP/1.1 " + std::to_string(status) +
         " Some\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         (body.empty() ? "" : "Content-Type: application/x-protobuf\r\n") + fields + "\r\n" + body;
}
// ExportLogsServiceResponse with partial_success.
inline std::string partial_success(std::uint64_t rejected, const std::string& message = "no") {
  namespace protobuf = projection::protobuf;
  std::string partial, out;
  protobuf::put_varint_field(partial, 1, rejected);
  protobuf::put_bytes(partial, 2, message);
  protobuf::put_bytes(out, 1, partial);
  return out;
}

class Collector {
 public:
  // nullopt: the connection is cut after the body.
  using Answer = std::function<std::optional<std::string>(const LogsRequest&)>;

  explicit Collector(Answer answer, std::optional<Receiver::Tls> tls = {})
      : answer_(std::move(answer)),
        receiver_([this](Stream& stream) { serve(stream); }, std::move(tls)) {}

  std::uint16_t port() const { return receiver_.port(); }
  std::vector<LogsRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // All that were answered with `taken`, with repetitions.
  std::vector<std::string> taken() const {
    const std::lock_guard lock(mutex_);
    return taken_;
  }
  void take(const LogsRequest& request) {
    taken_.insert(taken_.end(), request.uids.begin(), request.uids.end());
  }

 private:
  void serve(Stream& stream) {
    std::string bytes;
    std::size_t head = 0, length = 0;
    while (true) {
      head = bytes.find("\r\n\r\n");
      if (head != bytes.npos) {
        const std::size_t at = bytes.find("Content-Length: ");
        length = at < head ? std::stoul(bytes.substr(at + 16)) : 0;
        if (bytes.size() >= head + 4 + length) break;
      }
      if (!stream.read(bytes)) return;
    }
    const std::string body = bytes.substr(head + 4);
    LogsRequest request{
        .head = bytes.substr(0, head + 2), .body_bytes = body.size(), .uids = {}, .sizes = {}};
    read_logs(decoded(request.head, body), request);
    const std::lock_guard lock(mutex_);
    requests_.push_back(request);
    if (const auto answer = answer_(request)) {
      stream.write(*answer);
      stream.say_goodbye();
    }
  }

  static std::string decoded(const std::string& head, const std::string& body) {
    if (head.find("Content-Encoding: gzip\r\n") == head.npos) return body;
    auto decoder = wire::Decoder::make({wire::Coding::Gzip}, {.ratio = 100'000});
    std::string out;
    if (!decoder || !decoder->feed(body, out) || !decoder->finish())
      throw std::runtime_error("not gzip");
    return out;
  }
  // ExportLogsServiceRequest, ResourceLogs, ScopeLogs, LogRecord, KeyValue, AnyValue.
  static void read_logs(std::string_view bytes, LogsRequest& out) {
    each(bytes, 1, [&](std::string_view resource) {
      each(resource, 2, [&](std::string_view scope) {
        each(scope, 2, [&](std::string_view record) {
          out.sizes.push_back(record.size());
          each(record, 6, [&](std::string_view attribute) {
            std::string key, value;
            each(attribute, 1, [&](std::string_view text) { key = text; });
            each(attribute, 2, [&](std::string_view any) {
              each(any, 1, [&](std::string_view text) { value = text; });
            });
            if (key == "log.record.uid") out.uids.push_back(value);
          });
        });
      });
    });
  }
  template <class Use>
  static void each(std::string_view bytes, std::uint32_t number, const Use& use) {
    while (!bytes.empty()) {
      const auto field = projection::protobuf::take_field(bytes);
      if (!field) throw std::runtime_error("not protobuf");
      if (field->number == number) use(field->bytes);
    }
  }

  Answer answer_;
  mutable std::mutex mutex_;
  std::vector<LogsRequest> requests_;
  std::vector<std::string> taken_;
  Receiver receiver_;
};

}  // namespace veilwire::forwarder::testing
