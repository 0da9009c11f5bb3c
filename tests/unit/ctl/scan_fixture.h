// A policy with made-up rules for the tests of `veilwire scan`: one of each action, and one that
// masks from a begin to an end.
#pragma once

#include "tests/unit/ctl/scratch_folder.h"

#include <string>

namespace veilwire::testing {

inline std::string write_scan_policy(const ScratchFolder& folder) {
  folder.write("rules.toml", R"([[rules]]
id = "test-token"
description = "A token"
regex = '''tok_[a-z0-9]{8}'''
keywords = ["tok_"]
[[rules]]
id = "stop-token"
regex = '''stop_[a-z0-9]{8}'''
keywords = ["stop_"]
[[rules]]
id = "staff-number"
category = "pii"
regex = '''staff-[0-9]{6}'''
keywords = ["staff-"]
[[rules]]
id = "test-block"
begin = '''<<BEGIN>>'''
end = '''<<END>>'''
keywords = ["<<begin>>"]
)");
  return folder.write("policy.toml", R"([[host]]
name = "api.anthropic.com"
speaks = "anthropic"
[rules]
packs = ["rules.toml"]
[[action]]
rule = "stop-token"
action = "block"
[[action]]
category = "pii"
direction = "response"
action = "pass"
[default]
request = "mask"
response = "mask"
)");
}

// For masks that stay the same.
inline std::string write_scan_key(const ScratchFolder& folder) {
  return folder.write("key", std::string(32, 's'));
}

}  // namespace veilwire::testing
