// Which number of which program's document is which metric.
#include "agent/metrics/gather.h"

#include <initializer_list>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

namespace veilwire::metrics {
namespace {

using nlohmann::json;

class Collector {
 public:
  Collector(Exposition& out, const std::string& program, const json& document)
      : out_(out), program_(program), document_(document) {}

  void process() {
    gauge("veilwire_healthy", "/healthy", {program_});
    count("veilwire_process_cpu_seconds_total", "/process/cpu_seconds", {program_});
    gauge("veilwire_process_resident_memory_bytes", "/process/resident_bytes", {program_});
    gauge("veilwire_process_open_fds", "/process/open_fds", {program_});
    gauge("veilwire_process_max_fds", "/process/max_fds", {program_});
    gauge("veilwire_process_start_time_seconds", "/process/start_time", {program_});
    count("veilwire_refused_askers_total", "/refused_askers", {program_});
  }

  void redirector(std::chrono::nanoseconds monotonic) {
    gauge("veilwire_kernel_effective", "/kernel/effective");
    gauge("veilwire_kernel_programs", "/kernel/programs");
    gauge("veilwire_kernel_programs_effective", "/kernel/programs_effective");
    gauge("veilwire_kernel_labels", "/kernel/labels");
    count("veilwire_redirector_losses_total", "/losses");
    counts("veilwire_kernel_events_total", "/kernel/counters");
    const json mode = at("/kernel/mode");
    if (mode.is_string()) out_.gauge("veilwire_kernel_mode", {mode.get<std::string>()}, 1);
    // 0: there has been no proxy yet.
    const json beat = at("/kernel/heartbeat");
    if (beat.is_number() && beat.get<double>() > 0)
      out_.gauge(
          "veilwire_kernel_heartbeat_age_seconds", {},
          std::max(0.0, (static_cast<double>(monotonic.count()) - beat.get<double>()) / 1e9));
  }

  void proxy() {
    count("veilwire_connections_accepted_total", "/accepted");
    gauge("veilwire_connections_open", "/open");
    counts("veilwire_connections_total", "/connections");
    count("veilwire_connections_without_origin_total", "/without_origin");
    gauge("veilwire_exchanges_open", "/exchanges_open");
    counts("veilwire_exchanges_total", "/exchanges");
    counts("veilwire_requests_total", "/requests");
    counts("veilwire_responses_total", "/responses");
    count("veilwire_fragments_total", "/fragments");
    counts("veilwire_released_bytes_total", "/bytes");
    count("veilwire_dial_failures_total", "/dial_failures");
    count("veilwire_upstream_errors_total", "/upstream_errors");
    counts("veilwire_blocked_total", "/blocked");
    count("veilwire_overloaded_total", "/overloaded");
    counts("veilwire_identity_decisions_total", "/identity");
    counts("veilwire_identity_changes_total", "/identity_changes");
    rows<4>("veilwire_findings_total", "/findings");
    rows<2>("veilwire_gaps_total", "/gaps");
    rows<4>("veilwire_observed_findings_total", "/observed");
    counts("veilwire_observed_refusals_total", "/observed_refusals");
    gauge("veilwire_held_bytes", "/held_memory/bytes");
    gauge("veilwire_held_limit_bytes", "/held_memory/limit");
    histogram("veilwire_event_seconds", "/event_seconds");
    histogram("veilwire_release_wait_seconds", "/release_wait_seconds");
    histogram("veilwire_hold_seconds", "/hold_seconds");
    count("veilwire_recording_stalls_total", "/recording_stalls");
    const json links = at("/links");
    for (const auto& [to, up] : links.items())
      if (up.is_boolean()) out_.gauge("veilwire_link_up", {to}, up.get<bool>() ? 1 : 0);
    const json digest = at("/policy/digest");
    if (digest.is_string()) out_.gauge("veilwire_policy_info", {text(digest)}, 1);
    const json mode = at("/policy/mode");
    if (mode.is_string()) out_.gauge("veilwire_policy_mode", {text(mode)}, 1);
    gauge("veilwire_policy_load_timestamp_seconds", "/policy/loaded_at");
    counts("veilwire_policy_loads_total", "/policy/loads");
    gauge("veilwire_policy_refused", "/policy/refused");
    gauge("veilwire_policy_hosts_not_permitted", "/policy/not_permitted");
  }

  void signer() {
    members("veilwire_signer_requests_total",
            {"made", "from_cache", "not_permitted", "bad", "too_many", "unavailable"});
    gauge("veilwire_ca_not_after_timestamp_seconds", "/ca_not_after");
  }

  void identity() {
    members("veilwire_identity_questions_total", {"from_cache", "looked_up", "refused", "too_late",
                                                  "too_many", "known", "cached", "stale"});
    gauge("veilwire_identity_sessions", "/sessions");
    const json expiry = at("/next_expiry");
    if (expiry.is_number() && expiry.get<double>() > 0)
      gauge("veilwire_identity_next_expiry_timestamp_seconds", "/next_expiry");
    count("veilwire_identity_sign_ins_total", "/sign_ins", {"done"});
    count("veilwire_identity_sign_ins_total", "/sign_ins_refused", {"refused"});
    count("veilwire_identity_provider_failures_total", "/idp_failures");
  }

  void saml() { members("veilwire_saml_sign_ins_total", {"begun", "finished", "refused"}); }

  void credentials() {
    members("veilwire_credentials_total", {"asked", "fetched", "failed", "refused"});
  }

  void recorder() {
    count("veilwire_recorder_records_total", "/records");
    histogram("veilwire_recorder_commit_seconds", "/commit_seconds");
    histogram("veilwire_recorder_batch_records", "/batch_records");
    count("veilwire_recorder_failures_total", "/failures");
    count("veilwire_recorder_checkpoints_total", "/checkpoints");
    gauge("veilwire_recorder_waiting_bytes", "/waiting_bytes");
    gauge("veilwire_recorder_writers", "/writers");
    gauge("veilwire_ledger_records", "/ledger_records");
    gauge("veilwire_ledger_signed_records", "/signed_records");
    gauge("veilwire_ledger_deleted_records", "/deleted_records");
    gauge("veilwire_ledger_used_bytes", "/used_bytes");
    gauge("veilwire_ledger_limit_bytes", "/most_bytes");
    gauge("veilwire_ledger_disk_free_bytes", "/free_bytes");
    sinks([](const Collector& sink, std::string_view name) {
      sink.gauge("veilwire_sink_lag_records", "/lag", {name});
    });
  }

  void forwarder() {
    sinks([this](const Collector& sink, std::string_view name) {
      sink.gauge("veilwire_sink_oldest_age_seconds", "/oldest_seconds", {name});
      sink.count("veilwire_sink_delivered_total", "/sent", {name});
      sink.count("veilwire_sink_refused_total", "/refused", {name});
      sink.count("veilwire_sink_errors_total", "/attempts_failed", {name});
      out_.gauge("veilwire_sink_failing", {name}, sink.at("/problem").is_string() ? 1 : 0);
    });
  }

 private:
  using Labels = Exposition::Labels;

  // The member at "/name/name"; null where there is none.
  json at(std::string_view path) const {
    const json* found = &document_;
    while (!path.empty()) {
      path.remove_prefix(1);
      const std::string_view name = path.substr(0, path.find('/'));
      path.remove_prefix(name.size());
      const auto member = found->is_object() ? found->find(name) : found->end();
      if (member == found->end()) return {};
      found = &*member;
    }
    return *found;
  }
  json list(const std::string& path) const {
    json found = at(path);
    return found.is_array() ? found : json::array();
  }
  static std::string text(const json& value) {
    return value.is_string() ? value.get<std::string>() : "";
  }

  void count(std::string_view family, const std::string& path, Labels labels = {}) const {
    const json value = at(path);
    if (value.is_number()) out_.count(family, labels, value.get<double>());
  }
  void gauge(std::string_view family, const std::string& path, Labels labels = {}) const {
    const json value = at(path);
    if (value.is_number()) out_.gauge(family, labels, value.get<double>());
    if (value.is_boolean()) out_.gauge(family, labels, value.get<bool>() ? 1 : 0);
  }
  // An object's members, each with its name as the label.
  void counts(std::string_view family, const std::string& path) const {
    const json found = at(path);
    if (!found.is_object()) return;
    for (const auto& [name, n] : found.items())
      if (n.is_number()) out_.count(family, {name}, n.get<double>());
  }
  // Rows of so many labels and a count.
  template <std::size_t N>
  void rows(std::string_view family, const std::string& path) const {
    for (const json& row : list(path))
      if (row.is_array() && row.size() == N + 1 && row[N].is_number())
        row_of(family, row, std::make_index_sequence<N>());
  }
  template <std::size_t... I>
  void row_of(std::string_view family, const json& row,
              std::index_sequence<I...> /*labels*/) const {
    out_.count(family, {text(row[I])...}, row[sizeof...(I)].get<double>());
  }
  // Some members of the document itself, each with its name as the label.
  void members(std::string_view family, std::initializer_list<const char*> names) const {
    for (const std::string name : names) count(family, "/" + name, {name});
  }
  void histogram(std::string_view family, const std::string& path) const {
    const json found = at(path);
    if (!found.is_object()) return;
    std::vector<double> bounds;
    std::vector<std::uint64_t> buckets;
    for (const json& bound : found.value("bounds", json::array()))
      if (bound.is_number()) bounds.push_back(bound.get<double>());
    for (const json& n : found.value("buckets", json::array()))
      if (n.is_number_unsigned()) buckets.push_back(n.get<std::uint64_t>());
    const json sum = found.value("sum", json());
    if (sum.is_number() && buckets.size() == bounds.size() + 1)
      out_.histogram(family, bounds, buckets, sum.get<double>());
  }
  template <class Show>
  void sinks(const Show& show) const {
    for (const json& sink : list("/sinks"))
      if (const std::string name = sink.is_object() ? text(sink.value("name", json())) : "";
          !name.empty())
        show(Collector(out_, program_, sink), name);
  }

  Exposition& out_;
  const std::string& program_;
  const json& document_;
};

}  // namespace

Exposition collect(const std::vector<Answer>& answers, const std::string& version,
                   std::chrono::nanoseconds monotonic) {
  Exposition out;
  out.gauge("veilwire_build_info", {version}, 1);
  for (const Answer& answer : answers) {
    const json document = json::parse(answer.document, nullptr, false);
    const bool up = answer.error == 0 && document.is_object();
    out.gauge("veilwire_up", {answer.program}, up ? 1 : 0);
    if (!up) continue;
    Collector collector(out, answer.program, document);
    collector.process();
    if (answer.program == "redirector") collector.redirector(monotonic);
    if (answer.program == "proxy") collector.proxy();
    if (answer.program == "signer") collector.signer();
    if (answer.program == "identity") collector.identity();
    if (answer.program == "saml") collector.saml();
    if (answer.program == "credentials") collector.credentials();
    if (answer.program == "recorder") collector.recorder();
    if (answer.program == "forwarder") collector.forwarder();
  }
  return out;
}

}  // namespace veilwire::metrics
