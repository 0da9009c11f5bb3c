// Asks the identity provider for what it says to anybody, as nobody, in a process of its own: its
// answer is a stranger's.
#include "agent/doctor/bounded_child.h"
#include "agent/doctor/foreign_program.h"
#include "agent/doctor/http_date.h"
#include "agent/doctor/json_fields.h"
#include "agent/doctor/look.h"
#include "agent/host/clock.h"
#include "agent/host/config.h"
#include "agent/host/log.h"
#include "agent/outbound/https_client.h"
#include "userspace/identity/oidc_provider.h"
#include "userspace/wire/tls_context.h"

#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string_view>
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

enum class Expected : std::uint8_t {
  Document,  // of discovery
  Page,      // for browsers with a request, which this is not: it may say so
};

std::string complaint(int status, Expected expected) {
  const bool good = expected == Expected::Document ? status == 200 : status < 500 && status != 404;
  return good ? std::string() : "it answers " + std::to_string(status);
}

// {"problem": "..", "ahead": seconds}
std::string ask(const identity::Url& url, Expected expected, const std::string& roots) {
  std::shared_ptr<wire::TlsClientContext> context;
  if (auto made = wire::TlsClientContext::make({.roots_pem = roots})) context = *made;
  if (!context && url.secure)
    return Json{{"problem", "roots of [identity] holds no certificate"}}.dump();
  asio::io_context io{1};
  outbound::HttpsClient client(io, context, [] { return host::now().wall; });
  const std::string_view accept = expected == Expected::Document ? "application/json" : "*/*";
  const outbound::HttpRequest request{.url = url, .fields = {{"accept", accept}}, .body = {}};
  Json said = {{"problem", "it does not answer in time"}};
  asio::co_spawn(
      io,
      [](outbound::HttpsClient& by, const outbound::HttpRequest& what, Expected wanted,
         Json& out) -> asio::awaitable<void> {
        const auto answer = co_await by.ask(what, kPatience);
        if (!answer) {
          out["problem"] = host::log::printable(outbound::to_string(answer.error()));
          co_return;
        }
        out["problem"] = complaint(answer->status, wanted);
        if (const auto date = read_http_date(answer->field("date")))
          out["ahead"] =
              *date -
              std::chrono::floor<std::chrono::seconds>(host::now().wall.since_epoch).count();
      }(client, request, expected, said),
      asio::detached);
  io.run();
  return said.dump();
}

std::string document_of(const ctl::StatusReport& report) {
  for (const ctl::ProgramReport& program : report.programs)
    if (program.name == "identity") return program.document;
  return {};
}

// As veilwire-saml reads it; sets where people sign in.
void look_at_metadata(const Places& places, IdentityFacts& facts) {
  const ForeignOutcome outcome = run_foreign(
      {.command = {places.program_folder + "/veilwire-saml", "--config",
                   places.config.empty() ? host::kDefaultConfig : places.config, "check"},
       .input = "",
       .confined = false,
       .errors_too = true});
  constexpr std::string_view kSignIn = "sign-in";
  std::istringstream lines(outcome.text);
  std::string last;
  for (std::string line; std::getline(lines, line); last = line)
    if (outcome.exit_code == 0 && line.starts_with(kSignIn)) {
      const auto at = line.find_first_not_of(' ', kSignIn.size());
      facts.issuer = at == std::string::npos ? "" : line.substr(at);
    }
  if (!outcome.problem.empty())
    facts.metadata_problem = "veilwire-saml cannot be run: " + outcome.problem;
  else if (outcome.exit_code != 0)
    facts.metadata_problem =
        last.empty() ? "veilwire-saml cannot be run" : host::log::printable(last);
  else if (facts.issuer.empty())
    facts.metadata_problem = "the IdP's metadata names no address for sign-in by HTTP-Redirect";
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
  const Expected expected = places.provider == "saml" ? Expected::Page : Expected::Document;
  if (expected == Expected::Page) look_at_metadata(places, facts);
  if (facts.issuer.empty()) return facts;
  std::optional<identity::Url> url;
  if (expected == Expected::Page)
    url = identity::parse_url(facts.issuer, identity::PlainHttp::Loopback);
  else if (const auto issuer = identity::parse_issuer(facts.issuer))
    url = identity::discovery_request(*issuer).url;
  if (!url) {
    facts.answer = ProviderAnswer{.problem = "it is not an address that is asked with https",
                                  .ahead = std::nullopt};
    return facts;
  }
  std::ifstream in(places.roots, std::ios::binary);
  const std::string roots{std::istreambuf_iterator<char>(in), {}};
  const BoundedResult result = in_bounded_child(
      {.patience = kPatience + std::chrono::seconds(2), .as = kNobody, .work = [&](const auto&) {
         return ask(*url, expected, roots);
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
