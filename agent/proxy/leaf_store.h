// Server contexts with the leaf certificates that veilwire-signer issues, one a host name, kept
// until shortly before they expire or the signer is another. Questions for the same name wait for
// one answer. Lives on one thread. Tested by tests/unit/proxy/leaf_store_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/crypto/private_key.h"
#include "userspace/wire/tls_engine.h"

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

namespace veilwire::proxy {

class LeafStore {
 public:
  using Answer = Result<std::shared_ptr<const wire::TlsServerContext>, std::string>;
  using Callback = std::function<void(Answer)>;

  virtual ~LeafStore() = default;
  // callback: from the io_context, never before get() has returned when the signer has to be asked.
  virtual void get(const std::string& name, Callback callback) = 0;
  virtual bool connected() const = 0;  // with the signer
};

// key outlives the store: one for all leafs of a process; it never leaves it.
std::shared_ptr<LeafStore> make_leaf_store(boost::asio::io_context& io,
                                           const std::string& signer_socket,
                                           const crypto::PrivateKey& key,
                                           std::shared_ptr<wire::TicketKeys> tickets);

}  // namespace veilwire::proxy
