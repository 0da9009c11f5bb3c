#include "userspace/identity/key_cache.h"

#include "userspace/base/ascii.h"
#include "userspace/base/limits.h"
#include "userspace/identity/oidc_provider.h"
#include "userspace/identity/refresh_plan.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace veilwire::identity {
namespace {

using std::chrono::seconds;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

IdpRequest key_set_request(const OidcProvider& provider) {
  IdpRequest request;
  request.url = provider.jwks_uri;
  request.most_answer = limits::kKeySet;
  return request;
}

seconds key_set_freshness(std::string_view cache_control) {
  std::optional<seconds> age;
  while (!cache_control.empty()) {
    const std::size_t end = std::min(cache_control.find(','), cache_control.size());
    const std::string directive = to_lower(trimmed(cache_control.substr(0, end)));
    cache_control.remove_prefix(std::min(end + 1, cache_control.size()));
    if (directive == "no-store" || directive == "no-cache") return limits::kKeySetFreshLeast;
    if (!directive.starts_with("max-age=")) continue;
    const std::string_view number = std::string_view(directive).substr(8);
    std::uint32_t value = 0;
    const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    seconds read = limits::kKeySetFreshLeast;  // what cannot be read is stale (RFC 9111, 4.2.1)
    if (error == std::errc::result_out_of_range) read = limits::kKeySetFreshMost;
    if (error == std::errc() && stop == number.data() + number.size()) read = seconds(value);
    age = age ? std::min(*age, read) : read;
  }
  return std::clamp(age.value_or(limits::kKeySetFreshUnstated), limits::kKeySetFreshLeast,
                    limits::kKeySetFreshMost);
}

const JwkSet* KeyCache::keys(Monotonic now) const {
  return keys_ && now - taken_at_ <= limits::kKeySetKept ? &*keys_ : nullptr;
}

std::optional<Monotonic> KeyCache::due() const { return due_; }

bool KeyCache::unknown_key(Monotonic now) {
  if (!due_) return true;
  const Monotonic soonest = asked_at_ ? *asked_at_ + limits::kKeySetPause : now;
  // While the IdP fails its back-off holds: tokens of strangers must not hurry it.
  if (failures_ == 0) due_ = std::min(*due_, std::max(soonest, now));
  return *due_ <= now;
}

void KeyCache::asked(Monotonic now) {
  asked_at_ = now;
  due_.reset();
}

Result<void, IdpFault> KeyCache::answered(const IdpResponse& response, Monotonic now,
                                          std::uint32_t random) {
  IdpFault fault{.error = IdpError::UnexpectedStatus,
                 .status = response.status,
                 .retry_after = retry_after(response)};
  // The media type is not looked at: key sets lie on static servers that know none for them.
  if (response.status == 200) {
    auto keys = JwkSet::parse(response.body.reveal());
    if (keys) {
      // One without any key is taken too: an IdP in distress may have withdrawn all of them.
      keys_ = *std::move(keys);
      taken_at_ = now;
      failures_ = 0;
      due_ = refresh_at(now, now + key_set_freshness(response.cache_control), random);
      return {};
    }
    fault.error = IdpError::MemberMalformed;
    fault.about = "keys";
    fault.said = to_string(keys.error());
  }
  due_ = now + retry_wait(++failures_, random, fault.retry_after);
  return Unexpected{std::move(fault)};
}

void KeyCache::unreachable(Monotonic now, std::uint32_t random) {
  due_ = now + retry_wait(++failures_, random);
}

}  // namespace veilwire::identity
