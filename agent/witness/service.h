// The witness as a service: what is asked for over HTTP, answered from the store. Tested by
// tests/witness.
#pragma once

#include "agent/witness/https_server.h"
#include "agent/witness/settings.h"
#include "userspace/proof/signed_note.h"

#include <functional>
#include <memory>

namespace veilwire::witness {

class Service {
 public:
  // Binds, and reads certificates; the store may be away. Throws std::exception.
  explicit Service(const Settings& settings);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Until `stop` becomes readable. The signer's key is read as late as this.
  void run(const proof::NoteSigner& signer, int stop);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace veilwire::witness
