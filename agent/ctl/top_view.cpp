#include "agent/ctl/top_view.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

namespace veilwire::ctl {
namespace {

using nlohmann::json;

json parsed(const std::string& document) {
  json out = json::parse(document, nullptr, false);
  return out.is_object() ? out : json::object();
}

json document_of(const TopSample& sample, std::string_view program) {
  for (const metrics::Answer& answer : sample.answers)
    if (answer.program == program) return parsed(answer.document);
  return json::object();
}

json member(const json& object, std::string_view name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() ? *found : json();
}
json list(const json& object, std::string_view name) {
  json found = member(object, name);
  return found.is_array() ? found : json::array();
}
std::string text(const json& object, std::string_view name) {
  const json found = member(object, name);
  return found.is_string() ? found.get<std::string>() : "";
}
double real(const json& object, std::string_view name) {
  const json found = member(object, name);
  return found.is_number() ? found.get<double>() : 0;
}
std::uint64_t whole(const json& object, std::string_view name) {
  const json found = member(object, name);
  return found.is_number_unsigned() ? found.get<std::uint64_t>() : 0;
}

// Of a counter that may have begun anew.
double grown(double before, double now) { return now >= before ? now - before : now; }

double observations(const json& histogram) {
  double sum = 0;
  for (const json& bucket : list(histogram, "buckets"))
    if (bucket.is_number()) sum += bucket.get<double>();
  return sum;
}

double mean(const json& before, const json& now, std::string_view name) {
  const json then = member(before, name), since = member(now, name);
  const double n = grown(observations(then), observations(since));
  return n > 0 ? grown(real(then, "sum"), real(since, "sum")) / n : 0;
}

// An exchange of a connection, over samples.
std::string key_of(const json& stream) {
  return text(stream, "id") + "." + std::to_string(whole(stream, "exchange"));
}

void add_streams(const json& before, const json& now, TopView& view) {
  std::map<std::string, double> earlier;
  for (const json& row : list(before, "streams")) earlier[key_of(row)] = real(row, "fragments");
  for (const json& row : list(now, "streams")) {
    const auto then = earlier.find(key_of(row));
    TopStream stream;
    stream.person = text(row, "person");
    stream.program = text(row, "comm");
    stream.server = text(row, "server_name");
    stream.what = text(row, "model").empty() ? text(row, "tool") : text(row, "model");
    stream.seconds = real(row, "seconds");
    stream.pid = whole(row, "pid");
    stream.findings = whole(row, "findings");
    stream.waiting_bytes = whole(row, "waiting_bytes");
    // A stream that began in between has not had all of the time.
    const double time = std::min(view.seconds, std::max(stream.seconds, 0.001));
    stream.events_per_second =
        grown(then == earlier.end() ? 0 : then->second, real(row, "fragments")) / time;
    view.streams.push_back(std::move(stream));
  }
}

void add_people(TopView& view) {
  std::map<std::string, TopPerson> people;
  for (const TopStream& stream : view.streams) {
    TopPerson& person = people[stream.person];
    person.person = stream.person;
    ++person.streams;
    person.findings += stream.findings;
    person.events_per_second += stream.events_per_second;
  }
  for (auto& [name, person] : people) view.people.push_back(std::move(person));
  std::stable_sort(view.people.begin(), view.people.end(),
                   [](const auto& a, const auto& b) { return a.streams > b.streams; });
}

using FindingKey = std::tuple<std::string, std::string, std::string, std::string>;

std::map<FindingKey, std::uint64_t> findings_of(const json& proxy) {
  std::map<FindingKey, std::uint64_t> out;
  // What is only observed stands in a list of its own, by what it would have been.
  for (const bool observed : {false, true}) {
    for (const json& row : list(proxy, observed ? "observed" : "findings")) {
      const auto name = [&row](std::size_t i) {
        return row[i].is_string() ? row[i].get<std::string>() : std::string();
      };
      if (!row.is_array() || row.size() != 5 || !row[4].is_number_unsigned()) continue;
      if (!observed && name(2) == "observed") continue;
      out[{name(1), name(0), (observed ? "would " : "") + name(2), name(3)}] =
          row[4].get<std::uint64_t>();
    }
  }
  return out;
}

void add_findings(const json& before, const json& now, TopView& view) {
  const auto earlier = findings_of(before);
  for (const auto& [key, count] : findings_of(now)) {
    const auto then = earlier.find(key);
    const std::uint64_t had = then == earlier.end() || then->second > count ? 0 : then->second;
    const auto& [rule, category, action, direction] = key;
    view.findings.push_back({rule, category, action, direction, count, count - had});
  }
  std::stable_sort(view.findings.begin(), view.findings.end(), [](const auto& a, const auto& b) {
    return std::tie(a.fresh, a.count) > std::tie(b.fresh, b.count);
  });
}

void add_observed(const json& proxy, TopView& view) {
  view.mode = text(member(proxy, "policy"), "mode");
  for (const TopFinding& finding : view.findings) {
    if (finding.action == "would mask") view.would_mask += finding.count;
    if (finding.action == "would block") view.would_block += finding.count;
  }
  const json refusals = member(proxy, "observed_refusals");
  for (const auto& [outcome, n] : refusals.items())
    if (n.is_number_unsigned()) view.would_refuse += n.get<std::uint64_t>();
}

void add_sinks(const json& recorder, const json& forwarder, TopView& view) {
  std::map<std::string, TopSink> sinks;
  for (const json& row : list(recorder, "sinks")) {
    sinks[text(row, "name")].lag_records = whole(row, "lag");
    sinks[text(row, "name")].state = "not running";
  }
  for (const json& row : list(forwarder, "sinks")) {
    TopSink& sink = sinks[text(row, "name")];
    sink.age_seconds = whole(row, "oldest_seconds");
    sink.state = text(row, "problem").empty() ? "delivers" : text(row, "problem");
  }
  for (auto& [name, sink] : sinks) {
    sink.name = name;
    view.sinks.push_back(std::move(sink));
  }
  std::stable_sort(view.sinks.begin(), view.sinks.end(),
                   [](const auto& a, const auto& b) { return a.lag_records > b.lag_records; });
}

}  // namespace

TopView make_view(const TopSample& before, const TopSample& now) {
  TopView view;
  view.seconds = std::max(0.001, std::chrono::duration<double>(now.at - before.at).count());
  for (const metrics::Answer& answer : now.answers) {
    if (answer.error != 0) view.down.push_back(answer.program);
    if (answer.error == 0 && member(parsed(answer.document), "healthy") != json(true))
      view.healthy = false;
  }
  const json then = document_of(before, "proxy"), proxy = document_of(now, "proxy");
  const json live = parsed(now.live.document);
  view.complete = member(live, "complete") != json(false);
  add_streams(parsed(before.live.document), live, view);
  add_people(view);
  add_findings(then, proxy, view);
  add_observed(proxy, view);
  add_sinks(document_of(now, "recorder"), document_of(now, "forwarder"), view);
  view.connections = whole(proxy, "open");
  view.exchanges = whole(proxy, "exchanges_open");
  view.proxy_cpu = grown(real(member(then, "process"), "cpu_seconds"),
                         real(member(proxy, "process"), "cpu_seconds")) /
                   view.seconds;
  view.event_seconds = mean(then, proxy, "event_seconds");
  view.wait_seconds = mean(then, proxy, "release_wait_seconds");
  view.hold_seconds = mean(then, proxy, "hold_seconds");
  view.held_bytes = whole(member(proxy, "held_memory"), "bytes");
  view.held_limit = whole(member(proxy, "held_memory"), "limit");
  return view;
}

std::string to_json(const TopView& view) {
  json streams = json::array(), people = json::array(), findings = json::array(),
       sinks = json::array();
  for (const TopStream& s : view.streams)
    streams.push_back({{"person", s.person},
                       {"program", s.program},
                       {"pid", s.pid},
                       {"server", s.server},
                       {"what", s.what},
                       {"seconds", s.seconds},
                       {"events_per_second", s.events_per_second},
                       {"findings", s.findings},
                       {"waiting_bytes", s.waiting_bytes}});
  for (const TopPerson& p : view.people)
    people.push_back({{"person", p.person},
                      {"streams", p.streams},
                      {"events_per_second", p.events_per_second},
                      {"findings", p.findings}});
  for (const TopFinding& f : view.findings)
    findings.push_back({{"rule", f.rule},
                        {"category", f.category},
                        {"action", f.action},
                        {"direction", f.direction},
                        {"count", f.count},
                        {"new", f.fresh}});
  for (const TopSink& s : view.sinks)
    sinks.push_back({{"name", s.name},
                     {"state", s.state},
                     {"lag_records", s.lag_records},
                     {"age_seconds", s.age_seconds}});
  json out = json::object();
  out["healthy"] = view.healthy && view.down.empty();
  out["down"] = view.down;
  out["seconds"] = view.seconds;
  out["complete"] = view.complete;
  out["connections"] = view.connections;
  out["exchanges"] = view.exchanges;
  out["mode"] = view.mode;
  out["observed"] = {{"would_mask", view.would_mask},
                     {"would_block", view.would_block},
                     {"would_refuse", view.would_refuse}};
  out["overhead"] = {{"proxy_cpu", view.proxy_cpu},       {"event_seconds", view.event_seconds},
                     {"wait_seconds", view.wait_seconds}, {"hold_seconds", view.hold_seconds},
                     {"held_bytes", view.held_bytes},     {"held_limit_bytes", view.held_limit}};
  out["streams"] = std::move(streams);
  out["people"] = std::move(people);
  out["findings"] = std::move(findings);
  out["sinks"] = std::move(sinks);
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace veilwire::ctl
