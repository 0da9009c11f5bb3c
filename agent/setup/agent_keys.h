// The keys that tables of agent.toml have, in whatever table below them. tests/manual_test.py
// compares them with the programs' sources.
#pragma once

#include <string_view>

namespace veilwire::setup {

struct ProgramKeys {
  std::string_view table, keys;
};

// clang-format off
inline constexpr ProgramKeys kProgramKeys[] = {
    {"credentials",
     "address ca_file command credential field internal_ca keep_seconds kind log_level mount name path proxy_user "
     "refresh_seconds socket source status_readers status_socket timeout_seconds token_credential token_file user"},
    {"forwarder",
     "address batch_kib brokers ca_file certificate_file close_notify compression endpoint format headers_file "
     "host_name internal_ca key_file kind level log_level message_bytes name recorder_socket request_bytes "
     "retry_first_ms retry_longest_seconds sasl_mechanism sasl_password_file sasl_username security_protocol "
     "settle_ms sink status_readers status_socket tell timeout_seconds tls topic user witness_key"},
    {"identity",
     "account audience cache_seconds cached_seconds ci claim client_authentication client_certificate_file "
     "client_id client_key_algorithm client_key_audience client_key_file client_key_id client_secret_file derived "
     "display domain email_domain first_person fresh_seconds group groups groups_attribute groups_claim "
     "hold_seconds idp_seconds ignore_case is is_true issuer job_may_fill_unit key_file keys log_level long_poll "
     "machine matches name name_attribute operator_group patience_seconds people_issuer people_socket poll "
     "poll_seconds provider proxy_user redirect_path resource roots runner_users saml_socket scopes "
     "sender_constrained session_hours socket state_file status_readers status_socket subject subject_attribute "
     "token_file transmitter uid units user users when workers"},
    {"metrics", "listen log_level user"},
    {"proxy",
     "credentials_socket drain_seconds held_memory_mib identity_socket internal_ca live_socket log_level "
     "metrics_readers metrics_socket policy port recorder_socket redirector_socket signer_socket site_key "
     "status_readers status_socket threads upstream_roots user"},
    {"recorder",
     "checkpoint_key checkpoint_records checkpoint_seconds database delivered_to delivery_socket keep_days "
     "log_level max_size_mib readers reserved_mib socket status_readers status_socket user witness_keys writers"},
    {"redirector",
     "arguments cgroup check_seconds endpoints heartbeat_seconds interpreters log_level names paths pin_directory "
     "ports proxy_cgroup proxy_user refuse_quic socket status_readers status_socket targets when_egress_filtered "
     "when_proxy_dead"},
    {"saml",
     "callback entity_id identity_user idp_metadata log_level name_id socket status_readers status_socket user"},
    {"signer", "certificate hosts key leaf_hours log_level proxy_user socket status_readers status_socket user"},
};
// clang-format on

}  // namespace veilwire::setup
