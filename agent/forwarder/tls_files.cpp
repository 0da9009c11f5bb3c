#include "agent/forwarder/tls_files.h"

#include "agent/host/key_files.h"
#include "agent/host/trusted_file.h"
#include "userspace/crypto/private_key.h"

#include <optional>
#include <stdexcept>

#include <openssl/ssl.h>
#include <sys/stat.h>

namespace veilwire::forwarder {
namespace {

void require_absolute(const host::ConfigSection& section, std::string_view key,
                      const std::string& path) {
  if (!path.empty() && !path.starts_with('/')) section.refuse(key, "must be an absolute path");
}

// Throws.
std::string read_roots(const std::string& path) {
  if (const auto why = host::distrust(path)) throw std::runtime_error(path + ": " + *why);
  return host::read_certificates(path);
}

}  // namespace

TlsSettings read_tls_settings(const host::ConfigSection& section) {
  TlsSettings settings;
  settings.roots = section.text("ca_file", settings.roots);
  settings.certificate = section.text("certificate_file", "");
  settings.key = section.text("key_file", "");
  require_absolute(section, "ca_file", settings.roots);
  require_absolute(section, "certificate_file", settings.certificate);
  require_absolute(section, "key_file", settings.key);
  if (settings.certificate.empty() != settings.key.empty())
    section.refuse(settings.key.empty() ? "key_file" : "certificate_file",
                   "is missing: a certificate and its key are named together");
  return settings;
}

std::vector<TlsFiles::Stamp> TlsFiles::stamps() const {
  std::vector<Stamp> stamps;
  for (const std::string& path :
       {settings_.roots, settings_.never_trust, settings_.certificate, settings_.key}) {
    Stamp stamp{.path = path};
    struct stat status {};
    if (!path.empty() && ::stat(path.c_str(), &status) == 0) {
      stamp.inode = status.st_ino;
      stamp.size = status.st_size;
      stamp.changed_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
    }
    stamps.push_back(std::move(stamp));
  }
  return stamps;
}

Result<std::shared_ptr<wire::TlsClientContext>, std::string> TlsFiles::context() {
  std::vector<Stamp> now = stamps();
  if (context_ && now == of_context_) return context_;
  try {
    const std::string roots = read_roots(settings_.roots);
    const std::string never =
        now[1].size < 0 ? std::string() : host::read_certificates(settings_.never_trust);
    wire::TlsClientParameters parameters{.roots_pem = roots, .never_trust_pem = never, .alpn = {}};
    std::string certificate;
    std::optional<crypto::PrivateKey> key;
    if (!settings_.key.empty()) {
      certificate = host::read_certificates(settings_.certificate);
      key = crypto::PrivateKey::from_pem(host::read_key(settings_.key).reveal());
      if (!key) return Unexpected{settings_.key + ": holds no private key in PEM"};
      parameters.certificate_pem = certificate;
      parameters.key = &*key;
    }
    auto context = wire::TlsClientContext::make(parameters);
    if (!context && context.error() == wire::TlsError::BadCredentials)
      return Unexpected{settings_.certificate + ": is no certificate of the key in " +
                        settings_.key};
    if (!context) return Unexpected{settings_.roots + ": holds no certificates to trust"};
    if (!settings_.resumes)
      SSL_CTX_set_session_cache_mode((*context)->handle(), SSL_SESS_CACHE_OFF);
    context_ = *std::move(context);
    of_context_ = std::move(now);
    return context_;
  } catch (const std::runtime_error& error) {
    return Unexpected<std::string>{error.what()};
  }
}

}  // namespace veilwire::forwarder
