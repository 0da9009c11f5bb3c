// Files of keys and certificates, read and written so that a key is never readable by others, not
// for a moment, and nothing that exists is overwritten. All functions throw std::runtime_error that
// says what to do: start-up and set-up only. Tested by tests/unit/host/key_files_test.cpp.
#pragma once

#include "userspace/base/secret.h"

#include <string>
#include <string_view>

#include <sys/types.h>

namespace veilwire::host {

// A regular file of ours, of root, or of `owner`, that neither group nor others can read.
Secret read_key(const std::string& path, uid_t owner = 0);
std::string read_certificates(const std::string& path);

// Creates the file with this mode and owner, and returns once the bytes are on disk. owner and
// group: -1 stays ours.
void write_new(const std::string& path, std::string_view bytes, mode_t mode, uid_t owner,
               gid_t group);

// The same in place of what is there: others see the one or the other, never a part.
void replace(const std::string& path, std::string_view bytes, mode_t mode);

// Returns once what was created or renamed beside this file is on disk.
void sync_folder_of(const std::string& path);

}  // namespace veilwire::host
