// Who trusts the internal CA: the bundle by its bytes, runtimes by their own word.
#include "agent/doctor/foreign_program.h"
#include "agent/doctor/look.h"
#include "agent/doctor/runtime_trial.h"
#include "agent/host/confinement.h"
#include "agent/host/local_socket.h"
#include "agent/host/protocol/signer.h"
#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/wire/leaf_cert.h"

#include <algorithm>
#include <exception>
#include <fstream>
#include <iterator>
#include <memory>
#include <system_error>
#include <utility>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <unistd.h>

namespace veilwire::doctor {
namespace {

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

std::vector<Certificate> read_certificates(const std::string& pem) {
  std::vector<Certificate> found;
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  while (Certificate next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free})
    found.push_back(std::move(next));
  return found;
}

std::string der_of(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  if (size < 0) return {};
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Whether the first certificate of the chain is, or leads to, one that the bundle holds. Dates are
// authority_check's.
bool leads_into(const std::vector<Certificate>& chain, const std::string& bundle) {
  const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(),
                                                                      X509_STORE_free);
  for (const Certificate& root : read_certificates(bundle))
    X509_STORE_add_cert(store.get(), root.get());
  const std::unique_ptr<STACK_OF(X509), void (*)(STACK_OF(X509)*)> between(
      sk_X509_new_null(), [](STACK_OF(X509) * stack) { sk_X509_free(stack); });
  for (std::size_t i = 1; i < chain.size(); ++i) sk_X509_push(between.get(), chain[i].get());
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context(
      X509_STORE_CTX_new(), X509_STORE_CTX_free);
  if (X509_STORE_CTX_init(context.get(), store.get(), chain.front().get(), between.get()) != 1)
    return false;
  X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_PARTIAL_CHAIN);
  return X509_verify_cert(context.get()) == 1;
}

// A host of the policy that the CA may sign for; "": none.
std::string permitted_host(const AuthorityFacts& authority) {
  for (const std::string& host : authority.hosts) {
    const std::string name = host.starts_with("*.") ? "doctor" + host.substr(1) : host;
    if (const auto permits = wire::chain_permits(*authority.pem, name); permits && *permits)
      return name;
  }
  return {};
}

// The signer answers the proxy's user alone, and the kernel tells it who has called connect().
Result<std::vector<std::string>, std::string> ask_signer(const Places& places,
                                                         const std::string& name,
                                                         const crypto::PrivateKey& key) {
  constexpr int kPatienceMs = 5'000;
  uid_t proxy = 0;
  try {
    proxy = host::resolve_user(places.proxy_user).uid;
  } catch (const std::exception& error) {
    return Unexpected<std::string>{error.what()};
  }
  if (::seteuid(proxy) != 0) return Unexpected<std::string>{"it takes root to ask the signer"};
  auto fd = host::connect_local(places.signer_socket, false);
  // The saved uid is still root's: nothing that fails.
  if (::seteuid(0) != 0) std::terminate();
  if (!fd)
    return Unexpected<std::string>{"the signer does not answer: " +
                                   std::generic_category().message(fd.error())};
  const auto reply = host::protocol::ask_signer(
      fd->get(), {.id = 1, .name = name, .spki = key.public_der()}, kPatienceMs);
  if (!reply)
    return Unexpected<std::string>{"the signer does not answer: " +
                                   std::generic_category().message(reply.error())};
  if (reply->status != host::protocol::SignerStatus::Signed)
    return Unexpected<std::string>{"the signer gives no certificate for " + name + ": " +
                                   std::string(host::protocol::to_string(reply->status))};
  return reply->chain;
}

}  // namespace

TrustFacts look_at_trust(const Places& places, const AuthorityFacts& authority) {
  TrustFacts facts;
  facts.certificate = places.certificate;
  for (const std::string& path : places.bundles)
    if (facts.bundle.empty() && ::access(path.c_str(), R_OK) == 0) facts.bundle = path;
  const auto chain = authority.pem ? read_certificates(*authority.pem) : std::vector<Certificate>();
  if (chain.empty()) return facts;
  facts.in_bundle = !facts.bundle.empty() && leads_into(chain, slurp(facts.bundle));

  struct Installed {
    const char* runtime;
    std::string program;
  };
  const Installed installed[] = {{"openssl", find_program({"openssl"})},
                                 {"python", find_program({"python3"}, {"/usr/bin"})},
                                 {"node", find_program({"node", "nodejs"})},
                                 {"java", find_program({"keytool"})}};
  const crypto::PrivateKey key = crypto::PrivateKey::generate();
  const std::string host = permitted_host(authority);
  const auto leaf = !places.root ? Unexpected<std::string>{"it takes root to ask the signer"}
                    : host.empty()
                        ? Unexpected<std::string>{"the CA may sign for no host of the policy"}
                        : ask_signer(places, host, key);
  for (const auto& [runtime, program] : installed) {
    if (program.empty()) continue;
    const std::string_view name = runtime;
    if (name != "java" && !leaf) {
      facts.runtimes.push_back({.runtime = runtime, .program = program, .said = leaf.error()});
      continue;
    }
    if (name == "java") {
      std::vector<std::string> digests;
      for (const Certificate& one : chain)
        digests.push_back(crypto::hex_encode(crypto::sha256(der_of(one.get()))));
      facts.runtimes.push_back(places.root ? try_java(program, digests)
                                           : RuntimeTrial{.runtime = runtime,
                                                          .program = program,
                                                          .said = "it takes root to confine it"});
      continue;
    }
    const ShownCertificate shown{.host = host, .chain = *leaf, .key = &key};
    facts.runtimes.push_back(name == "openssl"  ? try_openssl(program, shown)
                             : name == "python" ? try_python(program, shown)
                                                : try_node(program, shown, places.certificate));
  }
  return facts;
}

}  // namespace veilwire::doctor
