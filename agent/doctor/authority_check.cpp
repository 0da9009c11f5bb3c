#include "agent/doctor/authority_check.h"

#include "userspace/crypto/encoding.h"
#include "userspace/crypto/hash.h"
#include "userspace/wire/authority_file.h"
#include "userspace/wire/leaf_cert.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <memory>
#include <utility>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace veilwire::doctor {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

// Time to make another, have it trusted everywhere, and change over.
constexpr std::chrono::hours kSoon{24 * 30};
// One takes another's place while clients trust both.
constexpr const char* kAnother =
    "put another CA beside it (veilwire-signer add-ca), have clients trust it, and change over "
    "(veilwire-signer switch-ca): veilwire-signer(8)";
constexpr const char* kChangeOver =
    "have clients trust the other CA that is in the file; then veilwire-signer switch-ca, and "
    "systemctl reload veilwire-signer veilwire-proxy";

std::vector<Certificate> read_chain(const std::string& pem) {
  std::vector<Certificate> chain;
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  while (Certificate next{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free})
    chain.push_back(std::move(next));
  return chain;
}

std::int64_t seconds_of(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<std::int64_t>(::timegm(&parts)) : 0;
}

std::string day_of(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[16];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d", &parts)};
}

std::string digest_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size < 0) return {};
  const std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return crypto::hex_encode(crypto::sha256(bytes));
}

// The earliest end of the chain counts, as it does for the signer.
Finding expiry(const std::vector<Certificate>& chain, WallTime now, const char* to_do) {
  std::int64_t from = 0, until = INT64_MAX;
  for (const Certificate& one : chain) {
    from = std::max(from, seconds_of(X509_get0_notBefore(one.get())));
    until = std::min(until, seconds_of(X509_get0_notAfter(one.get())));
  }
  const auto today = std::chrono::floor<std::chrono::seconds>(now.since_epoch).count();
  if (today >= until)
    return critical("ca-expiry", "",
                    "the internal CA has expired on " + day_of(until) +
                        ": clients get no connection to intercepted hosts",
                    to_do);
  if (today < from)
    return critical("ca-expiry", "", "the internal CA is not valid before " + day_of(from),
                    "set the clock of this host");
  if (until - today < std::chrono::seconds(kSoon).count())
    return warning("ca-expiry", "",
                   "the internal CA expires on " + day_of(until) + ", in " +
                       std::to_string((until - today) / 86'400) + " days",
                   to_do);
  return good("ca-expiry", "the internal CA is valid until " + day_of(until));
}

Findings hosts(const std::string& pem, const std::vector<std::string>& names) {
  Findings found;
  for (const std::string& host : names) {
    // Any name below a wildcard stands for all.
    const std::string name = host.starts_with("*.") ? "x" + host.substr(1) : host;
    if (const auto permits = wire::chain_permits(pem, name); permits && !*permits)
      found.push_back(
          critical("ca-hosts", host,
                   "the internal CA may not sign for this host of the policy: its "
                   "connections fail",
                   "put a CA that names it beside this one (veilwire-signer add-ca --host), have "
                   "clients trust it and change over: veilwire-signer(8); or take it out of the "
                   "policy"));
  }
  return or_good(std::move(found),
                 good("ca-hosts", "the internal CA may sign for all " +
                                      std::to_string(names.size()) + " hosts of the policy"));
}

}  // namespace

Findings check_authority(const AuthorityFacts& facts) {
  if (!facts.pem)
    return {critical("ca-certificate", facts.path, "it cannot be read: " + facts.problem,
                     "run veilwire setup, which makes one and has it trusted")};
  // While another CA takes its place the file holds both; the first one signs.
  const auto chains = wire::read_authorities(*facts.pem);
  const auto chain = read_chain(chains ? chains->front().pem : std::string());
  if (chain.empty() || X509_check_ca(chain.front().get()) != 1)
    return {critical(
        "ca-certificate", facts.path,
        chain.empty() ? "there is no certificate in it" : "its first certificate is that of no CA",
        "run veilwire setup, which makes one and has it trusted")};
  Findings found = {good("ca-certificate", facts.path + " holds the internal CA"),
                    expiry(chain, facts.now, chains->size() > 1 ? kChangeOver : kAnother)};
  if (chains->size() > 1)
    found.push_back(note("ca-other", "", "another CA stands beside the one that signs",
                         "finish the rotation: veilwire-signer switch-ca once clients trust the "
                         "other, drop-ca when the old one is not needed any more"));
  append(found, hosts(*facts.pem, facts.hosts));
  if (!facts.in_force.empty())
    found.push_back(
        facts.in_force == digest_of(chain.front().get())
            ? good("ca-in-force", "veilwire-signer signs with it")
            : warning("ca-in-force", "",
                      "veilwire-signer signs with another CA than the one in " + facts.path,
                      "systemctl reload veilwire-signer veilwire-proxy, once clients trust the "
                      "new one"));
  return found;
}

}  // namespace veilwire::doctor
