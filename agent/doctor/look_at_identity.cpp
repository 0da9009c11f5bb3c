// Asks the identity provider for what it says to anybody, as nobody, in a process of its own: its
// answer is a stranger's.
#include "agent/doctor/bounded_child.h"
#include "agent/doctor/http_date.h"
#include "agent/doctor/json_fields.h"
#include "agent/doctor/look.h"
#include "agent/host/clock.h"
#include "agent/host/log.h"
#include "agent/outbound/https_client.h"
#include "userspace/identity/oidc_provider.h"
#include "userspace/wire/tls_context.h"

#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <sys/timex.h>

namespace veilwire::doctor {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds kPatience{8'000};
constexpr uid_t kNobody = 65534;

// {"problem": "..", "ahead": seconds}
std::string ask(const identity::Url& issuer, const std::string& roots) {
  std::shared_ptr<wire::TlsClientContext> context;
  if (auto made = wire::TlsClientContext::make({.roots_pem = roots})) context = *made;
  if (!context && issuer.secure)
    return Json{{"problem", "roots of [identity] holds no certificate"}}.dump();
  asio::io_context io{1};
  outbound::HttpsClient client(io, context, [] { return host::now().wall; });
  const identity::IdpRequest discovery = identity::discovery_request(issuer);
  const outbound::HttpRequest request{
      .url = discovery.url, .fields = {{"accept", "application/json"}}, .body = {}};
  Json said = {{"problem", "it does not answer in time"}};
  asio::co_spawn(
      io,
      [](outbound::HttpsClient& by, const outbound::HttpRequest& what,
         Json& out) -> asio::awaitable<void> {
        const auto answer = co_await by.ask(what, kPatience);
        if (!answer) {
          out["problem"] = host::log::printable(outbound::to_string(answer.error()));
          co_return;
        }
        out["problem"] =
            answer->status == 200 ? std::string() : "it answers " + std::to_string(answer->status);
        if (const auto date = read_http_date(answer->field("date")))
          out["ahead"] =
              *date -
              std::chrono::floor<std::chrono::seconds>(host::now().wall.since_epoch).count();
      }(client, request, said),
      asio::detached);
  io.run();
  return said.dump();
}

std::string document_of(const ctl::StatusReport& report) {
  for (const ctl::ProgramReport& program : report.programs)
    if (program.name == "identity") return program.document;
  return {};
}

}  // namespace

IdentityFacts look_at_identity(const Places& places, const ctl::StatusReport& report) {
  IdentityFacts facts{.provider = places.provider,
                      .issuer = places.issuer,
                      .answer = std::nullopt,
                      .synchronised = std::nullopt,
                      .document = document_of(report)};
  timex clock{};
  if (const int state = ::adjtimex(&clock); state >= 0)
    facts.synchronised = state != TIME_ERROR && (clock.status & STA_UNSYNC) == 0;
  if (facts.issuer.empty()) return facts;
  const auto issuer = identity::parse_issuer(facts.issuer);
  if (!issuer) {
    facts.answer =
        ProviderAnswer{.problem = "it is not the address of an issuer", .ahead = std::nullopt};
    return facts;
  }
  std::ifstream in(places.roots, std::ios::binary);
  const std::string roots{std::istreambuf_iterator<char>(in), {}};
  const BoundedResult result = in_bounded_child(
      {.patience = kPatience + std::chrono::seconds(2), .as = kNobody, .work = [&](const auto&) {
         return ask(*issuer, roots);
       }});
  ProviderAnswer answer{.problem = "it does not answer in time", .ahead = std::nullopt};
  if (result.bytes) {
    const Json said = object_of(*result.bytes);
    answer.problem = text_of(said, "problem");
    if (const Json ahead = member(said, "ahead"); ahead.is_number_integer())
      answer.ahead = std::chrono::seconds(ahead.get<std::int64_t>());
  }
  facts.answer = std::move(answer);
  return facts;
}

}  // namespace veilwire::doctor
