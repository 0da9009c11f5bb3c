// Reads the policy, its rule packs and its auditors' certificates from disk, and again when one of
// them changes. A broken file changes nothing but what is reported: the ruleset that was active
// stays. Tested by tests/unit/proxy/policy_source_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/secret.h"
#include "userspace/flow/ruleset.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

namespace veilwire::proxy {

struct LoadedRuleset {
  std::shared_ptr<const flow::Ruleset> ruleset;
  std::vector<std::string> files;              // the policy and all that it names: what to watch
  std::map<std::string, std::string> digests;  // of each file: SHA-256, hex
};

struct LoadError {
  std::string message;             // "file:line:column: ..." where there is a place
  std::vector<std::string> files;  // as far as they are known
};

// site_key is copied.
Result<LoadedRuleset, LoadError> load_ruleset(const std::string& policy_path,
                                              const Secret& site_key);

// Watches the files and all that leads to them (agent/proxy/file_watch.h) and reports each load
// that follows a change. Compiles in a thread of its own, and reports in the loop's.
class PolicySource {
 public:
  struct Events {
    std::function<void(LoadedRuleset)> loaded;
    std::function<void(LoadError)> failed;
  };
  // Throws std::system_error when inotify cannot be had.
  PolicySource(boost::asio::io_context& io, std::string policy_path, Secret site_key,
               std::vector<std::string> files, Events events);
  ~PolicySource();
  PolicySource(const PolicySource&) = delete;
  PolicySource& operator=(const PolicySource&) = delete;

  void reload();  // now, as on SIGHUP

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace veilwire::proxy
