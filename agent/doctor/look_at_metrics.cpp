// Scrapes veilwire-metrics as Prometheus would: as nobody and in a process of its own, since
// anybody may have taken its port.
#include "agent/doctor/bounded_child.h"
#include "agent/doctor/json_fields.h"
#include "agent/doctor/look.h"
#include "agent/host/clock.h"
#include "agent/host/log.h"
#include "agent/outbound/https_client.h"

#include <sstream>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

namespace veilwire::doctor {
namespace {

namespace asio = boost::asio;

// Above the three seconds that it gives the programs.
constexpr std::chrono::milliseconds kPatience{6'000};
constexpr std::size_t kMostMetrics = std::size_t{8} << 20;
constexpr uid_t kNobody = 65534;

// veilwire_up{program="signer"} 0
std::vector<std::string> told_down(std::string_view text) {
  constexpr std::string_view kBegin = "veilwire_up{program=\"", kEnd = "\"} 0";
  std::vector<std::string> programs;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(kBegin) && line.ends_with(kEnd))
      programs.push_back(line.substr(kBegin.size(), line.size() - kBegin.size() - kEnd.size()));
  return programs;
}

// {"listens": true, "problem": "..", "down": ["signer"]}
std::string scrape(const identity::Url& url) {
  asio::io_context io{1};
  outbound::HttpsClient client(io, nullptr, [] { return host::now().wall; });
  const outbound::HttpRequest request{
      .url = url, .fields = {}, .body = {}, .most_answer = kMostMetrics};
  Json said = {{"listens", false}};
  asio::co_spawn(
      io,
      [](outbound::HttpsClient& by, const outbound::HttpRequest& what,
         Json& out) -> asio::awaitable<void> {
        const auto answer = co_await by.ask(what, kPatience);
        if (!answer) {
          out["listens"] = answer.error().error != outbound::Error::Refused;
          out["problem"] = host::log::printable(outbound::to_string(answer.error()));
          co_return;
        }
        const std::string_view text = answer->body.reveal();
        out["listens"] = true;
        out["down"] = told_down(text);
        if (answer->status != 200)
          out["problem"] = "it answers " + std::to_string(answer->status);
        else if (text.find("\nveilwire_build_info{") == std::string_view::npos)
          out["problem"] = "its answer holds other metrics, or none";
      }(client, request, said),
      asio::detached);
  io.run();
  return said.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

MetricsFacts look_at_metrics(const Places& places) {
  MetricsFacts facts{
      .listen = places.metrics_listen, .listens = false, .problem = {}, .told_down = {}};
  const auto url =
      identity::parse_url("http://" + facts.listen + "/metrics", identity::PlainHttp::Loopback);
  if (!url) return facts;  // veilwire-metrics does not start with it
  const BoundedResult result = in_bounded_child(
      {.patience = kPatience + std::chrono::seconds(2), .as = kNobody, .work = [&](const auto&) {
         return scrape(*url);
       }});
  if (!result.bytes) {
    facts.listens = true;
    facts.problem = "it does not answer in time";
    return facts;
  }
  const Json said = object_of(*result.bytes);
  facts.listens = is_true(said, "listens");
  facts.problem = text_of(said, "problem");
  for (const Json& program : list_of(said, "down"))
    if (program.is_string()) facts.told_down.push_back(program.get<std::string>());
  return facts;
}

}  // namespace veilwire::doctor
