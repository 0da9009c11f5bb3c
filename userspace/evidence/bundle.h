// Records that leave their ledger with the proof that they were in it: lines of JSON, which need
// nothing else to be verified but a key that the verifier trusts.
//
//   {"bundle":1,"checkpoint":"NOTE"}                      first: the signed checkpoint, cosigned or
//   not
//   {"index":N,"proof":["BASE64",...],"record":RECORD}    one a record, in order; N from 0
//
// Among the records is every statement of a key of the log. RECORD is the record's canonical bytes
// (RFC 8785), which are what is hashed; bytes that are no record stand in "record_base64". The
// proof is the inclusion proof of RFC 9162, 2.1.3. Tested by tests/unit/evidence/bundle_test.cpp
// and, by tests/evidence, against golang.org/x/mod/sumdb.
#pragma once

#include "userspace/base/time.h"
#include "userspace/evidence/key_chain.h"
#include "userspace/evidence/problem.h"
#include "userspace/proof/merkle_tree.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::evidence {

inline constexpr int kBundleVersion = 1;
// A record whose bytes are all escaped in base64, and a proof of 64 hashes.
inline constexpr std::size_t kBundleLine = 2 * audit::kRecordBytes;

// Lines without their line ends.
std::string bundle_head(std::string_view checkpoint_note);
std::string bundle_line(std::uint64_t index, const proof::Proof& proof, std::string_view record);

// What a line of a bundle says of a record.
struct BundledRecord {
  std::uint64_t index = 0;
  proof::Proof proof;
  std::string record;
};
std::optional<BundledRecord> parse_bundle_line(std::string_view line);

struct BundleReport {
  std::string origin;
  std::uint64_t log_records = 0;  // when the checkpoint was signed
  std::optional<WallTime> signed_at;
  std::vector<std::string> keys;
  bool trusted = false;  // as in LogReport
  struct Cosignature {
    std::string witness;
    std::uint64_t time = 0;  // seconds since 1970
  };
  std::vector<Cosignature> cosignatures;  // of the witnesses that were given
  std::uint64_t records = 0;              // in the bundle, proven
  std::vector<Problem> problems;
  std::uint64_t problem_count = 0;
};

class BundleCheck {
 public:
  BundleCheck(std::span<const proof::NoteVerifier> trusted,
              std::span<const proof::NoteVerifier> witnesses)
      : keys_(trusted), witnesses_(witnesses) {}

  // The next line, without its end. What is proven is given back, for whoever wants to read it; a
  // signature is judged at the end, by which it counts for nothing before.
  std::optional<BundledRecord> add(std::string_view line);
  BundleReport report();

 private:
  void read_head(std::string_view line);
  void problem(std::uint64_t record, std::string what);

  KeyChain keys_;
  std::span<const proof::NoteVerifier> witnesses_;
  std::optional<proof::Note> note_;
  std::optional<proof::Checkpoint> checkpoint_;
  BundleReport report_;
  std::uint64_t lines_ = 0;
  std::optional<std::uint64_t> last_index_;
};

}  // namespace veilwire::evidence
