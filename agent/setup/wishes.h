// From answers to a plan: which files, with which contents and owners, and which services. Reads
// the host and changes nothing. Tested by tests/setup/setup_test.py.
#pragma once

#include "agent/setup/agent_tables.h"
#include "agent/setup/answers.h"
#include "agent/setup/authority.h"
#include "agent/setup/plan.h"
#include "agent/setup/tool.h"
#include "userspace/base/time.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace veilwire::setup {

// Contents of the files that the answers name, read before a --root hides them.
struct Given {
  GivenAuthority authority;
  std::string policy;
  std::map<std::string, Secret> files;  // by source
};
Given read_given(const Answers& answers);

struct Machine {
  WallTime now;
  std::string share;     // what is shipped beside the programs: /usr/share/veilwire
  std::string config;    // agent.toml
  bool offline = false;  // no service runs here: an image
  bool replace = false;
  RunTool run;
  // A user's ids; throws.
  std::function<Planner::Owner(const std::string&)> user;
  // The hosts that a policy intercepts, which is to stand at `path`; throws with every mistake.
  std::function<std::vector<std::string>(const std::string& text, const std::string& path)> hosts;
};

struct Wishes {
  Plan plan;
  bool waiting = false;  // for the certificate that was asked for
  std::string request;   // where the request is
  std::vector<std::string> hosts;
  AgentFacts facts;
};

// Throws std::runtime_error that says what is wrong and what to do.
Wishes plan_wishes(const Answers& answers, Given given, const Machine& machine,
                   const Journal& journal);

}  // namespace veilwire::setup
