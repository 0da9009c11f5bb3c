#include "agent/metrics/families.h"

namespace veilwire::metrics {
namespace {

using enum Type;

// clang-format off
constexpr Family kFamilies[] = {
    // Every program.
    {"veilwire_build_info", Gauge, "version", "1, of the version that tells these metrics."},
    {"veilwire_up", Gauge, "program", "Whether a configured program answers in time."},
    {"veilwire_healthy", Gauge, "program", "Whether a program says that it can do its work."},
    {"veilwire_process_cpu_seconds_total", Counter, "program", "Processor time that a program has used."},
    {"veilwire_process_resident_memory_bytes", Gauge, "program", "Memory that a program has resident."},
    {"veilwire_process_open_fds", Gauge, "program", "File descriptors that a program has open."},
    {"veilwire_process_max_fds", Gauge, "program", "File descriptors that a program may have open."},
    {"veilwire_process_start_time_seconds", Gauge, "program", "When a program was started, in seconds since 1970."},
    {"veilwire_refused_askers_total", Counter, "program", "Connections of users whom a program does not answer."},

    // The kernel programs, as the redirector sees them.
    {"veilwire_kernel_effective", Gauge, "", "Whether every kernel program is attached and run, and interception is not switched off."},
    {"veilwire_kernel_programs", Gauge, "", "Kernel programs that should be in force."},
    {"veilwire_kernel_programs_effective", Gauge, "", "Kernel programs that are in force."},
    {"veilwire_kernel_mode", Gauge, "mode", "1, of what happens while the proxy is dead."},
    {"veilwire_kernel_heartbeat_age_seconds", Gauge, "", "Time since the proxy has last said to the kernel that it lives."},
    {"veilwire_kernel_labels", Gauge, "", "Processes that the kernel has an opinion on."},
    {"veilwire_kernel_events_total", Counter, "reason", "What the kernel programs have decided or met."},
    {"veilwire_redirector_losses_total", Counter, "", "Kernel programs that were found not to be in force."},

    // Connections and exchanges.
    {"veilwire_connections_accepted_total", Counter, "", "Connections that the proxy has taken."},
    {"veilwire_connections_open", Gauge, "", "Connections that the proxy has open."},
    {"veilwire_connections_total", Counter, "handling", "Connections by what was done with them."},
    {"veilwire_connections_without_origin_total", Counter, "", "Connections of which the kernel does not say where they went; they are closed."},
    {"veilwire_exchanges_open", Gauge, "", "Exchanges, requests with their answers, that are under way."},
    {"veilwire_exchanges_total", Counter, "outcome", "Exchanges by how they ended."},
    {"veilwire_requests_total", Counter, "service", "Requests by the protocol that their host speaks."},
    {"veilwire_responses_total", Counter, "code", "Answers of upstreams by the class of their status."},
    {"veilwire_fragments_total", Counter, "", "Pieces of answers that were released to clients, each with its record."},
    {"veilwire_released_bytes_total", Counter, "direction", "Bytes of bodies, masked and decoded, that went on."},
    {"veilwire_dial_failures_total", Counter, "", "Upstreams that could not be connected to."},
    {"veilwire_upstream_errors_total", Counter, "", "Exchanges whose upstream failed."},

    // What was found, blocked, refused and not inspected.
    {"veilwire_findings_total", Counter, "category rule action direction", "Findings by rule, and what was done with them."},
    {"veilwire_blocked_total", Counter, "answer", "Blocked content by what the client got instead."},
    {"veilwire_gaps_total", Counter, "reason action", "What could not be inspected or recorded, and whether it passed."},
    {"veilwire_observed_findings_total", Counter, "category rule would direction", "Findings that went out as they came, and what policy would have done, had it not only observed."},
    {"veilwire_observed_refusals_total", Counter, "outcome", "Times that policy would have ended an exchange or a connection, had it not only observed."},
    {"veilwire_overloaded_total", Counter, "", "Requests and answers that found no room in the memory for what is held."},
    {"veilwire_identity_decisions_total", Counter, "standing", "Answers to who a request comes from."},
    {"veilwire_identity_changes_total", Counter, "what", "Persons who changed or were lost while an answer was under way."},

    // What it costs.
    {"veilwire_held_bytes", Gauge, "", "Bytes of bodies that the proxy holds."},
    {"veilwire_held_limit_bytes", Gauge, "", "Bytes of bodies that the proxy may hold."},
    {"veilwire_event_seconds", Histogram, "", "Time on the processor for one event of a connection: TLS, HTTP, masking."},
    {"veilwire_release_wait_seconds", Histogram, "", "Time that what stands behind a record waits for the recorder; 0 where nothing waits."},
    {"veilwire_hold_seconds", Histogram, "", "Time from bytes of an answer to the next that go on to the client."},
    {"veilwire_recording_stalls_total", Counter, "", "Records that something had to wait for."},

    // The proxy's surroundings.
    {"veilwire_link_up", Gauge, "to", "Whether the proxy has its connection to another program."},
    {"veilwire_policy_info", Gauge, "digest", "1, of the policy in force."},
    {"veilwire_policy_mode", Gauge, "mode", "1, of whether the policy in force is enforced."},
    {"veilwire_policy_load_timestamp_seconds", Gauge, "", "When the policy in force was taken up, in seconds since 1970."},
    {"veilwire_policy_loads_total", Counter, "outcome", "Policies that were read, by whether they are in force."},
    {"veilwire_policy_refused", Gauge, "", "Whether the policy on disk was refused and an older one is in force."},
    {"veilwire_policy_hosts_not_permitted", Gauge, "", "Hosts of the policy that the internal CA may not sign for."},

    // The signer.
    {"veilwire_signer_requests_total", Counter, "outcome", "Certificates that the proxy asked for; made is a signature."},
    {"veilwire_ca_not_after_timestamp_seconds", Gauge, "", "When the internal CA expires, in seconds since 1970."},

    // Identity.
    {"veilwire_identity_questions_total", Counter, "outcome", "Questions of the proxy by how they were answered."},
    {"veilwire_identity_sessions", Gauge, "", "Sign-ins that are known, ended ones included for a while."},
    {"veilwire_identity_next_expiry_timestamp_seconds", Gauge, "", "When the first session expires, in seconds since 1970; absent without one."},
    {"veilwire_identity_sign_ins_total", Counter, "outcome", "Sign-ins at the identity provider."},
    {"veilwire_identity_provider_failures_total", Counter, "", "Conversations with the identity provider that failed."},
    {"veilwire_saml_sign_ins_total", Counter, "outcome", "Sign-ins with SAML."},
    {"veilwire_credentials_total", Counter, "outcome", "Credentials of the organisation that were asked for, fetched or refused."},

    // The recorder.
    {"veilwire_recorder_records_total", Counter, "", "Records that were committed since the recorder's start."},
    {"veilwire_recorder_commit_seconds", Histogram, "", "Time of one transaction until it is on disk."},
    {"veilwire_recorder_batch_records", Histogram, "", "Records that one transaction takes."},
    {"veilwire_recorder_failures_total", Counter, "", "Times that the ledger could not be written."},
    {"veilwire_recorder_checkpoints_total", Counter, "", "Checkpoints that were signed since the recorder's start."},
    {"veilwire_recorder_waiting_bytes", Gauge, "", "Bytes of records that wait for the disk."},
    {"veilwire_recorder_writers", Gauge, "", "Writers that are connected."},
    {"veilwire_ledger_records", Gauge, "", "Records that the ledger has been given at all, deleted ones included."},
    {"veilwire_ledger_signed_records", Gauge, "", "Records that a checkpoint covers."},
    {"veilwire_ledger_deleted_records", Gauge, "", "Records that retention has deleted."},
    {"veilwire_ledger_used_bytes", Gauge, "", "Size of the ledger."},
    {"veilwire_ledger_limit_bytes", Gauge, "", "Size that the ledger may have."},
    {"veilwire_ledger_disk_free_bytes", Gauge, "", "Space that is left on the ledger's disk."},

    // The ledger's way to collectors.
    {"veilwire_sink_lag_records", Gauge, "sink", "Records that a sink has not delivered, as the recorder knows."},
    {"veilwire_sink_oldest_age_seconds", Gauge, "sink", "Age of the first record that a sink has not delivered; 0: there is none."},
    {"veilwire_sink_failing", Gauge, "sink", "Whether a sink's destination takes nothing at the moment."},
    {"veilwire_sink_delivered_total", Counter, "sink", "What a sink has delivered: records, or exchanges where it tells those."},
    {"veilwire_sink_refused_total", Counter, "sink", "What a sink's destination has refused for good."},
    {"veilwire_sink_errors_total", Counter, "sink", "Attempts of a sink that failed and are made again."},
};
// clang-format on

}  // namespace

std::string_view to_string(Type type) {
  switch (type) {
    case Type::Counter:
      return "counter";
    case Type::Gauge:
      return "gauge";
    case Type::Histogram:
      return "histogram";
  }
  return "unknown";
}

std::span<const Family> families() { return kFamilies; }

}  // namespace veilwire::metrics
