// Writes the sessions down beside the thread that answers questions: sealing, and a disk that takes
// its time, hold up nobody. What must be at rest before something is said waits for it. For one
// thread, its io_context's, but for the writing. Tested by
// tests/unit/identity/session_writer_test.cpp.
#pragma once

#include "agent/host/limited_log.h"
#include "agent/identity/session_store.h"
#include "userspace/identity/save_plan.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

namespace veilwire::agent_identity {

class SessionWriter {
 public:
  // state: as it is to be at rest, with tokens that are sealed. Asked on the io_context's thread.
  SessionWriter(boost::asio::io_context& io, SessionStore store,
                std::function<std::string()> state);
  ~SessionWriter();  // once the write that is under way has ended
  SessionWriter(const SessionWriter&) = delete;
  SessionWriter& operator=(const SessionWriter&) = delete;

  // The state is another: to be written soon, with what changes in the next moment.
  void changed();
  // Until everything up to here is at rest, without the delay. false: it could not be written.
  boost::asio::awaitable<bool> at_rest();
  // The same, and waits: for the end, when the io_context has stopped.
  bool finish();

  const SessionStore& store() const { return store_; }
  std::uint64_t writes() const { return writes_; }

 private:
  void write();
  void ended(int error);
  void complain(int error);

  boost::asio::io_context& io_;
  SessionStore store_;
  std::function<std::string()> state_;
  identity::SavePlan plan_;
  boost::asio::steady_timer soon_;
  boost::asio::steady_timer written_;  // never expires: cancelled for those who wait
  bool timed_ = false;                 // soon_ runs
  std::size_t waiting_ = 0;            // for at_rest()
  std::uint64_t writes_ = 0;           // that have begun
  host::LimitedLog log_;
  boost::asio::thread_pool thread_{1};  // last: ends first
};

}  // namespace veilwire::agent_identity
