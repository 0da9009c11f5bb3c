// A secret in a file, which is read anew each time: whoever rotates it writes another file in its
// place. It is taken only where nobody else can read or write it. Tested by
// tests/unit/credentials/secret_file_test.cpp.
#pragma once

#include "agent/credentials/source.h"

#include <string>
#include <utility>

namespace veilwire::credentials {

// Without the line end that editors put behind it.
Result<Secret, std::string> read_secret_file(const std::string& path);
// Where systemd has put a credential of this unit (LoadCredential=, systemd.exec(5)); nullopt: the
// unit has none.
std::optional<std::string> systemd_credential_path(const std::string& name);

class FileSource final : public Source {
 public:
  explicit FileSource(std::string path) : path_(std::move(path)) {}
  Result<Fetched, std::string> fetch() const override;

 private:
  std::string path_;
};

// What a person or a program wrote, as a credential: without a line end behind it, and only what
// can stand in a field of a head.
Result<Secret, std::string> as_credential(Secret text);

}  // namespace veilwire::credentials
