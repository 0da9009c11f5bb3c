// The service provider as lasso has it: makes requests, and reads a response a second time. It
// turns all XML of a message into objects, by type names that the message holds (CVE-2025-47151),
// so that it is given only what the IdP has signed, for us and now: Response::xml, after every
// check of ours. Its word is needed as well as ours. Tested by tests/unit/saml/lasso_sp_test.cpp.
#pragma once

#include "agent/host/protocol/saml.h"
#include "userspace/base/result.h"

#include <memory>
#include <string>
#include <string_view>

namespace veilwire::saml {

struct SpSettings {
  std::string entity_id;    // ours; plain URI characters, as the address is
  std::string address;      // of the loopback callback that responses are posted to
  std::string name_format;  // of the NameID that is asked for
};

class LassoSp {
 public:
  // metadata: of the IdP. Throws std::runtime_error: start-up only.
  LassoSp(SpSettings settings, const std::string& metadata, const std::string& idp_entity_id);
  ~LassoSp();
  LassoSp(LassoSp&&) noexcept;
  LassoSp& operator=(LassoSp&&) noexcept;

  // Over the HTTP-Redirect binding. request_id: a fresh one, an XML name. nullopt: the IdP has no
  // such endpoint.
  std::optional<host::protocol::SamlBegun> begin(const host::protocol::SamlBegin& begin,
                                                 const std::string& request_id) const;
  // Whether lasso takes it too, and reads the same assertion.
  bool takes(std::string_view xml, const std::string& assertion_id) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace veilwire::saml
