#include "userspace/identity/device_flow.h"

#include "userspace/base/limits.h"
#include "userspace/identity/refresh_plan.h"

#include <algorithm>
#include <utility>

namespace veilwire::identity {
namespace {

using std::chrono::seconds;

// 3.5: what else comes ends the polling, but for an IdP that says that it fails. One that has given
// tokens of another type has given them.
bool may_pass(const IdpFault& fault) {
  if (fault.error == IdpError::UnknownTokenType) return false;
  if (fault.error != IdpError::Refused) return verdict(fault) == IdpVerdict::Failing;
  return fault.code == OAuthError::ServerError ||
         fault.code == OAuthError::TemporarilyUnavailable || fault.status == 429;
}

}  // namespace

std::optional<IdpRequest> device_authorization_request(const ClientContext& context,
                                                       std::string_view scope) {
  Form form;
  form.add_unless_empty("scope", scope);
  return client_request(context, ClientEndpoint::DeviceAuthorization, std::move(form));
}

Result<DeviceStart, IdpFault> read_device_start(const IdpResponse& response, const Url& issuer,
                                                Monotonic asked_at) {
  auto object = read_answer(response);
  if (!object) return Unexpected{object.error()};
  const auto fail = [](IdpError error, std::string_view about) {
    return Unexpected{IdpFault{.error = error, .about = about, .status = 200}};
  };
  for (const std::string_view name : {"device_code", "user_code", "verification_uri", "expires_in"})
    if (object->find(name) == nullptr) return fail(IdpError::MemberMissing, name);

  DeviceStart start;
  auto device_code = take_secret(*object, "device_code");
  if (!device_code || !is_credential(device_code->reveal()))
    return fail(IdpError::MemberMalformed, "device_code");
  start.device_code = *std::move(device_code);
  const std::string* const user_code = object->text_at("user_code");
  if (user_code == nullptr || !is_credential(*user_code) || user_code->size() > limits::kUserCode)
    return fail(IdpError::MemberMalformed, "user_code");
  start.user_code = *user_code;

  const PlainHttp plain = issuer.secure ? PlainHttp::No : PlainHttp::Loopback;
  const std::string* const uri = object->text_at("verification_uri");
  if (uri == nullptr || !parse_url(*uri, plain))
    return fail(IdpError::InsecureEndpoint, "verification_uri");
  start.verification_uri = *uri;
  if (object->find("verification_uri_complete") != nullptr) {
    const std::string* const complete = object->text_at("verification_uri_complete");
    if (complete == nullptr || !parse_url(*complete, plain))
      return fail(IdpError::InsecureEndpoint, "verification_uri_complete");
    start.verification_uri_complete = *complete;
  }

  const auto life = object->integer_at("expires_in");
  if (!life || *life < 1) return fail(IdpError::MemberMalformed, "expires_in");
  start.until = asked_at + seconds(std::min<std::int64_t>(*life, limits::kDeviceFlowTime.count()));
  if (object->find("interval") != nullptr) {
    const auto interval = object->integer_at("interval");
    if (!interval || *interval < 1 || *interval > limits::kDevicePollMost.count())
      return fail(IdpError::MemberMalformed, "interval");
    start.interval = seconds(*interval);
  }
  return start;
}

DeviceFlow::DeviceFlow(DeviceStart start, Monotonic now)
    : start_(std::move(start)), due_(now + start_.interval) {}

DeviceFlow::State DeviceFlow::state(Monotonic now) const {
  return state_ == State::Waiting && now >= start_.until ? State::Expired : state_;
}

std::optional<Monotonic> DeviceFlow::due() const {
  return due_ && *due_ < start_.until ? due_ : std::nullopt;
}

void DeviceFlow::asked(Monotonic now) {
  asked_at_ = now;
  due_.reset();
}

std::optional<Tokens> DeviceFlow::answered(const IdpResponse& response, Monotonic now,
                                           std::uint32_t random, TokenType wanted) {
  auto tokens = read_tokens(response, IdToken::Required, asked_at_, wanted);
  if (tokens) {
    state_ = State::Done;
    return *std::move(tokens);
  }
  const IdpFault& fault = tokens.error();
  const bool slower = fault.error == IdpError::Refused && fault.code == OAuthError::SlowDown;
  if (slower ||
      (fault.error == IdpError::Refused && fault.code == OAuthError::AuthorizationPending)) {
    if (slower) start_.interval += seconds(5);  // for this and all later polls
    failures_ = 0;
    due_ = now + std::max(start_.interval, fault.retry_after.value_or(seconds(0)));
    return std::nullopt;
  }
  fault_ = fault;
  if (may_pass(fault)) {
    back_off(now, random);
  } else if (fault.code == OAuthError::AccessDenied) {
    state_ = State::Denied;
  } else if (fault.code == OAuthError::ExpiredToken) {
    state_ = State::Expired;
  } else {
    state_ = State::Failed;
  }
  return std::nullopt;
}

void DeviceFlow::unreachable(Monotonic now, std::uint32_t random) {
  fault_ = IdpFault{.error = IdpError::Unreachable};
  back_off(now, random);
}

// 3.5: less often while the IdP does not answer.
void DeviceFlow::back_off(Monotonic now, std::uint32_t random) {
  const auto asked_for = fault_ ? fault_->retry_after : std::nullopt;
  due_ = now + start_.interval + retry_wait(++failures_, random, asked_for);
}

}  // namespace veilwire::identity
