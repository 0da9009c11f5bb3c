#include "agent/signer/issuer.h"

#include "userspace/base/ascii.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace veilwire::signer {
namespace {

using host::protocol::SignerReply;
using host::protocol::SignerRequest;
using host::protocol::SignerStatus;

// A container's clock is ours; a client whose clock was set back a little still sees a valid
// certificate.
constexpr std::chrono::hours kBackdated{1};
constexpr std::size_t kSerialSize = 16;
// A leaf of ours is about 600 bytes, of an RSA authority about 900.
constexpr std::size_t kLeafRoom = 2048;

bool matches(std::string_view pattern, std::string_view name) {
  if (!pattern.starts_with("*.")) return pattern == name;
  pattern.remove_prefix(1);
  const std::size_t dot = name.find('.');
  return dot != name.npos && dot != 0 && name.substr(dot) == pattern;
}

SignerReply refusal(SignerStatus status) { return {0, status, {}, {}}; }

}  // namespace

Issuer::Issuer(wire::CertificateAuthority authority, IssuerOptions options,
               crypto::RandomSource random, Now now)
    : authority_(std::move(authority)),
      options_(std::move(options)),
      random_(std::move(random)),
      credit_(std::chrono::nanoseconds(std::chrono::seconds(1)) / options_.per_second *
              options_.burst),
      credited_(now.mono) {
  for (std::string& host : options_.hosts) host = to_lower(host);
  check(authority_, now.wall);
}

void Issuer::replace(wire::CertificateAuthority authority, WallTime now) {
  check(authority, now);
  authority_ = std::move(authority);
  by_key_.clear();
  entries_.clear();
}

void Issuer::check(const wire::CertificateAuthority& authority, WallTime now) const {
  if (options_.hosts.empty() && !authority.constrained())
    throw std::runtime_error(
        "the CA's certificate has no name constraints and no hosts are configured: name the "
        "intercepted hosts in [signer] hosts");
  if (authority.not_after() <= now)
    throw std::runtime_error("the CA's certificate has expired; make or import another one");
  std::size_t size = kLeafRoom;
  for (const std::string& der : authority.intermediates()) size += der.size();
  if (authority.intermediates().size() >= host::protocol::kSignerCertificates ||
      size > host::protocol::kSignerChain)
    throw std::runtime_error("the CA's chain is too long for a handshake");
}

bool Issuer::permitted(std::string_view name) const {
  const auto matches_name = [name](const std::string& host) { return matches(host, name); };
  return (options_.hosts.empty() ||
          std::any_of(options_.hosts.begin(), options_.hosts.end(), matches_name)) &&
         authority_.permits(name);
}

bool Issuer::spend(Monotonic now) {
  const std::chrono::nanoseconds price =
      std::chrono::nanoseconds(std::chrono::seconds(1)) / options_.per_second;
  credit_ = std::min(credit_ + (now - credited_), price * options_.burst);
  credited_ = now;
  if (credit_ < price) return false;
  credit_ -= price;
  return true;
}

SignerReply Issuer::make(const std::string& name, std::string_view spki, Now now) {
  const std::string serial = crypto::random_bytes(random_, kSerialSize);
  const auto leaf = authority_.make_leaf({name,
                                          spki,
                                          {now.wall.since_epoch - kBackdated},
                                          {now.wall.since_epoch + options_.validity},
                                          serial});
  if (!leaf) {
    const bool theirs =
        leaf.error() == wire::CertError::BadKey || leaf.error() == wire::CertError::BadHost;
    ++(theirs ? counters_.bad : counters_.unavailable);
    return refusal(theirs ? SignerStatus::BadRequest : SignerStatus::Unavailable);
  }
  ++counters_.made;
  SignerReply reply{0, SignerStatus::Signed, {leaf->der}, leaf->not_after};
  const auto& rest = authority_.intermediates();
  reply.chain.insert(reply.chain.end(), rest.begin(), rest.end());
  return reply;
}

SignerReply Issuer::answer(const SignerRequest& request, Now now) {
  const auto with_id = [&request](SignerReply reply) {
    reply.id = request.id;
    return reply;
  };
  const std::string name = to_lower(request.name);
  const std::string key = name + '\0' + request.spki;
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    const auto entry = found->second;
    if (now.wall < entry->renew_from) {
      ++counters_.from_cache;
      entries_.splice(entries_.begin(), entries_, entry);
      return with_id(entry->reply);
    }
    by_key_.erase(found);
    entries_.erase(entry);
  }
  if (!permitted(name)) {
    ++counters_.not_permitted;
    return with_id(refusal(SignerStatus::NotPermitted));
  }
  if (authority_.not_after() <= now.wall) {
    ++counters_.unavailable;
    return with_id(refusal(SignerStatus::Unavailable));
  }
  if (!spend(now.mono)) {
    ++counters_.too_many;
    return with_id(refusal(SignerStatus::TooMany));
  }
  const SignerReply reply = make(name, request.spki, now);
  if (reply.status == SignerStatus::Signed) {
    // The asker keeps a certificate for a while too: it gets one with at least a third of its life
    // before it.
    const auto life = reply.not_after.since_epoch - now.wall.since_epoch;
    entries_.push_front({key, reply, {now.wall.since_epoch + life * 2 / 3}});
    by_key_.emplace(entries_.front().key, entries_.begin());
    if (entries_.size() > options_.cached) {
      by_key_.erase(entries_.back().key);
      entries_.pop_back();
    }
  }
  return with_id(reply);
}

}  // namespace veilwire::signer
