// What a transmitter of events, or who took its place, may say. The same bytes stand for three
// things: the claims of a token that has been verified, the `sub_id` of one, and the answer to a
// poll. Whatever is taken of them ends nothing but what an IdP may end, carried out twice it does
// what it does once, and what is settled is told to the transmitter in JSON that can be read.
#include "userspace/identity/security_event.h"

#include "userspace/base/limits.h"
#include "userspace/identity/event_poll.h"
#include "userspace/identity/strict_json.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace veilwire;
using namespace veilwire::identity;
using std::chrono::seconds;

constexpr const char* kIssuer = "https://idp.example";
constexpr Now kNow{{seconds(1'000)}, {seconds(1'800'000'300)}};

void require(bool ok) {
  if (!ok) std::abort();
}

EventExpectation expected() {
  return {.transmitter = kIssuer, .audience = "veilwire", .issuer = kIssuer};
}

SessionTable somebody() {
  SessionTable table;
  std::uint32_t audit_session = 0;
  for (const char* session : {"", "s"}) {
    const auto added = table.add({.binding = {BindingKind::Login, 1, 1, ++audit_session, 0},
                                  .person = {.issuer = kIssuer,
                                             .subject = "ann",
                                             .name = "ann",
                                             .groups = {},
                                             .person_class = PersonClass::Human,
                                             .method = "pkce",
                                             .valid_until = {}},
                                  .idp_session = session,
                                  .token = "t",
                                  .issued_at = {seconds(1'800'000'000)},
                                  .expires_at = {seconds(1'800'003'600)}},
                                 kNow);
    require(added.has_value());
  }
  return table;
}

void check(const SecurityEvents& events, WallTime issued_at) {
  SessionTable table = somebody();
  for (const SecurityEvent& event : events.events) {
    require((event.meaning == EventMeaning::EndsSessions) == !event.revocations.empty());
    require(event.where_unnamed.empty() || !event.revocations.empty());
    require(event.revocations.size() <= 2 * limits::kEventSubjects);
    for (const auto* list : {&event.revocations, &event.where_unnamed})
      for (const Revocation& revocation : *list)
        require(revocation.issuer == kIssuer && !revocation.what.empty() &&
                revocation.what.size() <= limits::kTokenText && revocation.at <= issued_at);
    require(carry_out(event, table, kNow).size() <= 2);
    require(carry_out(event, table, kNow).empty());
  }
}

void check_token(std::string_view json) {
  const auto token = check_claims(
      json, {.kind = TokenKind::SecurityEvent, .issuer = kIssuer, .audience = "veilwire"},
      kNow.wall);
  if (!token) return;
  const auto events = security_events(*token, expected());
  if (events) return check(*events, token->issued_at);
  require(!set_error_code(events.error().error).empty());
}

void check_subject(std::string_view json) {
  for (const char* type : {"caep/event-type/session-revoked", "risc/event-type/account-disabled"})
    check_token(R"({"iss":"https://idp.example","aud":"veilwire","iat":1800000000,"jti":"1",)"
                R"("events":{"https://schemas.openid.net/secevent/)" +
                std::string(type) + R"(":{}},"sub_id":)" + std::string(json) + "}");
}

void check_answer(std::string_view body) {
  EventPoll poll({.endpoint = parse_url("https://idp.example/events", PlainHttp::No).value()});
  IdpResponse response;
  response.status = 200;
  response.content_type = "application/json";
  Monotonic now = kNow.mono;
  for (int round = 0; round < 3; ++round) {
    response.body = Secret(std::string(body));
    const IdpRequest request = poll.ask(Secret(), now);
    const auto sent = read_json_object(request.body.reveal(), limits::kEventAnswer);
    require(sent.has_value());
    const auto received = poll.answered(response, now, 0);
    require(poll.due() && *poll.due() > now);
    now = *poll.due();
    if (!received) continue;
    require(received->size() <= limits::kEventsOfPoll);
    require(round < 2 || received->empty());  // all were settled
    for (const ReceivedSet& set : *received) {
      if (round == 0 && poll.may_wait(set.id, now)) continue;
      if (set.id.size() % 2 == 0)
        poll.accepted(set.id);
      else
        poll.refused(set.id, {TokenError::BadSignature});
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_token(bytes);
  check_subject(bytes);
  check_answer(bytes);
  return 0;
}
