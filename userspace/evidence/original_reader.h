// Opens sealed originals for who has an auditor's key: records go in, one session's after the
// other, text comes out. The records may have been written anew by whoever has the host: each chunk
// is opened only at its place in its body, under the head that it was sealed for. Tested by
// tests/unit/evidence/original_reader_test.cpp and fuzzed by tests/fuzz/original_reader.cpp.
#pragma once

#include "userspace/audit/parse.h"
#include "userspace/audit/record.h"
#include "userspace/base/result.h"
#include "userspace/sealing/error.h"
#include "userspace/sealing/format.h"
#include "userspace/sealing/session_key.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace veilwire::evidence {

// One body.
struct OriginalBody {
  std::string session;
  std::uint64_t exchange = 0;
  std::string direction;  // "request" or "response"
  std::string key_id;
  std::vector<std::string> codings;  // values of Content-Encoding, as they stand in its head
  std::uint64_t bytes = 0;           // that have been opened
  std::uint64_t chunks = 0;
  bool locked = false;  // the key that was given opens none of it
  // Why what follows could not be opened. What was opened before stood in the body's beginning.
  std::optional<std::string> problem;
};

class OriginalReader {
 public:
  using Unwrap =
      std::function<Result<sealing::SessionKey, sealing::SealingError>(const sealing::WrappedKey&)>;
  // text: of the body, what follows what has been given of it before.
  using Take = std::function<void(const OriginalBody& body, std::string_view text)>;
  OriginalReader(Unwrap unwrap, Take take);
  ~OriginalReader();
  OriginalReader(const OriginalReader&) = delete;
  OriginalReader& operator=(const OriginalReader&) = delete;

  // canonical: what the record was parsed from. In the order of the ledger, but the records of a
  // session itself may come before those of its exchanges.
  void add(const audit::Parsed& record, std::string_view canonical);
  // All bodies, in the order in which they began. One whose end is missing has a problem now.
  std::vector<OriginalBody> finish();

 private:
  struct Key;
  struct Head;
  struct Open;
  using BodyName = std::tuple<std::string, std::uint64_t, std::string>;

  void add_key(const audit::Parsed& record, const audit::OriginalKey& key);
  void add_head(const audit::Parsed& record, std::string_view canonical,
                const audit::Fields& fields);
  void add_chunk(const audit::Parsed& record, const audit::OriginalChunk& chunk);
  void begin(Open& open, const audit::Parsed& record, const audit::OriginalChunk& chunk);

  Unwrap unwrap_;
  Take take_;
  std::map<std::pair<std::string, std::string>, Key> keys_;    // by session and id
  std::map<std::pair<std::string, std::string>, Head> heads_;  // by session and digest
  std::map<BodyName, std::unique_ptr<Open>> open_;
  std::vector<Open*> order_;
};

}  // namespace veilwire::evidence
