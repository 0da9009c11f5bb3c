// Asks veilwire-credentials for the organisation's credential of a name and keeps each until it
// expires. Connects when the first is asked for: where no policy names one, nobody listens. Lives
// on one thread. Tested by tests/unit/proxy/credentials_link_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/secret.h"

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

namespace veilwire::proxy {

class CredentialsLink {
 public:
  using Answer = Result<std::shared_ptr<const Secret>, std::string>;  // or why there is none
  using Callback = std::function<void(Answer)>;

  CredentialsLink(boost::asio::io_context& io, std::string socket_path);
  ~CredentialsLink();
  CredentialsLink(const CredentialsLink&) = delete;
  CredentialsLink& operator=(const CredentialsLink&) = delete;

  // The callback may be called at once. No answer in time is a refusal.
  void ask(const std::string& name, Callback callback);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veilwire::proxy
