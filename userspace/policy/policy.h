// The policy as a value, and the pure questions that are asked of it. Tested by tests/unit/policy;
// policies/cases holds decisions as data.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/time.h"
#include "userspace/identity/person.h"
#include "userspace/masking/finding.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::policy {

enum class Service : std::uint8_t { Anthropic, Mcp, Generic };  // what an intercepted host speaks
enum class Direction : std::uint8_t { Request, Response };
enum class Action : std::uint8_t { Pass, Mask, Block };
enum class RecordStrength : std::uint8_t { Handed, Committed };

// What could not be looked into. Each has its own action in the policy (Pass or Block; Pass is
// recorded as a gap).
enum class Uninspected : std::uint8_t {
  UnknownCoding,  // content coding that we cannot decode
  OverLimit,      // larger than a named limit
  NotText,        // a body of a type that holds no text (images, archives)
  Upgrade,        // a protocol switch, e.g. WebSocket
  NoServerName,   // TLS without SNI towards an intercepted address
  NotTls,         // bytes that are no TLS on an intercepted port
  Malformed,      // claims to be JSON or SSE and is not
};
inline constexpr std::size_t kUninspectedKinds = 7;

// Who is given which of the organisation's credentials. First match wins.
struct HostCredential {
  std::string group;  // a group of the person; empty: everybody who is known
  std::string use;    // name of the credential, as agent.toml has it
};

struct Host {
  std::string name;  // exact DNS name, lower case, or "*.example.com" for one label
  Service speaks = Service::Generic;
  std::vector<HostCredential> credentials = {};
  std::string credential_field = {};    // that carries it, lower case; empty: none is given
  bool credential_bearer = false;       // as "Bearer VALUE"
  bool credential_required = false;     // who gets none is refused; else their own passes
  std::vector<std::string> drops = {};  // further fields of the client's that go with its own
};

// First match wins; an empty member matches everything.
struct ActionRule {
  std::string rule;       // rule id
  std::string category;   // or category
  std::string direction;  // "request", "response" or ""
  std::string host;       // as Host::name
  std::string group;      // a group of the person; never matches while the person is not known
  Action action = Action::Mask;
  std::uint32_t line = 0;  // of its [[action]], for messages about it
};

// Whether somebody passes whose standing is Stale. First match wins; who matches none is refused.
struct StaleRule {
  std::string group;                // as in ActionRule
  std::string host;                 // likewise
  std::chrono::minutes max_age{0};  // of the word on them, up to which they pass; 0: refused
  std::uint32_t line = 0;
};

// Observe: everything is recorded as if the policy were enforced, and goes out as it came.
enum class Mode : std::uint8_t { Enforce, Observe };

// For whom the mode is another than the policy's own. First match wins.
struct ScopeRule {
  std::string group;  // as in ActionRule
  std::string host;   // likewise
  Mode mode = Mode::Enforce;
  std::uint32_t line = 0;
};

// Of which bodies the original is kept: as it came, sealed for auditors.
enum class Keep : std::uint8_t { None, Request, Response, Both };

// First match wins; an empty member matches everything.
struct OriginalRule {
  std::string host;   // as Host::name
  std::string group;  // a group of the person
  std::string model;  // as requests name it; "claude-opus-*" is every one that begins so
  Keep keep = Keep::None;
  std::uint32_t line = 0;
};

struct AuditorFile {
  std::string path;  // of a certificate, relative to the policy's own folder
  std::uint32_t line = 0, column = 0;
};

// The initial values are what a policy file means that does not name the key.
struct Policy {
  Mode mode = Mode::Enforce;
  std::vector<ScopeRule> scopes;
  std::vector<Host> hosts;
  std::vector<std::uint16_t> ports = {443};  // that are looked at
  std::vector<std::string> rule_packs;       // paths, relative to the policy's own folder
  std::vector<ActionRule> actions;
  std::vector<StaleRule> stale;
  Action default_request = Action::Pass;
  Action default_response = Action::Mask;
  // In the order of Uninspected. Closed where an inspected host's own traffic hides from
  // inspection; open for images and for connections that name no inspected host, because a
  // redirected process also speaks to others.
  Action uninspected[kUninspectedKinds] = {Action::Block, Action::Block, Action::Pass,
                                           Action::Block, Action::Pass,  Action::Pass,
                                           Action::Block};
  RecordStrength strength = RecordStrength::Handed;
  std::vector<OriginalRule> originals;
  std::vector<AuditorFile> auditors;
  Action unsealed = Action::Block;  // of what is to be sealed and cannot be: Pass or Block
  std::string source;               // file name, for the record
  std::string digest;               // SHA-256 of the file's bytes, hex: which policy decided
};

struct PolicyError {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string message;
};

// "policy.toml:12:3: what is wrong", the form that editors and compilers share.
std::string to_string(const PolicyError& error);

// The policy, or the first error of the file. Everything that is not understood is refused: a
// policy that is half read is a policy that nobody wrote.
Result<Policy, PolicyError> parse(std::string_view toml, std::string_view file);
// The same, or all errors, in the order of the file and never none.
Result<Policy, std::vector<PolicyError>> parse_reporting_all(std::string_view toml,
                                                             std::string_view file);

// Whether connections to this port are looked at; any other is spliced.
bool reads_port(const Policy& policy, std::uint16_t port);

// Whether a host pattern ("api.example.com", "*.example.com") covers a name, without regard to
// case.
bool covers(std::string_view pattern, std::string_view name);

// An exact name wins over a wildcard; nullptr: not intercepted, splice.
const Host* find_host(const Policy& policy, std::string_view server_name);

// The credential that this person is given for a host; nullptr: none.
const HostCredential* find_credential(const Host& host, const identity::Person* person);

inline Action uninspected_action(const Policy& policy, Uninspected what) {
  return policy.uninspected[static_cast<std::size_t>(what)];
}

// What is known when an action is asked for. A further fact (model, MCP tool, project) is a member
// here and a condition in ActionRule; nothing else has to change.
struct Facts {
  Direction direction = Direction::Response;
  std::string_view host;
  const identity::Person* person = nullptr;  // nullptr: not known
  std::string_view rule = {};
  std::string_view category = {};
};
Action decide(const Policy& policy, const Facts& facts);

// Whether what concerns this host and person (nullptr: not known) is only observed.
bool observes(const Policy& policy, std::string_view host, const identity::Person* person);
// Of all that the policy is about, for people and records: "observe", "observe in part", or ""
// where everything is enforced.
std::string_view observed_extent(const Policy& policy);

// Until when somebody who is Stale passes as who they were last known to be; the clock's start: not
// at all.
Monotonic stale_until(const Policy& policy, std::string_view host, const identity::Person& person);

// What is known when it is asked whose original is kept.
struct OriginalFacts {
  std::string_view host;
  const identity::Person* person = nullptr;  // nullptr: not known
  // nullopt: the request could not be read. A rule for a model then holds where it keeps something.
  std::optional<std::string_view> model;
};
Keep originals_of(const Policy& policy, const OriginalFacts& facts);
bool keeps(Keep keep, Direction direction);

std::string_view to_string(Service);
std::string_view to_string(Direction);
std::string_view to_string(Action);
std::string_view to_string(Mode);
std::string_view to_string(Uninspected);  // as the key in [uninspected]
std::string_view to_string(RecordStrength);
std::string_view to_string(Keep);

}  // namespace veilwire::policy
