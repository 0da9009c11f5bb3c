#include "userspace/projection/otlp.h"

#include "userspace/projection/otel_names.h"
#include "userspace/projection/protobuf.h"

#include <bit>
#include <utility>
#include <variant>

namespace veilwire::projection {
namespace {

using protobuf::put_bytes;
using protobuf::put_fixed64;
using protobuf::put_varint_field;

// Field numbers, by message.
constexpr std::uint32_t kResourceLogs = 1;  // ExportLogsServiceRequest
constexpr std::uint32_t kResource = 1, kScopeLogs = 2, kResourceSchemaUrl = 3;  // ResourceLogs
constexpr std::uint32_t kResourceAttributes = 1;                                // Resource
constexpr std::uint32_t kScope = 1, kLogRecords = 2;                            // ScopeLogs
constexpr std::uint32_t kScopeName = 1, kScopeVersion = 2;  // InstrumentationScope
constexpr std::uint32_t kTime = 1, kSeverityNumber = 2, kSeverityText = 3, kBody = 5,
                        kAttributes = 6, kObservedTime = 11, kEventName = 12;  // LogRecord
constexpr std::uint32_t kKey = 1, kValue = 2;                                  // KeyValue
constexpr std::uint32_t kString = 1, kBool = 2, kInt = 3, kDouble = 4, kArray = 5, kKvList = 6,
                        kBytes = 7;                   // AnyValue
constexpr std::uint32_t kValues = 1;                  // ArrayValue, KeyValueList
constexpr std::uint32_t kPartial = 1;                 // ExportLogsServiceResponse
constexpr std::uint32_t kRejected = 1, kMessage = 2;  // ExportLogsPartialSuccess

std::string any_value(const Value& value);

std::string key_value(std::string_view key, const Value& value) {
  std::string out;
  put_bytes(out, kKey, key);
  put_bytes(out, kValue, any_value(value));
  return out;
}

// A value of a oneof is written even where it is zero or empty: without it the value would be null.
struct AnyValueWriter {
  std::string& out;

  void operator()(std::monostate) const {}
  void operator()(bool value) const { put_varint_field(out, kBool, value ? 1 : 0); }
  void operator()(std::int64_t value) const {
    put_varint_field(out, kInt, static_cast<std::uint64_t>(value));
  }
  void operator()(double value) const {
    put_fixed64(out, kDouble, std::bit_cast<std::uint64_t>(value));
  }
  void operator()(const std::string& text) const { put_bytes(out, kString, text); }
  void operator()(const Value::Bytes& bytes) const { put_bytes(out, kBytes, bytes.bytes); }
  void operator()(const Value::List& list) const {
    std::string values;
    for (const Value& value : list) put_bytes(values, kValues, any_value(value));
    put_bytes(out, kArray, values);
  }
  void operator()(const Value::Members& members) const {
    std::string values;
    for (const auto& [name, value] : members) put_bytes(values, kValues, key_value(name, value));
    put_bytes(out, kKvList, values);
  }
};

std::string any_value(const Value& value) {
  std::string out;
  std::visit(AnyValueWriter{out}, value.any());
  return out;
}

std::string_view severity_text(Severity severity) {
  switch (severity) {
    case Severity::Debug:
      return "DEBUG";
    case Severity::Info:
      return "INFO";
    case Severity::Warn:
      return "WARN";
  }
  return "INFO";
}

std::string log_record(const Event& event) {
  std::string out;
  put_fixed64(out, kTime, event.time_ns);
  put_varint_field(out, kSeverityNumber, static_cast<std::uint64_t>(event.severity));
  put_bytes(out, kSeverityText, severity_text(event.severity));
  if (event.body) put_bytes(out, kBody, any_value(*event.body));
  for (const auto& [name, value] : std::get<Value::Members>(event.attributes.any()))
    put_bytes(out, kAttributes, key_value(name, value));
  // Veilwire is where the event originates: both times are one.
  put_fixed64(out, kObservedTime, event.time_ns);
  put_bytes(out, kEventName, event.name);
  return out;
}

}  // namespace

OtlpRequest::OtlpRequest(const Source& source, std::size_t most) : most_(most) {
  const auto attribute = [&](std::string_view name, std::string_view text) {
    put_bytes(resource_, kResourceAttributes, key_value(name, Value::text(text)));
  };
  attribute(otel::kServiceName, "veilwire");
  attribute(otel::kServiceVersion, source.version);
  attribute(otel::kHostId, source.host_id);
  if (!source.host_name.empty()) attribute(otel::kHostName, source.host_name);
  put_bytes(scope_, kScopeName, "veilwire");
  put_bytes(scope_, kScopeVersion, clean(source.version));
}

OtlpRequest::Added OtlpRequest::add(const Event& event) {
  // Tags and lengths of what stands around the records.
  constexpr std::size_t kAround = 64;
  const std::size_t taken = kAround + resource_.size() + scope_.size() + otel::kSchemaUrl.size();
  const std::string record = log_record(event);
  const std::size_t size = protobuf::size_of_bytes(record.size());
  if (taken > most_ || size > most_ - taken) return Added::TooLarge;
  if (records_.size() > most_ - taken - size) return Added::Full;
  put_bytes(records_, kLogRecords, record);
  ++events_;
  return Added::Yes;
}

std::string OtlpRequest::finish() {
  std::string scope_logs;
  put_bytes(scope_logs, kScope, scope_);
  scope_logs += records_;
  std::string resource_logs;
  put_bytes(resource_logs, kResource, resource_);
  put_bytes(resource_logs, kScopeLogs, scope_logs);
  put_bytes(resource_logs, kResourceSchemaUrl, otel::kSchemaUrl);
  std::string out;
  put_bytes(out, kResourceLogs, resource_logs);
  records_.clear();
  events_ = 0;
  return out;
}

std::string_view to_string(OtlpError error) {
  switch (error) {
    case OtlpError::NotProtobuf:
      return "not an answer of OTLP";
    case OtlpError::NegativeCount:
      return "an answer with a negative count";
  }
  return "unknown";
}

Result<OtlpAnswer, OtlpError> parse_otlp_answer(std::string_view bytes) {
  using Type = protobuf::Field::Type;
  OtlpAnswer out;
  while (!bytes.empty()) {
    const auto field = protobuf::take_field(bytes);
    if (!field) return Unexpected{OtlpError::NotProtobuf};
    if (field->number != kPartial) continue;  // of a newer version
    if (field->type != Type::Bytes) return Unexpected{OtlpError::NotProtobuf};
    std::string_view partial = field->bytes;
    while (!partial.empty()) {
      const auto inner = protobuf::take_field(partial);
      if (!inner) return Unexpected{OtlpError::NotProtobuf};
      if (inner->number == kRejected) {
        if (inner->type != Type::Varint) return Unexpected{OtlpError::NotProtobuf};
        if (inner->value > INT64_MAX) return Unexpected{OtlpError::NegativeCount};
        out.rejected = inner->value;
      } else if (inner->number == kMessage) {
        if (inner->type != Type::Bytes) return Unexpected{OtlpError::NotProtobuf};
        out.message = clean(prefix(inner->bytes, kLongestText));
      }
    }
  }
  return out;
}

}  // namespace veilwire::projection
