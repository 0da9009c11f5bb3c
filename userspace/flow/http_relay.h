// HTTP/1.1 between a client and its upstream in plain text: one exchange after the other, requests
// held until they have been scanned, responses edited while they stream. What nobody changes leaves
// as it came, head and body, byte for byte.
//
// Where policy only observes, all of it goes on as it comes, and records say what would have become
// of it. What is no HTTP, and an upstream that is not there, end an exchange in either mode.
//
// Tested by tests/unit/flow/http_relay_test.cpp; refusals by relay_refusal_test.cpp, the
// organisation's credentials by given_credential_test.cpp, and what becomes of the person meanwhile
// by running_identity_test.cpp.
#pragma once

#include "userspace/audit/record.h"
#include "userspace/base/secret.h"
#include "userspace/base/time.h"
#include "userspace/crypto/hash.h"
#include "userspace/crypto/random.h"
#include "userspace/flow/conversation_memory.h"
#include "userspace/flow/memory_budget.h"
#include "userspace/flow/originals.h"
#include "userspace/flow/ruleset.h"
#include "userspace/identity/person.h"
#include "userspace/policy/policy.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::flow {

// Where the relay's decisions go, in order. The connection encrypts, records and carries out.
class RelaySink {
 public:
  virtual ~RelaySink() = default;
  virtual void to_client(std::string_view plain) = 0;
  virtual void to_upstream(std::string_view plain) = 0;
  virtual void record(std::uint64_t exchange, audit::Body body) = 0;
  // What ties a body to this record, which is put within the same event.
  virtual crypto::Digest head_digest(std::uint64_t exchange, const audit::Body& head) const = 0;
  // at_once: something goes on for the person meanwhile.
  virtual void need_identity(bool at_once) = 0;
  // Of the organisation, for the request that waits.
  virtual void need_credential(const std::string& name) = 0;
  // Its host has refused it: it may have been replaced at its source.
  virtual void doubt_credential(const std::string& name) = 0;
  // An upstream is needed and there is none (the last one went away after a complete response).
  virtual void need_upstream() = 0;
  virtual void drop_upstream() = 0;
  // Nobody waits for the answer any more: what is still on its way there is not delivered.
  virtual void reset_upstream() = 0;
  virtual void read_client(bool on) = 0;
  // No more will be sent. reset: what was sent is not a whole message.
  virtual void close_client(bool reset) = 0;
};

// The outcome of what ends because the process does.
inline constexpr std::string_view kAgentStopped = "agent stopped";

struct RelayTarget {
  std::string host;  // the SNI: what the certificate was made for
  policy::Service service = policy::Service::Generic;
  MemoryAccount memory = {};                               // where what is held counts
  std::shared_ptr<ConversationMemory> conversations = {};  // nullptr: nothing is put back
  Originals::Place place = {};
  crypto::RandomSource random = {};  // for the key of originals; not called where none are kept
};

class HttpRelay {
 public:
  HttpRelay(RelayTarget target, std::shared_ptr<const Ruleset> ruleset, RelaySink& sink);
  ~HttpRelay();
  HttpRelay(const HttpRelay&) = delete;
  HttpRelay& operator=(const HttpRelay&) = delete;

  void adopt(std::shared_ptr<const Ruleset> ruleset);
  void from_client(std::string_view plain, Now now);
  void from_upstream(std::string_view plain, Now now);
  void client_ended();
  // clean: TLS said that it was the end.
  void upstream_ended(bool clean, Now now);
  // The dial or the handshake failed. retry: whether trying again could help (a refused certificate
  // will not).
  void upstream_failed(std::string_view reason, bool retry, Now now);
  // Also unasked, and while an exchange is under way: it goes on as the person is now, under what
  // policy has for them; as somebody else it does not go on.
  void identity_known(const identity::Person& person, Now now);
  // retry: nobody could say who it is, which may be better in a moment. What is under way ends.
  void identity_refused(std::string_view message, bool retry, bool sign_in, Now now);
  // What was said of the person may not hold any more: asks again before the next request, and at
  // once for one that is under way, which goes on in the meantime.
  void identity_doubted();
  // The answers to need_credential(); ignored where nothing waits for that name any more.
  void credential_known(std::string_view name, std::shared_ptr<const Secret> value, Now now);
  void credential_refused(std::string_view name, std::string_view reason, Now now);
  // New requests are refused until recording is restored; an exchange that is under way waits or
  // ends with its connection.
  void recording_failed(std::string_view reason);
  void recording_restored();

  // The process stops: an exchange that is under way is cut, an idle client is told goodbye.
  void agent_stopped();

  // When tick() is wanted, if at all: a large request waits for room, a request is slow, an
  // upstream is silent.
  std::optional<Monotonic> next_tick() const;
  void tick(Now now);

  std::uint64_t exchanges() const;
  std::uint64_t masked() const;
  bool idle() const;             // between exchanges
  bool reading_request() const;  // a request has begun and is not whole

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veilwire::flow
