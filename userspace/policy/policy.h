// The policy as a value, and the one pure question that is asked of it.
#pragma once

#include "userspace/base/result.h"
#include "userspace/identity/person.h"
#include "userspace/masking/finding.h"

#include <cstdint>
#include <map>
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

struct Host {
  std::string name;  // exact DNS name, lower case, or "*.example.com" for one label
  Service speaks = Service::Generic;
};

// First match wins; an empty member matches everything.
struct ActionRule {
  std::string rule;       // rule id
  std::string category;   // or category
  std::string direction;  // "request", "response" or ""
  std::string host;
  std::string group;  // a group of the person
  Action action = Action::Mask;
};

struct Policy {
  std::vector<Host> hosts;
  std::vector<std::uint16_t> ports;     // that are intercepted: 443 unless given
  std::vector<std::string> rule_packs;  // paths, relative to the policy's own folder
  std::vector<ActionRule> actions;
  Action default_request = Action::Pass;
  Action default_response = Action::Mask;
  Action uninspected[kUninspectedKinds] = {};
  RecordStrength strength = RecordStrength::Handed;
  std::string source;  // file name, for the record
  std::string digest;  // SHA-256 of the file's bytes, hex: which policy decided
};

struct PolicyError {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string message;
};

Result<Policy, PolicyError> parse(std::string_view toml, std::string_view file);

// Longest match wins; nullptr: not intercepted, splice.
const Host* find_host(const Policy& policy, std::string_view server_name);

struct Facts {
  Direction direction = Direction::Response;
  std::string_view host;
  const identity::Person* person = nullptr;  // nullptr: not known
  std::string_view rule;
  std::string_view category;
};
Action decide(const Policy& policy, const Facts& facts);

std::string_view to_string(Service);
std::string_view to_string(Direction);
std::string_view to_string(Action);
std::string_view to_string(Uninspected);

}  // namespace veilwire::policy
