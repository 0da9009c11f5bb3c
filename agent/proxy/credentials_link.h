// Asks veilwire-credentials for the organisation's credential of a name and keeps each until it
// expires. Connects when the first is asked for: where no policy names one, nobody listens. Lives
// on one thread. Tested by tests/unit/proxy/credentials_link_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/secret.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

namespace veilwire::proxy {

class CredentialsLink {
 public:
  using Answer = Result<std::shared_ptr<const Secret>, std::string>;  // or why there is none
  using Callback = std::function<void(Answer)>;

  // One that is younger than after_doubt is not doubted: a host may refuse every request that there
  // is.
  static constexpr std::chrono::seconds kAfterDoubt{5};
  CredentialsLink(boost::asio::io_context& io, std::string socket_path,
                  std::chrono::milliseconds after_doubt = kAfterDoubt);
  ~CredentialsLink();
  CredentialsLink(const CredentialsLink&) = delete;
  CredentialsLink& operator=(const CredentialsLink&) = delete;

  // The callback may be called at once. No answer in time is a refusal.
  void ask(const std::string& name, Callback callback);
  // A host has refused the one that was given: the next who asks gets what its source says now.
  void doubt(const std::string& name);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veilwire::proxy
