veilwire_test(flow_test
  SRCS body_type_test.cpp conversation_test.cpp http_relay_test.cpp relay_refusal_test.cpp request_body_test.cpp connection_test.cpp given_credential_test.cpp observe_test.cpp originals_test.cpp record_pieces_test.cpp recorded_editor_test.cpp ruleset_test.cpp running_identity_test.cpp stale_person_test.cpp
       head_edit_test.cpp hello_verdict_test.cpp memory_budget_test.cpp refusal_test.cpp request_head_edit_test.cpp
       request_time_test.cpp
  DEPS flow evidence
  THIRD openssl)
