// What a response is judged by: a ruleset, as it is for who the person is now. Asking for it weighs
// every rule: once for an exchange, a ruleset and a person. Tested by
// tests/unit/flow/http_relay_test.cpp and observe_test.cpp.
#pragma once

#include "userspace/flow/ruleset.h"
#include "userspace/identity/person.h"
#include "userspace/masking/engine.h"
#include "userspace/masking/known_secret.h"

#include <memory>
#include <optional>
#include <string_view>

namespace veilwire::flow {

struct ResponseRules {
  std::shared_ptr<const Ruleset> ruleset;
  // nullptr: nothing can be inspected. Where it is only observed, one that does not block.
  std::shared_ptr<const masking::Engine> engine;
  // The same where no finding passes; else one that masks them, for the record.
  std::shared_ptr<const masking::Engine> record_engine;
  // The two may differ, now or when the person does: bodies are edited for the record by itself.
  bool record_apart = false;
  std::optional<identity::Person> person;
  bool observes = false;  // it goes on as it comes, and records say what would have become of it
};

// credential: the organisation's own that went out with the request, or nullptr.
ResponseRules response_rules(const std::shared_ptr<const Ruleset>& ruleset, std::string_view host,
                             const std::optional<identity::Person>& person,
                             const std::shared_ptr<const masking::KnownSecret>& credential);

}  // namespace veilwire::flow
