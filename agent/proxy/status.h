// What the proxy says when it is asked how it is, what is under way, or what it has counted: one
// JSON document each, on a socket each (agent/host/protocol/status.h). The last is for a program
// that may know no person; the first two name them.
#pragma once

#include "agent/proxy/redirector_link.h"
#include "agent/proxy/worker.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace veilwire::proxy {

class StatusServer {
 public:
  // All outlive it. Throws std::system_error.
  StatusServer(boost::asio::io_context& io, const Settings& settings, Shared& shared,
               std::vector<std::unique_ptr<Worker>>& workers, const RedirectorLink& redirector);
  ~StatusServer();
  StatusServer(const StatusServer&) = delete;
  StatusServer& operator=(const StatusServer&) = delete;

  // "active", or why the last changed policy is refused.
  void policy_outcome(std::string outcome);
  // Of the policy in force: file and digest of itself and of each rule pack, and its hosts that the
  // CA may not sign for.
  void policy_in_force(std::map<std::string, std::string> digests,
                       std::vector<std::string> not_permitted);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace veilwire::proxy
