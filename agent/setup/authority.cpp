#include "agent/setup/authority.h"

#include "agent/setup/trust_store.h"
#include "userspace/crypto/private_key.h"
#include "userspace/crypto/random.h"
#include "userspace/wire/authority_facts.h"
#include "userspace/wire/authority_file.h"
#include "userspace/wire/ca_request.h"
#include "userspace/wire/leaf_cert.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <utility>

namespace veilwire::setup {
namespace {

// Before a CA ends, a later set-up makes another.
constexpr std::chrono::hours kTooShort = std::chrono::days(30);

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what); }

std::string day_of(WallTime time) {
  const std::chrono::sys_time<std::chrono::nanoseconds> point(time.since_epoch);
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(point));
  const auto two = [](unsigned n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  return std::to_string(static_cast<int>(day.year())) + "-" +
         two(static_cast<unsigned>(day.month())) + "-" + two(static_cast<unsigned>(day.day()));
}

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

Secret copy_of(const Secret& secret) { return Secret(std::string(secret.reveal())); }

// "*.example.com" is permitted where what lies below example.com is.
std::optional<std::string> not_permitted(const wire::CertificateAuthority& authority,
                                         const std::vector<std::string>& hosts) {
  const auto found = std::find_if(hosts.begin(), hosts.end(), [&](const std::string& host) {
    return !authority.permits(host.starts_with("*.") ? "x" + host.substr(1) : host);
  });
  return found == hosts.end() ? std::nullopt : std::optional(*found);
}

std::string summary(const wire::AuthorityFacts& facts) {
  return facts.subject + ", until " + day_of(facts.not_after) + ", sha256 " + facts.sha256;
}

// Ours from an earlier set-up, while it will do.
std::optional<Authority> keep_present(const std::vector<std::string>& hosts,
                                      const PresentAuthority& present, WallTime now) {
  const auto authority =
      wire::CertificateAuthority::load(present.certificate, present.key.reveal());
  const auto chains = wire::read_authorities(present.certificate);
  if (!chains) return std::nullopt;
  const auto facts = wire::examine_authority(chains->front().pem);
  if (!authority || !facts || facts->root_pem.empty() || !facts->constrained ||
      not_permitted(*authority, hosts) || facts->not_before > now ||
      facts->not_after.since_epoch - now.since_epoch < kTooShort)
    return std::nullopt;
  return Authority{present.certificate,
                   copy_of(present.key),
                   facts->root_pem,
                   {},
                   "CA: the present one, " + summary(*facts)};
}

Authority make_new(const Answers& answers, const std::vector<std::string>& hosts, WallTime now) {
  wire::CaParameters parameters;
  parameters.label = day_of(now);
  parameters.hosts = hosts;
  parameters.not_before = {now.since_epoch - std::chrono::hours(1)};
  parameters.not_after = {now.since_epoch + std::chrono::days(answers.days)};
  parameters.serial = crypto::random_bytes(crypto::system_random(), 16);
  auto made = wire::make_ca(parameters);
  if (!made)
    fail("[ca] hosts = " + list_of(hosts) + ": " + std::string(wire::to_string(made.error())));
  return {made->certificate_pem,
          std::move(made->key_pem),
          made->certificate_pem,
          {},
          "CA: a new one, for " + list_of(hosts) + " alone, until " + day_of(parameters.not_after)};
}

// One that somebody else has signed is judged before a host relies on it.
Authority take_signed(const Answers& answers, const std::vector<std::string>& hosts,
                      const std::string& certificate, Secret key, const std::string& bundle,
                      WallTime now) {
  const std::string& file = answers.certificate;
  const auto facts = wire::examine_authority(certificate);
  if (!facts) fail(file + ": " + std::string(wire::to_string(facts.error())));
  const auto authority = wire::CertificateAuthority::load(facts->chain_pem, key.reveal());
  if (!authority)
    fail(file + " and its key" + (answers.key.empty() ? "" : " " + answers.key) + ": " +
         std::string(wire::to_string(authority.error())));
  if (facts->not_before > now || facts->not_after < now)
    fail(file + ": is valid from " + day_of(facts->not_before) + " to " + day_of(facts->not_after) +
         ", and today is " + day_of(now));
  if (!answers.unconstrained && facts->path_length != 0)
    fail(file +
         ": may sign further authorities; have it signed with basicConstraints "
         "pathlen:0, or say unconstrained = true in [ca]");
  if (!answers.unconstrained && !facts->constrained)
    fail(file +
         ": may sign for every name in the world; have it signed with critical "
         "nameConstraints for " +
         list_of(hosts) + ", or say unconstrained = true in [ca]");
  if (const auto host = not_permitted(*authority, hosts))
    fail(file + ": its name constraints do not permit " + *host + ", which is intercepted");
  if (facts->root_pem.empty() && !wire::issued_below(facts->chain_pem, bundle))
    fail(file +
         ": the chain ends in a certificate that this system has no issuer for; append "
         "the certificates up to and including the organisation's root");
  return {facts->chain_pem, std::move(key), facts->root_pem, {}, "CA: " + summary(*facts)};
}

}  // namespace

Authority settle_authority(const Answers& answers, const std::vector<std::string>& hosts,
                           const PresentAuthority& present, GivenAuthority given, WallTime now) {
  if (hosts.empty())
    fail("no host is intercepted: the policy has no [[host]], and [ca] has no hosts");
  if (answers.ca == Answers::Ca::Imported)
    return take_signed(answers, hosts, given.certificate, std::move(given.key), present.bundle,
                       now);
  if (answers.ca == Answers::Ca::Made) {
    auto kept = keep_present(hosts, present, now);
    if (kept) return std::move(*kept);
    const auto chains = wire::read_authorities(present.certificate);
    if (chains && chains->size() > 1)
      fail(
          "the CA will not do, and another one is about to take its place: finish that first with "
          "veilwire-signer switch-ca and drop-ca");
    return make_new(answers, hosts, now);
  }
  Secret key = present.key.empty() ? crypto::PrivateKey::generate().to_pem() : copy_of(present.key);
  auto request = wire::make_ca_request(hosts, key.reveal());
  if (!request)
    fail("[ca] hosts = " + list_of(hosts) + ": " + std::string(wire::to_string(request.error())));
  // A new signature alone is no new request.
  if (wire::same_request(*request, present.request)) request = present.request;
  if (given.certificate.empty())
    return {{}, std::move(key), {}, *request, "CA: a request for " + list_of(hosts)};
  Authority authority =
      take_signed(answers, hosts, given.certificate, std::move(key), present.bundle, now);
  authority.request = *request;
  return authority;
}

std::vector<std::string> trusted_still(std::string_view certificates, std::string_view bundle) {
  std::vector<std::string> subjects;
  const auto chains = wire::read_authorities(certificates);
  if (!chains) return subjects;
  for (const wire::AuthorityChain& chain : *chains)
    if (bundle_holds(bundle, chain.anchor)) subjects.push_back(chain.subject);
  return subjects;
}

}  // namespace veilwire::setup
