// OTLP/HTTP in protocol buffers: the bytes of an ExportLogsServiceRequest, and what the answer says
// (opentelemetry-proto v1.11.0; OTLP 1.11, "OTLP/HTTP Response").
//
// Written here instead of generated, because nine messages with two dozen fields are all there is
// of it: one page of code in place of a library and a generator in the process that holds the
// evidence. That the bytes are what upstream's definitions say is shown by protoc. Tested by
// tests/unit/projection/otlp_test.cpp and tests/projection/otlp_test.py.
#pragma once

#include "userspace/base/result.h"
#include "userspace/projection/otel_event.h"
#include "userspace/projection/source.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace veilwire::projection {

// Collectors refuse larger requests: 4 MiB by gRPC's habit, 20 MiB in the OpenTelemetry Collector's
// HTTP receiver.
inline constexpr std::size_t kOtlpRequest = 4 * 1024 * 1024;

class OtlpRequest {
 public:
  explicit OtlpRequest(const Source& source, std::size_t most = kOtlpRequest);

  enum class Added : std::uint8_t {
    Yes,
    Full,      // send what there is, then add it to a new request
    TooLarge,  // no request can hold it: project it anew at Level::Metadata
  };
  Added add(const Event& event);
  std::size_t events() const { return events_; }
  // The bytes, at most `most`; afterwards the request is empty again.
  std::string finish();

 private:
  std::string resource_, scope_;
  std::size_t most_;
  std::string records_;
  std::size_t events_ = 0;
};

struct OtlpAnswer {
  std::uint64_t rejected = 0;  // log records that were refused for good
  std::string message;         // UTF-8; also a warning where nothing was rejected
};
enum class OtlpError : std::uint8_t {
  NotProtobuf,    // garbage: whether the records were taken is not known
  NegativeCount,  // rejected_log_records below zero
};
std::string_view to_string(OtlpError error);
// Of an answer with status 200. No bytes at all are a full success.
Result<OtlpAnswer, OtlpError> parse_otlp_answer(std::string_view bytes);

}  // namespace veilwire::projection
