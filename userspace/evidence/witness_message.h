// What a host tells its witness, and what it is answered, as bytes. The request's body:
//
//   veilwire-records/1 LF ORIGIN LF NUMBER LF      of the log, and of the first record, from 1
//   then each record: four bytes of its length, big-endian, and its bytes as they are in the log
//
// The answer is JSON, with whatever of these it has to say:
//
//   {"size":N,                 how many records the witness holds: the next one is N + 1
//    "checkpoint":N,           the size of the last checkpoint that it has signed,
//    "cosignature":"LINE",     and its signature line (C2SP tlog-cosignature v1), without its end
//    "error":"WHY","record":N} and of which record, where it is one
//
// Either may come from somebody who has been taken over. Tested by
// tests/unit/evidence/witness_message_test.cpp.
#pragma once

#include "userspace/base/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::evidence {

// One body (a request that fills the memory of its receiver). Eight of the largest records.
inline constexpr std::size_t kBatchBytes = 8 * 1024 * 1024;
// Four bytes of length may stand for an empty record.
inline constexpr std::size_t kBatchRecords = 16 * 1024;
inline constexpr std::size_t kOriginBytes = 256;
// Of an answer.
inline constexpr std::size_t kWitnessAnswerBytes = 16 * 1024;
inline constexpr std::string_view kBatchType = "application/vnd.veilwire.records";

struct RecordBatch {
  std::string_view origin;
  std::uint64_t first = 0;
  std::vector<std::string_view> records;  // into the bytes that were read; not empty
};

enum class BatchError : std::uint8_t {
  TooLarge,    // over kBatchBytes, kBatchRecords or audit::kRecordBytes
  BadHead,     // another version, or no origin or number
  BadOrigin,   // not one line of printable ASCII, or longer than kOriginBytes
  BadFraming,  // the bytes end inside of a record
  Empty,       // no record
};
std::string_view to_string(BatchError error);  // a clause for a person

Result<RecordBatch, BatchError> parse_batch(std::string_view bytes);

// A body that is filled record by record.
class BatchWriter {
 public:
  // origin: as parse_batch() takes it.
  BatchWriter(std::string_view origin, std::uint64_t first);
  // false: there is no room for it in this one. The first always has.
  bool add(std::string_view record);  // at most audit::kRecordBytes
  std::size_t records() const { return records_; }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  std::size_t records_ = 0;
};

struct WitnessAnswer {
  std::optional<std::uint64_t> size;
  struct Cosignature {
    std::uint64_t size = 0;
    std::string line;
  };
  std::optional<Cosignature> cosignature;
  std::string error;  // a clause for a person; empty: none
  std::uint64_t record = 0;
};

std::string to_json(const WitnessAnswer& answer);
// nullopt: no answer of a witness. Members that are not known are passed over.
std::optional<WitnessAnswer> parse_answer(std::string_view json);

}  // namespace veilwire::evidence
