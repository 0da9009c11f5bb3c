#include "userspace/evidence/witness_message.h"

#include "userspace/audit/record.h"
#include "userspace/proof/merkle_tree.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

namespace veilwire::evidence {
namespace {

using nlohmann::json;

constexpr std::string_view kVersion = "veilwire-records/1";
constexpr std::size_t kLengthBytes = 4;

std::optional<std::string_view> take_line(std::string_view& bytes) {
  // A head is short: what has no line end is not searched to its end.
  const std::size_t end = bytes.substr(0, kOriginBytes + 1).find('\n');
  if (end == bytes.npos) return std::nullopt;
  const std::string_view line = bytes.substr(0, end);
  bytes.remove_prefix(end + 1);
  return line;
}

std::optional<std::uint64_t> read_number(std::string_view digits) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || std::to_string(number) != digits || number == 0 ||
      number > proof::kMostRecords)
    return std::nullopt;
  return number;
}

bool is_origin(std::string_view text) {
  return !text.empty() && text.size() <= kOriginBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

std::size_t read_length(std::string_view bytes) {
  std::size_t length = 0;
  for (const char c : bytes.substr(0, kLengthBytes))
    length = length << 8 | static_cast<unsigned char>(c);
  return length;
}

void append_length(std::string& out, std::size_t length) {
  for (const unsigned shift : {24U, 16U, 8U, 0U}) out += static_cast<char>(length >> shift & 0xFF);
}

}  // namespace

std::string_view to_string(BatchError error) {
  switch (error) {
    case BatchError::TooLarge:
      return "is larger than what is taken at once";
    case BatchError::BadHead:
      return "does not begin like a batch of records";
    case BatchError::BadOrigin:
      return "does not name a log";
    case BatchError::BadFraming:
      return "ends inside of a record";
    case BatchError::Empty:
      return "has no record";
  }
  return "";
}

Result<RecordBatch, BatchError> parse_batch(std::string_view bytes) {
  if (bytes.size() > kBatchBytes) return Unexpected{BatchError::TooLarge};
  RecordBatch out;
  if (take_line(bytes) != kVersion) return Unexpected{BatchError::BadHead};
  const auto origin = take_line(bytes);
  if (!origin || !is_origin(*origin)) return Unexpected{BatchError::BadOrigin};
  out.origin = *origin;
  const auto line = take_line(bytes);
  const auto first = line ? read_number(*line) : std::nullopt;
  if (!first) return Unexpected{BatchError::BadHead};
  out.first = *first;
  while (!bytes.empty()) {
    if (bytes.size() < kLengthBytes) return Unexpected{BatchError::BadFraming};
    const std::size_t length = read_length(bytes);
    bytes.remove_prefix(kLengthBytes);
    if (length > audit::kRecordBytes || out.records.size() == kBatchRecords)
      return Unexpected{BatchError::TooLarge};
    if (length > bytes.size()) return Unexpected{BatchError::BadFraming};
    out.records.push_back(bytes.substr(0, length));
    bytes.remove_prefix(length);
  }
  if (out.records.empty()) return Unexpected{BatchError::Empty};
  return out;
}

BatchWriter::BatchWriter(std::string_view origin, std::uint64_t first)
    : bytes_(std::string(kVersion) + '\n' + std::string(origin) + '\n' + std::to_string(first) +
             '\n') {}

bool BatchWriter::add(std::string_view record) {
  if (records_ == kBatchRecords || kBatchBytes - bytes_.size() < kLengthBytes + record.size())
    return false;
  append_length(bytes_, record.size());
  bytes_ += record;
  ++records_;
  return true;
}

std::string to_json(const WitnessAnswer& answer) {
  json out = json::object();
  if (answer.size) out["size"] = *answer.size;
  if (answer.cosignature) {
    out["checkpoint"] = answer.cosignature->size;
    out["cosignature"] = answer.cosignature->line;
  }
  if (!answer.error.empty()) out["error"] = answer.error;
  if (answer.record != 0) out["record"] = answer.record;
  return out.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
}

std::optional<WitnessAnswer> parse_answer(std::string_view text) {
  if (text.size() > kWitnessAnswerBytes) return std::nullopt;
  // No member of ours is deeper than the object itself ("[[[[").
  const auto shallow = [](int depth, json::parse_event_t, json&) { return depth <= 1; };
  const json parsed = json::parse(text, shallow, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return std::nullopt;
  WitnessAnswer out;
  const auto number = [&](const char* name) -> std::optional<std::uint64_t> {
    const auto at = parsed.find(name);
    if (at == parsed.end() || !at->is_number_unsigned() ||
        at->get<std::uint64_t>() > proof::kMostRecords)
      return std::nullopt;
    return at->get<std::uint64_t>();
  };
  const auto words = [&](const char* name) -> std::string {
    const auto at = parsed.find(name);
    return at != parsed.end() && at->is_string() ? at->get<std::string>() : "";
  };
  out.size = number("size");
  out.error = words("error");
  out.record = number("record").value_or(0);
  if (const auto size = number("checkpoint"); size && parsed.contains("cosignature"))
    out.cosignature = {*size, words("cosignature")};
  return out;
}

}  // namespace veilwire::evidence
