// One client connection from its first byte to its last, as a pure machine: what has happened goes
// in, what is to be done comes out, in order. It owns no socket, no thread and no clock, so a whole
// conversation, TLS on both sides included, runs in a test's memory.
//
//   bytes -> TLS -> HTTP -> message -> findings -> decision -> bytes
//
// opening   the port decides (splice), then the ClientHello: intercept, splice or refuse
// relaying  TLS ends here; HttpRelay has the plain text
// splicing  bytes pass untouched, both ways, and are counted
// closing   what is written is delivered, what still comes is discarded
//
// Tested by tests/unit/flow/connection_test.cpp.
#pragma once

#include "userspace/audit/record.h"
#include "userspace/base/secret.h"
#include "userspace/base/time.h"
#include "userspace/crypto/random.h"
#include "userspace/flow/conversation_memory.h"
#include "userspace/flow/memory_budget.h"
#include "userspace/flow/ruleset.h"
#include "userspace/identity/person.h"
#include "userspace/wire/tls_engine.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace veilwire::flow {

struct Destination {
  std::string address;  // as the client asked: "203.0.113.7", "2001:db8::7"
  std::uint16_t port = 0;
};

// What a connection starts with.
struct Opening {
  std::string host;     // machine id, for records
  std::string boot;     // boot id
  std::string session;  // 16 lower-case hex digits, unique on this host
  identity::Peer peer;
  Destination destination;
  std::shared_ptr<const Ruleset> ruleset;
  std::shared_ptr<wire::TlsClientContext> upstream_tls;
  MemoryAccount memory = {};
  std::shared_ptr<ConversationMemory> conversations = {};
  std::string writer = {};           // who numbers the records, as they name it
  crypto::RandomSource random = {};  // for the key of originals, where policy keeps any
};

// --- what has happened

struct FromClient {
  std::string_view bytes;
};
struct FromUpstream {
  std::string_view bytes;
};
struct ClientEnded {
  bool reset = false;
};  // end of file, or an error
struct UpstreamEnded {
  bool reset = false;
};
struct UpstreamConnected {};
struct UpstreamFailed {
  std::string reason;
};  // the dial did not succeed
struct LeafReady {
  std::shared_ptr<const wire::TlsServerContext> context;
};
struct LeafFailed {
  std::string reason;
};
struct IdentityKnown {
  identity::Person person;
};
struct IdentityRefused {
  std::string message;   // for the person: why, and what to do
  bool retry = false;    // nobody could say: the same question may be answered in a moment
  bool sign_in = false;  // signing in would help, and the message says how
};
// What was said of the person may not hold any more.
struct IdentityDoubted {};
// To NeedCredential. One that is not waited for any more is ignored.
struct CredentialKnown {
  std::string name;
  std::shared_ptr<const Secret> value;
};
struct CredentialRefused {
  std::string name;
  std::string reason;  // for the person and the record
};
// The recorder takes no records, and has not for a while: new requests are refused until it does
// again.
struct RecordingFailed {
  std::string reason;
};
struct RecordingRestored {};
// The process is about to stop: an exchange that is under way is the last one, and who has just
// come gets a moment to begin one. What is spliced goes on: nobody knows where it could end.
struct AgentStopping {};
// The process stops: what is open ends here, and its records say so.
struct AgentStopped {};
struct Tick {};  // a time asked for by WakeAt has come

using Input = std::variant<FromClient, FromUpstream, ClientEnded, UpstreamEnded, UpstreamConnected,
                           UpstreamFailed, LeafReady, LeafFailed, IdentityKnown, IdentityRefused,
                           IdentityDoubted, CredentialKnown, CredentialRefused, RecordingFailed,
                           RecordingRestored, AgentStopping, AgentStopped, Tick>;

// --- what is to be done, strictly in this order

struct ToClient {
  std::string bytes;
};
struct ToUpstream {
  std::string bytes;
};
// By name (its own addresses first, the client's as a last resort), or the other way round where
// nobody vouches for the name, or, without one, exactly where the client went.
struct Dial {
  std::string name;
  Destination destination;
  bool address_first = false;
};
struct NeedLeaf {
  std::string name;
};
// at_once: something goes on for the person meanwhile, so nobody is waited for who may sign in.
struct NeedIdentity {
  bool at_once = false;
};
// The organisation's credential of this name, for one request that waits for it.
struct NeedCredential {
  std::string name;
};
// The host has refused the one of this name.
struct DoubtCredential {
  std::string name;
};
// A barrier: nothing behind it is carried out before the record is as safe as `strength` says. wait
// is false only for what says that the recorder cannot be reached: that record is kept and sent
// when it can.
struct PutRecord {
  audit::Record record;
  policy::RecordStrength strength;
  bool wait = true;
};
// Reading from the client pauses and resumes; the upstream side is paced by what waits for the
// client.
struct ReadClient {
  bool on = true;
};
// Once per change; earlier times replace later ones.
struct WakeAt {
  Monotonic time;
};
// Half-close behind what is written (`reset`: at once, without FIN, so that nobody takes a torso
// for a whole).
struct CloseClient {
  bool reset = false;
};
// HalfClose: no more is sent, what still comes is wanted (splicing). Close: gone once what is
// written has been sent.
struct CloseUpstream {
  enum class How { HalfClose, Close, Reset };
  How how = How::Close;
};
// The connection is over: no input is wanted any more.
struct Done {};

using Output =
    std::variant<ToClient, ToUpstream, Dial, NeedLeaf, NeedIdentity, NeedCredential,
                 DoubtCredential, PutRecord, ReadClient, WakeAt, CloseClient, CloseUpstream, Done>;
using Outputs = std::vector<Output>;

class Connection {
 public:
  explicit Connection(Opening opening);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Asked once, before any input: the first timer, or the dial where policy does not read the port.
  void start(Now now, Outputs& out);
  // ruleset: what is active now; a change applies from this event on, to what is held as well.
  void handle(const Input& input, Now now, const std::shared_ptr<const Ruleset>& ruleset,
              Outputs& out);

  // For status: what this connection is about.
  struct Summary {
    std::string_view state;  // "opening", "relaying", "splicing", "closing", "done"
    std::string server_name;
    std::string person;
    std::uint64_t exchanges = 0;
    std::uint64_t masked = 0;
  };
  Summary summary() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veilwire::flow
