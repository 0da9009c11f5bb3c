// What the sessions of one thread share. Everything here lives on that thread but the ruleset,
// which is swapped whole, and what is counted, which others read.
#pragma once

#include "agent/host/recorder_link.h"
#include "agent/proxy/credentials_link.h"
#include "agent/proxy/identity_link.h"
#include "agent/proxy/leaf_store.h"
#include "agent/proxy/meter.h"
#include "userspace/crypto/random.h"
#include "userspace/flow/conversation_memory.h"
#include "userspace/flow/memory_budget.h"
#include "userspace/flow/ruleset.h"
#include "userspace/wire/tls_engine.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace veilwire::proxy {

// Counted by every thread, read by status.
struct Counters {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> without_origin{0};  // dialled directly, or the kernel side is missing
  std::atomic<std::uint64_t> open{0};
  std::atomic<std::uint64_t> exchanges{0};
  std::atomic<std::uint64_t> masked{0};
  std::atomic<std::uint64_t> dial_failures{0};
  std::atomic<std::uint64_t> recording_stalls{0};
};

// The active ruleset: written by the policy watcher, read by every thread at every event.
class ActiveRuleset {
 public:
  std::shared_ptr<const flow::Ruleset> get() const {
    return value_.load(std::memory_order_acquire);
  }
  void set(std::shared_ptr<const flow::Ruleset> ruleset) {
    value_.store(std::move(ruleset), std::memory_order_release);
  }

 private:
  std::atomic<std::shared_ptr<const flow::Ruleset>> value_;
};

struct Services {
  boost::asio::io_context& io;
  std::string host_id;
  std::string boot_id;
  LeafStore& leafs;
  IdentityLink& identity;
  CredentialsLink& credentials;
  host::RecorderLink& recorder;
  std::shared_ptr<wire::TlsClientContext> upstream_tls;
  const ActiveRuleset& ruleset;
  Counters& counters;
  std::shared_ptr<flow::MemoryBudget> memory;
  std::shared_ptr<flow::ConversationMemory> conversations;
  // What any session reads into: its bytes are dealt with before the next read. An idle connection
  // needs no buffer of its own.
  std::vector<char>& read_buffer;
  // How long a peer may take to read what is left for it when its connection is over.
  std::chrono::milliseconds flush_time = std::chrono::seconds(30);
  std::string writer = {};           // of records, as the recorder knows this thread
  crypto::RandomSource random = {};  // for keys of originals
  Meter meter = {};
};

}  // namespace veilwire::proxy
