#include "agent/signer/rotation.h"

#include "agent/host/key_files.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace veilwire::signer {
namespace {

constexpr const char* kReload = "then: systemctl reload veilwire-signer veilwire-proxy\n";

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

struct stat owner_of(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) fail(path + ": " + std::strerror(errno));
  return status;
}

// The two keys, and the chain of each; nullopt: the file has none for it.
struct Pair {
  std::vector<wire::AuthorityChain> chains;
  std::optional<std::size_t> used, other;
};

std::optional<std::size_t> chain_for(const std::vector<wire::AuthorityChain>& chains,
                                     const Secret& key) {
  for (std::size_t i = 0; i < chains.size(); ++i)
    if (wire::CertificateAuthority::load(chains[i].pem, key.reveal())) return i;
  return std::nullopt;
}

Pair read(const AuthorityFiles& files) {
  auto chains = wire::read_authorities(host::read_certificates(files.certificate));
  if (!chains) fail(files.certificate + ": " + std::string(wire::to_string(chains.error())));
  Pair pair{std::move(chains).value(), {}, {}};
  const uid_t owner = owner_of(files.key).st_uid;
  pair.used = chain_for(pair.chains, host::read_key(files.key, owner));
  if (!pair.used)
    fail(files.certificate + " and " + files.key + ": " +
         std::string(wire::to_string(wire::CertError::KeyMismatch)));
  if (exists(files.other_key()))
    pair.other = chain_for(pair.chains, host::read_key(files.other_key(), owner));
  return pair;
}

// The one in use first.
void write(const AuthorityFiles& files, const wire::AuthorityChain& used,
           const wire::AuthorityChain* other) {
  host::replace(files.certificate, used.pem + (other == nullptr ? "" : other->pem), 0644);
}

std::string line_of(const char* what, const wire::AuthorityChain& chain) {
  return std::string(what) + chain.subject + "\n            sha256 " +
         crypto::hex_encode(crypto::sha256(chain.der)) + "\n";
}

struct Added {
  std::string certificate;
  Secret key;
};

Added import(const AddCaRequest& request) {
  Added added{host::read_certificates(request.certificate),
              host::read_key(request.key, owner_of(request.key).st_uid)};
  const auto chains = wire::read_authorities(added.certificate);
  if (!chains || chains->size() != 1)
    fail(request.certificate + ": " +
         std::string(wire::to_string(wire::CertError::BadCertificate)));
  const auto authority = wire::CertificateAuthority::load(added.certificate, added.key.reveal());
  if (!authority)
    fail(request.certificate + " and " + request.key + ": " +
         std::string(wire::to_string(authority.error())));
  added.certificate = chains->front().pem;
  return added;
}

Added make(const AddCaRequest& request, WallTime now) {
  auto made = make_authority(request.authority, now);
  return {std::move(made.certificate_pem), std::move(made.key_pem)};
}

}  // namespace

std::string add_ca(const AuthorityFiles& files, const AddCaRequest& request, WallTime now) {
  const Pair pair = read(files);
  if (exists(files.other_key()) || pair.chains.size() > 1)
    fail("there is another CA beside the one in use already: veilwire-signer drop-ca removes it");
  const Added added = request.certificate.empty() ? make(request, now) : import(request);
  const auto chain = std::move(wire::read_authorities(added.certificate)).value().front();
  if (chain.der == pair.chains.front().der) fail("that is the CA that is in use");
  if (chain.not_after <= now) fail("the certificate has expired");
  // The key first: a certificate without one would be trusted in vain.
  const struct stat owner = owner_of(files.key);
  host::write_new(files.other_key(), added.key.reveal(), 0600, owner.st_uid, owner.st_gid);
  try {
    write(files, pair.chains.front(), &chain);
  } catch (...) {
    ::unlink(files.other_key().c_str());
    throw;
  }
  return line_of("added       ", chain) +
         "it signs nothing yet; its certificate: veilwire-signer show-ca --other\n" + kReload;
}

std::string switch_ca(const AuthorityFiles& files, WallTime now) {
  const Pair pair = read(files);
  if (!pair.other)
    fail("there is no other CA with key and certificate: veilwire-signer add-ca makes one");
  const wire::AuthorityChain& next = pair.chains[*pair.other];
  if (next.not_after <= now) fail("the certificate of the other CA has expired");
  if (now < next.not_before) fail("the certificate of the other CA is not valid yet");
  if (::renameat2(AT_FDCWD, files.other_key().c_str(), AT_FDCWD, files.key.c_str(),
                  RENAME_EXCHANGE) != 0)
    fail(files.key + " and " + files.other_key() + ": " + std::strerror(errno));
  host::sync_folder_of(files.key);
  write(files, next, &pair.chains[*pair.used]);
  return line_of("in use      ", next) + line_of("still known ", pair.chains[*pair.used]) + kReload;
}

std::string drop_ca(const AuthorityFiles& files, const std::string& in_force) {
  const Pair pair = read(files);
  const wire::AuthorityChain& used = pair.chains[*pair.used];
  if (!in_force.empty() && in_force != crypto::hex_encode(crypto::sha256(used.der)))
    fail("veilwire-signer still signs with another CA: systemctl reload veilwire-signer");
  if (!exists(files.other_key()) && pair.chains.size() == 1)
    fail("there is no other CA beside the one in use");
  write(files, used, nullptr);
  if (::unlink(files.other_key().c_str()) != 0 && errno != ENOENT)
    fail(files.other_key() + ": " + std::strerror(errno));
  host::sync_folder_of(files.other_key());
  return line_of("left        ", used) + kReload;
}

std::string anchor_of(const AuthorityFiles& files, bool other) {
  const Pair pair = read(files);
  const auto wanted = other ? pair.other : pair.used;
  if (!wanted) fail("there is no other CA beside the one in use");
  return pair.chains[*wanted].anchor;
}

}  // namespace veilwire::signer
