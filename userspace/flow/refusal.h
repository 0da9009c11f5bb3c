// Why an exchange ends with an answer of ours instead of the upstream's: every such answer there
// is, with what a client is told about trying again. Clients of the Messages API honour
// x-should-retry and otherwise try for minutes after 5xx: what policy says stays said, so "false";
// what passes by itself is "true". Tested by tests/unit/flow/refusal_test.cpp.
#pragma once

#include "userspace/audit/record.h"
#include "userspace/flow/body_editor.h"
#include "userspace/policy/policy.h"
#include "userspace/wire/http.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::flow {

struct Refusal {
  int status = 451;
  std::string kind = "permission_error";  // Anthropic error type
  std::string message;                    // for the person, without any part of what was found
  std::string outcome;                    // for the record: ExchangeClose::outcome
  bool retry = false;                     // x-should-retry
  std::optional<std::chrono::seconds> retry_after = {};
};

namespace refusal {

// The request, whatever policy says.
Refusal malformed_request(std::string_view why);
Refusal request_timed_out();
Refusal connect_method();
Refusal misdirected(std::string_view host);
Refusal unknown_expectation();
// Policy.
Refusal blocked_request(const audit::MaskedSpan& finding);
Refusal blocked_answer(const audit::MaskedSpan& finding);
Refusal uninspected_request(policy::Uninspected kind, std::string_view detail);
Refusal uninspected_answer(policy::Uninspected kind, std::string_view detail);
Refusal upgrade();
Refusal request_too_large(std::size_t limit);  // bytes
// Who the person is: refused by the source of identities, or not to be learned now.
// sign_in: the message says how to become known, and then the same request passes.
Refusal not_identified(std::string_view message, bool sign_in = false);
Refusal identity_unavailable(std::string_view message);
// The same while an answer is under way.
Refusal identity_lost(std::string_view message);
Refusal identity_unconfirmed(std::string_view message);
// The organisation's credential for a host: policy has none for the person, or it cannot be had
// now.
Refusal no_credential(std::string_view host);
Refusal credential_unavailable(std::string_view name, std::string_view why);
Refusal trace_method();
// Ourselves.
Refusal overloaded(policy::Service service);  // nothing more can be held (memory_budget.h)
Refusal not_recorded(std::string_view why);
Refusal not_sealed();  // the original, which policy keeps; the record says why
Refusal cannot_encode(std::string_view what);
// The upstream. A lost connection may be better next time; a refused certificate and an answer that
// makes no sense are the same again, and the answer is paid for again.
Refusal upstream_unreachable(std::string_view host, std::string_view why, bool retry);
Refusal upstream_silent(std::string_view host);
Refusal upstream_ended_early(std::string_view host);
Refusal upstream_malformed(std::string_view host, std::string_view why);

}  // namespace refusal

// A refusal as the client gets it: head and body of a complete response, after which the connection
// ends.
struct RefusalAnswer {
  wire::ResponseHead head;
  std::string media_type;
  std::string body;
};
// nullopt: no head can be made of it, which is a mistake of ours.
std::optional<RefusalAnswer> answer(const Refusal& refusal, const EditorContext& context);

}  // namespace veilwire::flow
