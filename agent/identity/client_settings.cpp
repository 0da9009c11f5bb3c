#include "agent/identity/client_settings.h"

#include "agent/identity/choice.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

#include <sys/stat.h>

namespace veilwire::agent_identity {
namespace {

using crypto::SignatureAlgorithm;
using host::ConfigSection;
using identity::AssertionAudience;
using identity::ClientMethod;

constexpr Choice<ClientMethod> kMethods[] = {{"none", ClientMethod::None},
                                             {"secret_basic", ClientMethod::SecretBasic},
                                             {"secret_post", ClientMethod::SecretPost},
                                             {"private_key_jwt", ClientMethod::PrivateKeyJwt},
                                             {"certificate", ClientMethod::Certificate}};
// The first that the key serves is meant where none is named.
constexpr Choice<SignatureAlgorithm> kAlgorithms[] = {{"ES256", SignatureAlgorithm::Es256},
                                                      {"ES384", SignatureAlgorithm::Es384},
                                                      {"EdDSA", SignatureAlgorithm::EdDsa},
                                                      {"RS256", SignatureAlgorithm::Rs256},
                                                      {"PS256", SignatureAlgorithm::Ps256}};
constexpr Choice<AssertionAudience> kAudiences[] = {
    {"issuer", AssertionAudience::Issuer}, {"token_endpoint", AssertionAudience::TokenEndpoint}};

constexpr Choice<SenderConstraint> kConstraints[] = {{"if_offered", SenderConstraint::IfOffered},
                                                     {"dpop", SenderConstraint::Dpop},
                                                     {"none", SenderConstraint::None}};

// A key that only some method uses is a mistake with any other: it would do nothing.
void only_with(const ConfigSection& section, std::string_view key, bool used, const char* method) {
  if (used && section.text(key, "").empty())
    section.refuse(key, std::string("is missing, which ") + method + " needs");
  if (!used && section.has(key))
    section.refuse(key, std::string("is of no use but with client_authentication = ") + method);
}

// Who can read a secret can be us. Throws.
std::string read_private(const std::string& path) {
  struct stat status {};
  std::ifstream in(path, std::ios::binary);
  if (!in || ::stat(path.c_str(), &status) != 0)
    throw std::runtime_error(path + ": " + std::strerror(errno));
  if ((status.st_mode & S_IRWXO) != 0)
    throw std::runtime_error(path + ": everybody may read it; use mode 0400");
  return {std::istreambuf_iterator<char>(in), {}};
}

crypto::PrivateKey read_key(const std::string& path) {
  const Secret pem(read_private(path));
  auto key = crypto::PrivateKey::from_pem(pem.reveal());
  if (!key) throw std::runtime_error(path + ": holds no private key in PEM without a passphrase");
  return *std::move(key);
}

SignatureAlgorithm first_served_by(const crypto::PrivateKey& key) {
  for (const auto& [name, algorithm] : kAlgorithms)
    if (key.serves(algorithm)) return algorithm;
  return SignatureAlgorithm::Es256;  // which will be refused
}

}  // namespace

ClientSettings read_client(const ConfigSection& section) {
  ClientSettings client;
  client.id = section.text("client_id", "");
  client.method = choose<ClientMethod>(section, "client_authentication", kMethods);
  const bool has_certificate = client.method == ClientMethod::Certificate;
  const bool has_key = client.method == ClientMethod::PrivateKeyJwt || has_certificate;
  only_with(section, "client_secret_file",
            client.method == ClientMethod::SecretBasic || client.method == ClientMethod::SecretPost,
            "\"secret_basic\" or \"secret_post\"");
  only_with(section, "client_key_file", has_key, "\"private_key_jwt\" or \"certificate\"");
  only_with(section, "client_certificate_file", has_certificate, "\"certificate\"");
  client.secret_file = section.text("client_secret_file", "");
  client.key_file = section.text("client_key_file", "");
  client.certificate_file = section.text("client_certificate_file", "");
  client.key_id = section.text("client_key_id", "");
  if (section.has("client_key_algorithm"))
    client.algorithm = choose<SignatureAlgorithm>(section, "client_key_algorithm", kAlgorithms);
  client.audience = choose<AssertionAudience>(section, "client_key_audience", kAudiences);
  return client;
}

SenderConstraint read_constraint(const ConfigSection& section, ClientMethod method) {
  const auto constraint = choose<SenderConstraint>(section, "sender_constrained", kConstraints);
  if (method != ClientMethod::Certificate) return constraint;
  if (section.has("sender_constrained"))
    section.refuse("sender_constrained",
                   "is of no use with client_authentication = \"certificate\", which binds tokens");
  return SenderConstraint::None;
}

Secret read_secret(const std::string& path) {
  std::string secret = read_private(path);
  while (secret.ends_with('\n') || secret.ends_with('\r')) secret.pop_back();
  if (secret.empty()) throw std::runtime_error(path + ": is empty");
  return Secret(std::move(secret));
}

identity::OidcClient make_client(const ClientSettings& settings) {
  using identity::OidcClient;
  switch (settings.method) {
    case ClientMethod::SecretBasic:
    case ClientMethod::SecretPost: {
      Secret secret = read_secret(settings.secret_file);
      return settings.method == ClientMethod::SecretBasic
                 ? OidcClient::with_secret_basic(settings.id, std::move(secret))
                 : OidcClient::with_secret_post(settings.id, std::move(secret));
    }
    case ClientMethod::PrivateKeyJwt: {
      crypto::PrivateKey key = read_key(settings.key_file);
      const SignatureAlgorithm algorithm = settings.algorithm.value_or(first_served_by(key));
      auto client = OidcClient::with_key(settings.id, std::move(key), algorithm, settings.key_id,
                                         settings.audience);
      if (!client)
        throw std::runtime_error(settings.key_file +
                                 ": does not serve the algorithm of client_key_algorithm");
      return *std::move(client);
    }
    case ClientMethod::Certificate:
      return OidcClient::with_certificate(settings.id);
    case ClientMethod::None:
      break;
  }
  return OidcClient::without_secret(settings.id);
}

std::shared_ptr<wire::TlsClientContext> make_tls(const std::string& roots,
                                                 const ClientSettings& settings) {
  std::ifstream in(roots, std::ios::binary);
  const std::string pem{std::istreambuf_iterator<char>(in), {}};
  wire::TlsClientParameters parameters{.roots_pem = pem};
  std::optional<crypto::PrivateKey> key;
  std::string certificate;
  if (settings.method == ClientMethod::Certificate) {
    key = read_key(settings.key_file);
    std::ifstream file(settings.certificate_file, std::ios::binary);
    certificate.assign(std::istreambuf_iterator<char>(file), {});
    parameters.certificate_pem = certificate;
    parameters.key = &*key;
  }
  auto context = wire::TlsClientContext::make(parameters);
  if (context) return *std::move(context);
  if (context.error() == wire::TlsError::BadCredentials)
    throw std::runtime_error(settings.certificate_file +
                             ": holds no certificate in PEM that belongs to the key in " +
                             settings.key_file);
  throw std::runtime_error(roots + ": holds no certificates to trust; [identity] roots names them");
}

}  // namespace veilwire::agent_identity
