#include "agent/metrics/gather.h"

#include "agent/host/config.h"
#include "agent/host/protocol/status.h"

#include <algorithm>
#include <cerrno>
#include <future>
#include <utility>

namespace veilwire::metrics {

std::vector<Place> read_places(const std::string& config) {
  const host::Config settings = host::Config::load(config);
  std::vector<Place> places;
  const auto add = [&](const std::string& program) {
    const std::string stem = "/run/veilwire-" + program + "/" + program;
    places.push_back(
        {program, settings.section(program).text("status_socket", stem + "-status.sock")});
  };
  for (const char* program : {"redirector", "signer", "identity", "recorder"}) add(program);
  // These run only where they have something to do.
  if (settings.section("identity").text("provider", "local") == "saml") add("saml");
  if (settings.section("credentials").has("source")) add("credentials");
  if (settings.section("forwarder").has("sink")) add("forwarder");
  // Its status names people.
  places.push_back({"proxy", settings.section("proxy").text("metrics_socket",
                                                            "/run/veilwire/proxy-metrics.sock")});
  return places;
}

std::vector<Answer> ask(const std::vector<Place>& places, std::chrono::milliseconds patience) {
  std::vector<std::future<Answer>> asked;
  for (const Place& place : places)
    asked.push_back(std::async(std::launch::async, [&place, patience] {
      auto document = host::protocol::ask_status(place.socket, static_cast<int>(patience.count()));
      if (!document) return Answer{place.program, document.error(), ""};
      return Answer{place.program, 0, *std::move(document)};
    }));
  std::vector<Answer> answers;
  for (std::future<Answer>& one : asked) answers.push_back(one.get());
  return answers;
}

bool may_ask_nobody(const std::vector<Answer>& answers) {
  const auto refused = [](const Answer& a) { return a.error == EACCES || a.error == EPERM; };
  return std::ranges::any_of(answers, refused) &&
         std::ranges::all_of(answers, [&](const Answer& a) { return refused(a) || a.error != 0; });
}

}  // namespace veilwire::metrics
