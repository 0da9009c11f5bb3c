#include "userspace/flow/refusal.h"

#include "userspace/wire/http1.h"

#include <utility>
#include <vector>

namespace veilwire::flow {
namespace {

// The Messages API's own: "529 - overloaded_error: The API is temporarily overloaded."
constexpr int kOverloadedStatus = 529;
// Long enough for what is held to be sent on.
constexpr std::chrono::seconds kOverloadedWait{2};

constexpr std::string_view kPermission = "permission_error";
constexpr std::string_view kInvalid = "invalid_request_error";
constexpr std::string_view kApi = "api_error";
constexpr std::string_view kTimeout = "timeout_error";

Refusal make(int status, std::string_view kind, std::string message, std::string_view outcome,
             bool retry) {
  return {.status = status,
          .kind = std::string(kind),
          .message = std::move(message),
          .outcome = std::string(outcome),
          .retry = retry};
}

std::string uninspected(policy::Uninspected kind, std::string_view detail) {
  std::string text = " that cannot be inspected (" + std::string(policy::to_string(kind));
  if (!detail.empty()) text.append(": ").append(detail);
  return text + ").";
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 451:
      return "Unavailable For Legal Reasons";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case kOverloadedStatus:
      return "Overloaded";
    default:
      return "Error";
  }
}

}  // namespace

namespace refusal {

Refusal malformed_request(std::string_view why) {
  return make(400, kInvalid, "veilwire: malformed HTTP request: " + std::string(why) + ".",
              "refused", false);
}

Refusal request_timed_out() {
  return make(408, kTimeout, "veilwire: the request did not come in time.", "request timed out",
              true);
}

Refusal connect_method() {
  return make(400, kInvalid, "veilwire: CONNECT makes no sense to an origin server.", "refused",
              false);
}

// The certificate was made for the name in the handshake: a request for another host is not what
// policy judged.
Refusal misdirected(std::string_view host) {
  return make(
      421, kInvalid,
      "veilwire: this connection was made to " + std::string(host) + ", not to another host.",
      "refused", false);
}

Refusal unknown_expectation() {
  return make(417, kInvalid, "veilwire: only \"Expect: 100-continue\" is known.", "refused", false);
}

Refusal blocked_request(const audit::MaskedSpan& finding) {
  return make(451, kPermission,
              "Blocked by veilwire: this request holds data that policy does not let leave (rule " +
                  finding.rule + "). Remove it and send again.",
              "blocked", false);
}

Refusal blocked_answer(const audit::MaskedSpan& finding) {
  return make(451, kPermission,
              "Blocked by veilwire: the answer holds data that policy does not let through (rule " +
                  finding.rule + ").",
              "blocked", false);
}

Refusal uninspected_request(policy::Uninspected kind, std::string_view detail) {
  const bool too_large = kind == policy::Uninspected::OverLimit;
  return make(too_large ? 413 : 451, too_large ? "request_too_large" : kPermission,
              "Blocked by veilwire: policy does not let a request pass" + uninspected(kind, detail),
              "refused", false);
}

Refusal uninspected_answer(policy::Uninspected kind, std::string_view detail) {
  return make(451, kPermission,
              "Blocked by veilwire: policy does not let an answer pass" + uninspected(kind, detail),
              "refused", false);
}

Refusal upgrade() {
  return make(451, kPermission,
              "Blocked by veilwire: policy does not allow a protocol that cannot be inspected "
              "(Upgrade).",
              "refused", false);
}

Refusal request_too_large(std::size_t limit) {
  return make(413, "request_too_large",
              "veilwire: the request is larger than what can be inspected (" +
                  std::to_string(limit) + " bytes).",
              "refused", false);
}

Refusal not_identified(std::string_view message, bool sign_in) {
  return make(403, kPermission, "veilwire: " + std::string(message),
              sign_in ? "sign-in wanted" : "identity refused", false);
}

Refusal identity_unavailable(std::string_view message) {
  return make(503, kApi, "veilwire: " + std::string(message), "identity refused", true);
}

Refusal identity_lost(std::string_view message) {
  return make(403, kPermission, "veilwire stopped this answer: " + std::string(message),
              "identity lost", false);
}

Refusal identity_unconfirmed(std::string_view message) {
  return make(503, kApi, "veilwire stopped this answer: " + std::string(message),
              "identity unconfirmed", true);
}

Refusal no_credential(std::string_view host) {
  return make(403, kPermission,
              "veilwire: policy has no credential for you at " + std::string(host) +
                  ", and your own is not accepted; ask your administrator.",
              "no credential", false);
}

Refusal credential_unavailable(std::string_view name, std::string_view why) {
  return make(503, kApi,
              "veilwire: the organisation's credential " + std::string(name) +
                  " cannot be had: " + std::string(why) + ".",
              "credential unavailable", true);
}

Refusal trace_method() {
  return make(405, kInvalid,
              "veilwire: TRACE would show the organisation's credential for this host.", "refused",
              false);
}

Refusal overloaded(policy::Service service) {
  const bool own = service == policy::Service::Anthropic;
  Refusal refusal = make(own ? kOverloadedStatus : 503, "overloaded_error",
                         "veilwire: too much is being inspected at the same time on this machine; "
                         "try again in a moment.",
                         "overloaded", true);
  refusal.retry_after = kOverloadedWait;
  return refusal;
}

Refusal not_recorded(std::string_view why) {
  return make(503, kApi,
              "veilwire: the record cannot be written (" + std::string(why) +
                  "), so nothing is let through.",
              "not recorded", true);
}

Refusal not_sealed() {
  return make(503, kApi,
              "veilwire: policy keeps the original of this request, sealed for auditors, and it "
              "cannot be sealed now, so nothing is let through. Ask whoever keeps the policy.",
              "original not sealed", false);
}

Refusal cannot_encode(std::string_view what) {
  return make(502, kApi, "veilwire: the masked " + std::string(what) + " cannot be encoded again.",
              "refused", true);
}

Refusal upstream_unreachable(std::string_view host, std::string_view why, bool retry) {
  return make(502, kApi,
              "veilwire cannot reach " + std::string(host) + ": " + std::string(why) + ".",
              "upstream failed", retry);
}

Refusal upstream_silent(std::string_view host) {
  return make(504, kTimeout, "veilwire: " + std::string(host) + " has not answered for too long.",
              "upstream silent", true);
}

Refusal upstream_ended_early(std::string_view host) {
  return make(
      502, kApi,
      "veilwire: the answer of " + std::string(host) + " cannot be used: it ended in the middle.",
      "upstream ended early", true);
}

Refusal upstream_malformed(std::string_view host, std::string_view why) {
  return make(
      502, kApi,
      "veilwire: the answer of " + std::string(host) + " cannot be used: " + std::string(why) + ".",
      "upstream malformed", false);
}

}  // namespace refusal

std::optional<RefusalAnswer> answer(const Refusal& refusal, const EditorContext& context) {
  ErrorBody error = error_body(context, refusal.status, refusal.kind, refusal.message);
  const std::string length = std::to_string(error.body.size());
  std::string after;
  std::vector<std::pair<std::string_view, std::string_view>> fields{
      {"Content-Type", error.media_type},
      {"Content-Length", length},
      {"x-should-retry", refusal.retry ? "true" : "false"}};
  if (refusal.retry_after) {
    after = std::to_string(refusal.retry_after->count());
    fields.emplace_back("Retry-After", after);
  }
  fields.emplace_back("Connection", "close");
  auto head = wire::make_response_head(error.status, reason_phrase(error.status), fields);
  if (!head) return std::nullopt;
  return RefusalAnswer{std::move(head).value(), std::move(error.media_type), std::move(error.body)};
}

}  // namespace veilwire::flow
