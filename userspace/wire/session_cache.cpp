#include "userspace/wire/session_cache.h"

#include "userspace/wire/x509_builder.h"

#include <algorithm>
#include <chrono>

#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace veilwire::wire {

void FreeSession::operator()(ssl_session_st* session) const { SSL_SESSION_free(session); }

void SessionCache::put(std::string_view name, OwnedSession session, WallTime now) {
  // RFC 8446, 4.6.1: at most a week; keys of upstreams rotate daily anyway.
  constexpr std::chrono::seconds kLongest = std::chrono::hours(24);
  const std::chrono::seconds offered{SSL_SESSION_get_timeout(session.get())};
  WallTime expires{now.since_epoch + std::min(offered, kLongest)};
  if (const X509* certificate = SSL_SESSION_get0_peer(session.get()))
    expires = std::min(expires, x509::to_wall_time(X509_get0_notAfter(certificate)));
  if (expires <= now) return;

  const bool reusable = SSL_SESSION_get_protocol_version(session.get()) < TLS1_3_VERSION;
  std::size_t kept = 0;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const bool drop = entry->name == name && (reusable || ++kept >= kMostForName);
    entry = drop ? entries_.erase(entry) : std::next(entry);
  }
  entries_.push_front({std::string(name), std::move(session), expires});
  if (entries_.size() > kMost) entries_.pop_back();
}

OwnedSession SessionCache::take(std::string_view name, WallTime now) {
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (entry->name != name) {
      ++entry;
      continue;
    }
    if (entry->expires <= now || SSL_SESSION_is_resumable(entry->session.get()) != 1) {
      entry = entries_.erase(entry);
      continue;
    }
    if (SSL_SESSION_get_protocol_version(entry->session.get()) >= TLS1_3_VERSION) {
      OwnedSession session = std::move(entry->session);
      entries_.erase(entry);
      return session;
    }
    SSL_SESSION_up_ref(entry->session.get());
    return OwnedSession(entry->session.get());
  }
  return nullptr;
}

void SessionCache::forget(std::string_view name) {
  entries_.remove_if([name](const Entry& entry) { return entry.name == name; });
}

}  // namespace veilwire::wire
