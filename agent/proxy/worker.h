// One event loop on one thread with the sessions that it was given. Threads share nothing but the
// active ruleset, the counters and the keys of session tickets.
#pragma once

#include "agent/host/unique_fd.h"
#include "agent/proxy/services.h"
#include "agent/proxy/session.h"
#include "agent/proxy/settings.h"
#include "agent/proxy/user_shares.h"
#include "userspace/crypto/private_key.h"
#include "userspace/wire/ticket_keys.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace veilwire::proxy {

// What every worker is made from; outlives them.
struct Shared {
  const Settings& settings;
  std::string host_id, boot_id;
  const crypto::PrivateKey& leaf_key;
  std::shared_ptr<wire::TicketKeys> tickets;
  std::string upstream_roots_pem;
  std::string internal_ca_pem;
  std::shared_ptr<UserShares> connections;
  std::shared_ptr<flow::MemoryBudget> memory;
  std::shared_ptr<flow::ConversationMemory> conversations;
  ActiveRuleset ruleset;
  Counters counters;
};

// One row of status: who is connected to what.
struct SessionRow {
  std::string id, state, server_name, person;
  std::uint32_t uid = 0, tgid = 0;
  std::string comm;
  std::uint64_t exchanges = 0, masked = 0;
};

// One row of what is under way now.
struct StreamRow {
  SessionRow session;
  Stream stream;
};

class Worker {
 public:
  // Throws std::runtime_error: no usable trust store.
  explicit Worker(Shared& shared);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void start();  // its thread
  // From any thread.
  void adopt(host::UniqueFd accepted, bool v6);
  void tell_all(const flow::Input& input);
  void put_record(audit::Body body);  // of the program itself: configuration, gaps
  // Answers that are under way may end first, for a bounded time (stop() cuts it short); then the
  // sessions and the loop end, and over is called, on the worker's thread.
  void drain(std::function<void()> over);
  void stop();
  void join();

  // Whether its loop has turned within the last seconds.
  bool alive() const;
  // As of its last turn.
  bool signer_up() const { return signer_up_.load(std::memory_order_relaxed); }
  bool identity_up() const { return identity_up_.load(std::memory_order_relaxed); }
  bool recorder_up() const { return recorder_up_.load(std::memory_order_relaxed); }
  // Runs on the worker's thread and waits for it, for at most a moment.
  std::vector<SessionRow> sessions(std::size_t most);
  std::vector<StreamRow> streams(std::size_t most);  // the same, of those in an exchange
  const Meter& meter() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
  std::atomic<bool> signer_up_{false};
  std::atomic<bool> identity_up_{false};
  std::atomic<bool> recorder_up_{false};
};

}  // namespace veilwire::proxy
