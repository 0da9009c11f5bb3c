// What [identity] says with provider = "oidc" or "saml": whose word counts, how we prove who we
// are, whose account is whose, and how old a word may be. Whatever cannot be meant is refused at
// the start, with its place. Tested by tests/unit/identity/oidc_settings_test.cpp.
#pragma once

#include "agent/host/config.h"
#include "agent/identity/client_settings.h"
#include "agent/identity/event_settings.h"
#include "agent/identity/machine_settings.h"
#include "userspace/identity/binding.h"
#include "userspace/identity/ci_rules.h"
#include "userspace/identity/saml_person.h"
#include "userspace/identity/session.h"
#include "userspace/identity/subject_map.h"
#include "userspace/identity/url.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace veilwire::agent_identity {

// People who sign in with SAML 2.0, for which another program speaks.
struct SamlSource {
  std::string socket;
  identity::SamlSettings person;
};

struct OidcSettings {
  std::optional<identity::Url> issuer;  // nothing: nobody signs in but jobs and machines
  std::optional<SamlSource> saml;       // instead of an issuer
  ClientSettings client;
  std::string scope = "openid offline_access profile";
  std::vector<std::string> groups_claim = {"groups"};
  std::string redirect_path = "/callback";
  identity::SubjectSettings subjects;
  identity::BindingSettings bindings;
  identity::SessionTimes times;
  std::chrono::seconds hold{5};
  std::chrono::seconds idp_patience{10};  // for one answer of the IdP
  std::string roots;                      // PEM: who vouches for IdPs
  std::string people_socket;
  std::string operator_group;  // empty: root alone
  std::string state_file, key_file;
  std::vector<identity::CiRule> ci_rules;
  std::vector<MachineSettings> machines;
  std::vector<TransmitterSettings> transmitters;
};

// `section`: [identity], of which it asks for its keys; the caller checks it. Resolves users of
// this host. Throws std::runtime_error.
OidcSettings read_oidc_settings(const host::ConfigSection& section);
OidcSettings read_saml_settings(const host::ConfigSection& section);
// Whether anybody is asked over it: the browser carries what SAML says.
bool needs_network(const OidcSettings& settings);

}  // namespace veilwire::agent_identity
