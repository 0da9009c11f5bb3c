// What an IdP, or who took its place, may answer to each of our requests, and what a browser may
// come back with. The same bytes stand for every body, for the fields beside it, for a callback and
// for a URL: whatever is taken is within its bounds, and nothing of it could split a request or
// move a terminal's cursor.
#include "userspace/base/limits.h"
#include "userspace/identity/authorization_request.h"
#include "userspace/identity/device_flow.h"
#include "userspace/identity/form.h"
#include "userspace/identity/idp_fault.h"
#include "userspace/identity/introspection.h"
#include "userspace/identity/key_cache.h"
#include "userspace/identity/oidc_provider.h"
#include "userspace/identity/revocation.h"
#include "userspace/identity/token_request.h"
#include "userspace/identity/userinfo.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

namespace {

using namespace veilwire;
using namespace veilwire::identity;
using std::chrono::seconds;

constexpr Monotonic kNow{seconds(1000)};

void require(bool ok) {
  if (!ok) std::abort();
}

bool visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// Fit for a terminal.
bool shown(std::string_view text) {
  return text.size() <= limits::kIdpText &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

void check(const IdpFault& fault) {
  require(shown(fault.said));
  require(!fault.retry_after || *fault.retry_after <= limits::kIdpRetryMost);
  (void)verdict(fault);
}

void check(const Url& url) {
  require(visible(url.text) && !url.host.empty() && url.port != 0 && url.target.front() == '/');
  require(url.text.size() <= limits::kIdpUrl && url.authority.find('@') == std::string::npos);
  require(url.text.substr(url.secure ? 8 : 7).starts_with(url.authority));
}

void check(const Tokens& tokens) {
  require(is_credential(tokens.access_token.reveal()));
  for (const Secret* token : {&tokens.refresh_token, &tokens.id_token})
    require(token->empty() || is_credential(token->reveal()));
  require(tokens.until > tokens.since && tokens.until - tokens.since <= limits::kTokenLifeMost);
}

void check_discovery(const IdpResponse& response, const Url& issuer) {
  const auto provider = read_discovery(response, issuer);
  if (!provider) return check(provider.error());
  check(provider->jwks_uri);
  for (const auto* url : {&provider->authorization_endpoint, &provider->end_session_endpoint,
                          &provider->endpoints.token, &provider->by_certificate.token,
                          &provider->endpoints.device_authorization}) {
    if (!*url) continue;
    check(**url);
    require((*url)->secure || !issuer.secure);
  }
}

void check_device_start(const IdpResponse& response, const Url& issuer) {
  const auto start = read_device_start(response, issuer, kNow);
  if (!start) return check(start.error());
  require(visible(start->user_code) && start->user_code.size() <= limits::kUserCode);
  require(visible(start->verification_uri) && visible(start->verification_uri_complete));
  require(start->interval >= seconds(1) && start->interval <= limits::kDevicePollMost);
  require(start->until > kNow && start->until <= kNow + limits::kDeviceFlowTime);
}

// Each answer leads to a later poll or to an end.
void check_polls(const IdpResponse& response) {
  DeviceStart start;
  start.until = kNow + limits::kDeviceFlowTime;
  DeviceFlow flow(std::move(start), kNow);
  Monotonic now = kNow;
  for (int poll = 0; flow.due(); ++poll) {
    require(poll < 400 && *flow.due() > now);
    now = *flow.due();
    flow.asked(now);
    if (const auto tokens = flow.answered(response, now, 0)) check(*tokens);
    if (flow.fault()) check(*flow.fault());
  }
  require(flow.state(kNow + limits::kDeviceFlowTime) != DeviceFlow::State::Waiting);
}

void check_introspection(const IdpResponse& response) {
  const auto answer = read_introspection(response, {"groups"});
  if (!answer) return check(answer.error());
  require(answer->active || answer->subject.empty());
  require(answer->subject.size() <= limits::kTokenText);
  require(!answer->groups || answer->groups->size() <= limits::kTokenGroups);
  (void)confirms(*answer, "https://idp.example", "ann", WallTime{seconds(1'800'000'000)});
}

void check_userinfo(const IdpResponse& response) {
  const auto info = read_userinfo(response, "ann", {"groups"});
  if (!info) return check(info.error());
  require(!info->groups || info->groups->size() <= limits::kTokenGroups);
}

void check_keys(const IdpResponse& response) {
  KeyCache cache;
  cache.asked(kNow);
  const auto taken = cache.answered(response, kNow, 0);
  if (!taken) check(taken.error());
  require(taken.has_value() == (cache.keys(kNow) != nullptr));
  require(cache.due() && *cache.due() > kNow &&
          *cache.due() <= kNow + limits::kKeySetFreshMost + limits::kIdpRetryMost);
}

void check_callback(const std::string& target, AuthorizationRequest request, bool ours) {
  const auto code = request.take_callback(target);
  if (code) {
    require(ours && is_credential(code->reveal()));
    require(!request.take_callback(target));
  } else {
    require(shown(code.error().said));
  }
}

void check_callbacks(std::string_view bytes, const Url& issuer) {
  OidcProvider provider;
  provider.issuer = issuer;
  provider.authorization_endpoint = issuer;
  const auto make = [&] {
    return AuthorizationRequest::make(provider, "c", {.port = 1}, {},
                                      [](std::span<std::uint8_t> out) {
                                        std::fill(out.begin(), out.end(), std::uint8_t{7});
                                      })
        .value();
  };
  const std::string state(43, 'B');  // not the state of the request
  check_callback(std::string(bytes), make(), false);
  check_callback("/callback?state=" + state + '&' + std::string(bytes), make(), false);
  const std::string url = make().url();
  const std::size_t at = url.find("&state=") + 1;
  check_callback("/callback?" + url.substr(at, url.find('&', at) - at) + '&' + std::string(bytes),
                 make(), true);
}

void check_form(std::string_view bytes) {
  const auto fields = parse_form(bytes, limits::kCallbackParameters);
  if (!fields) return;
  Form form;
  for (const FormField& field : *fields) form.add(field.name, field.value);
  const Secret text = form.take();
  const auto again = parse_form(text.reveal(), limits::kCallbackParameters);
  require(again && again->size() == fields->size());
  for (std::size_t i = 0; i < fields->size(); ++i)
    require((*again)[i].name == (*fields)[i].name && (*again)[i].value == (*fields)[i].value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const Url issuer = parse_issuer("https://idp.example").value();
  const Url plain = parse_issuer("http://127.0.0.1:8080").value();

  IdpResponse response;
  response.content_type = "application/json";
  response.body = Secret(std::string(bytes));
  for (const int status : {200, 400, 503}) {
    response.status = status;
    check_discovery(response, issuer);
    check_discovery(response, plain);
    check_device_start(response, issuer);
    check_polls(response);
    check_introspection(response);
    check_userinfo(response);
    check_keys(response);
    const auto tokens = read_tokens(response, IdToken::Optional, kNow);
    tokens ? check(*tokens) : check(tokens.error());
    if (const auto revoked = read_revocation(response); !revoked) check(revoked.error());
  }
  response.body = Secret(std::string(R"({"keys":[]})"));
  response.content_type = response.cache_control = response.retry_after = bytes;
  for (const int status : {200, 503}) {
    response.status = status;
    check_keys(response);
    check_polls(response);
  }
  const seconds fresh = key_set_freshness(bytes);
  require(fresh >= limits::kKeySetFreshLeast && fresh <= limits::kKeySetFreshMost);

  check_callbacks(bytes, issuer);
  check_form(bytes);
  if (const auto url = parse_url(bytes, PlainHttp::Loopback)) check(*url);
  return 0;
}
