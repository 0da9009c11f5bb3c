#include "agent/recorder/checkpoint_keys.h"

#include "agent/host/key_files.h"
#include "userspace/crypto/private_key.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

namespace veilwire::recorder {
namespace {

proof::NoteSigner read_signer(const std::string& path, const std::string& name) {
  auto key = crypto::PrivateKey::from_pem(host::read_key(path).reveal());
  auto signer =
      key ? proof::NoteSigner::make(name, proof::NoteKeyKind::Log, *std::move(key)) : std::nullopt;
  if (!signer) throw std::runtime_error(path + ": is no Ed25519 key in PEM");
  return *std::move(signer);
}

std::filesystem::path folder_of(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  return folder.empty() ? "." : folder;
}

}  // namespace

void CheckpointKeys::make(const std::string& path) const {
  struct stat folder {};
  if (::stat(folder_of(path).c_str(), &folder) != 0)
    throw std::system_error(errno, std::generic_category(), path);
  const bool ours = folder.st_uid == ::geteuid();
  host::write_new(path, crypto::PrivateKey::generate_ed25519().to_pem().reveal(), S_IRUSR | S_IWUSR,
                  ours ? static_cast<uid_t>(-1) : folder.st_uid,
                  ours ? static_cast<gid_t>(-1) : folder.st_gid);
}

void CheckpointKeys::prepare() const {
  if (!std::filesystem::exists(path_)) make(path_);
}

proof::NoteSigner CheckpointKeys::current(const std::string& name) const {
  return read_signer(path_, name);
}

std::optional<proof::NoteSigner> CheckpointKeys::next(const std::string& name) const {
  if (!std::filesystem::exists(next_path())) return std::nullopt;
  return read_signer(next_path(), name);
}

void CheckpointKeys::take_next() const {
  if (std::rename(next_path().c_str(), path_.c_str()) != 0)
    throw std::system_error(errno, std::generic_category(), next_path());
  host::sync_folder_of(path_);
}

void CheckpointKeys::make_next() const { make(next_path()); }

}  // namespace veilwire::recorder
