// The closed set of records and their canonical bytes (RFC 8785, JCS): what is stored and, later,
// hashed. A record holds outcomes and masked text, never a secret in clear. Projections (OTLP,
// OCSF, HAR) are made from it on the way out and are never hashed. Tested by
// tests/unit/audit/canonical_test.cpp and parse_test.cpp.
#pragma once

#include "userspace/base/time.h"
#include "userspace/identity/person.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace veilwire::audit {

inline constexpr int kRecordVersion = 2;
// Still read. Before 2, nothing said how good the word on a person was, and the name of a derived
// one held both.
inline constexpr int kOldestRecordVersion = 1;

// Canonical bytes of one record. Contents are at most limits::kRequestRecord and kRecordContent,
// those of a chunk sealing::kChunkText and a tag, and a head is at most limits::kHttpHead, so that
// even text that is all escapes stays below; what is larger is no record of ours, and a reader that
// took it would let one writer fill its memory.
inline constexpr std::size_t kRecordBytes = 1024 * 1024;

// RFC 8785 numbers are IEEE 754 doubles: integers beyond this have no exact spelling. Counters are
// clamped to it (nine petabytes); values that can be larger (wall time in ns, inodes, cgroup ids)
// stand as decimal strings, always.
inline constexpr std::uint64_t kLargestInteger = (std::uint64_t{1} << 53) - 1;

// Where a record belongs. session is one client connection, exchange one request and its response
// in it (from 1; 0: the connection itself).
struct Context {
  std::string host;     // machine id
  std::string boot;     // boot id
  std::string session;  // 16 lower-case hex digits
  std::uint64_t exchange = 0;
};

// A mask as it stands in released text.
struct MaskedSpan {
  std::string rule;
  std::string category;
  std::uint64_t offset = 0;  // in the released bytes of this body, decoded, from its start
  std::uint64_t length = 0;  // of the original
  std::string digest;
  std::string action;                 // "mask", "block", "pass" or "observed"
  std::uint64_t released_length = 0;  // of what stands in its place; 0 for a block
  // Observed: what policy would have done, "mask" or "block", had it not only observed. The content
  // of the record is masked; what went out is as it came.
  std::string would = {};
};

using Fields = std::vector<std::pair<std::string, std::string>>;

struct SessionOpen {
  identity::Peer peer;
  std::string destination;  // "203.0.113.7:443" or "[2001:db8::7]:443", as the client asked
  std::string server_name;  // SNI, empty when there is none
  std::string handling;     // "intercepted", "spliced", "refused"
  std::string tls;          // version and resumption, e.g. "TLSv1.3 resumed"; empty when spliced
};
struct RequestHead {
  identity::Person person;  // as of the record's time: confirmed_at becomes an age, in ms
  std::string service, method, target;
  Fields fields;                        // after redact_fields(): credentials are digests
  std::string model, mcp_method, tool;  // where the message has them
  std::string policy_digest;
  // Name of the organisation's credential that goes upstream instead of the client's own; where
  // there is none, no member says so, as before there were any.
  std::string credential = {};
  // "observe" where policy only observes this exchange; else no member says so, as below.
  std::string mode = {};
};
// Body bytes as they go upstream (masked where policy masks), decoded from any content coding. Cut
// them where next_cut() (content.h) says, after limits::kRequestRecord bytes, so that a
// conversation that is sent again is stored once.
struct RequestBody {
  std::uint64_t offset = 0;
  std::string content;
  std::vector<MaskedSpan> masks;
};
// Who a request came from is not any more, or not in the same way, while its answer is under way.
struct IdentityChange {
  std::string what;    // "changed": it goes on as the person whom the record names; "lost"
  std::string reason;  // why they are lost
  // What the client got: "error response", "error event", "reset"; empty: it goes on.
  std::string answer;
  identity::Person person;  // as of the record's time; where lost, as they were known
};
struct ResponseHead {
  int status = 0;
  Fields fields;
};
// Bytes as released to the client, decoded from any content coding.
struct ResponseFragment {
  std::uint64_t offset = 0;
  std::string content;
  std::vector<MaskedSpan> masks;
};
struct Blocked {
  std::string direction, rule, category, digest;
  std::string answer;  // what the client got: "451", "stream ended", "json-rpc error", "reset"
};
struct UpstreamError {
  std::string reason;
};
// The reason of the recorder's gap in what a writer has left open that never came back: it ends it.
inline constexpr std::string_view kProxyGone = "proxy gone";
// Anything that was not inspected or not recorded, and why.
struct Gap {
  std::string reason;  // policy::to_string(Uninspected), "spliced", "port not in the policy", ...
  std::string detail;
  std::string action;  // "pass" or "block"
  std::uint64_t bytes = 0;
  std::string would = {};  // "block" where it passes because policy only observes
};
// What would have ended an exchange or a connection here, had policy not only observed: it goes on.
struct Observed {
  std::string direction;  // "request", "response"; of a connection neither
  std::string outcome;    // as ExchangeClose would have it: "blocked", "sign-in wanted", ...
  std::string rule, category, digest;  // of what would have been blocked
  std::string reason;                  // what the person would have been told, or why
  std::string answer;  // what the client would have got: "451", "stream ended", "reset", ...
};
struct ExchangeClose {
  std::string outcome;  // "complete", "blocked", "client left", "agent stopped", ...
  std::uint64_t request_bytes = 0, response_bytes = 0;
  std::uint64_t masked = 0;
  std::uint64_t observed = 0;  // findings that went out as they came
};
struct SessionClose {
  std::string reason;
  std::uint64_t from_client = 0, from_upstream = 0;  // bytes
};
struct ConfigChange {
  std::string what, file, digest, outcome;  // outcome: "active" or the error, with its line
  std::string mode = {};  // of a policy that observes: "observe", or "observe in part"
};
// The recorder's own word on all records before this one: a signed note (userspace/proof).
struct Checkpoint {
  std::string note;
};
// By which key checkpoints are signed from here on. The note says so, signed by that key and by the
// one before it, if there was one.
struct CheckpointKey {
  std::string verifier;  // as proof::NoteVerifier spells it
  std::string note;
};

// The key of originals (userspace/sealing), wrapped for its auditors: of the session (exchange 0),
// before the first chunk that is sealed under it. Another key follows where auditors are others.
struct OriginalRecipient {
  std::string subject, issuer;  // RFC 2253
  std::string serial;           // hex
  std::string fingerprint;      // of the certificate: SHA-256, hex
};
struct OriginalKey {
  std::string key_id;                         // hex
  std::vector<OriginalRecipient> recipients;  // for a person: what counts stands in the CMS
  std::string cms;                            // DER
};
// Bytes of a body as it came, with its content coding and before anything was masked, sealed. They
// stand before what was made of them.
struct OriginalChunk {
  std::string direction;  // "request" or "response"
  std::string key_id;     // of an OriginalKey of this session
  std::string head;       // hex: head_digest() (head_digest.h) of the record that heads the body
  std::uint64_t index = 0;
  bool last = false;    // all that came of the body is here
  std::string content;  // ciphertext and tag
};
// Before the recorder deletes what has been kept long enough and is held elsewhere: the ledger's
// first `through` records, but for those that are never deleted.
struct Retention {
  std::uint64_t through = 0;
  std::uint64_t records = 0;  // that go with this
  std::string root;           // of all that are gone then, in base64
};

using Body = std::variant<SessionOpen, RequestHead, RequestBody, IdentityChange, ResponseHead,
                          ResponseFragment, Blocked, UpstreamError, Gap, ExchangeClose,
                          SessionClose, ConfigChange, Checkpoint, CheckpointKey, OriginalKey,
                          OriginalChunk, Retention, Observed>;

struct Record {
  Context context;
  Now time;
  Body body;
};

// As they stand in records and in what is made of them.
std::string_view spell(identity::PersonClass c);
std::string_view standing(const identity::Person& person);  // "fresh", "cached" or "stale"
std::uint64_t age_ms(const identity::Person& person, Monotonic now);

// "session.open", "request.head", ...: the "kind" member.
std::string_view kind(const Record& record);

// One JSON object without white space, RFC 8785. A string that is not valid UTF-8 stands in base64
// under its name with "_base64" behind it ("content_base64"); inside an array as {"base64": "..."}.
// writer is one thread of one process, 32 lower-case hex digits; it numbers its records from 1
// without gaps, so that (writer, seq) names a record and shows a missing one.
std::string canonical(const Record& record, std::string_view writer, std::uint64_t seq);

}  // namespace veilwire::audit
