// What protects an auditor's private key: from a file, or typed at the terminal without showing.
// Tested by tests/unit/ctl/audit_open_test.cpp.
#pragma once

#include "userspace/base/result.h"
#include "userspace/base/secret.h"

#include <string>

namespace veilwire::ctl {

// A file of secrets, whole. The error says what to do.
Result<Secret, std::string> read_secret_file(const std::string& path);
// Its first line.
Result<Secret, std::string> read_passphrase_file(const std::string& path);
// Asks at the terminal of the process, whatever its standard input is.
Result<Secret, std::string> ask_passphrase(const std::string& question);

}  // namespace veilwire::ctl
