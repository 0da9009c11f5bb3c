veilwire_library(flow
  SRCS body_type.cpp connection.cpp given_credential.cpp head_edit.cpp hello_verdict.cpp http_relay.cpp memory_budget.cpp observing.cpp originals.cpp record_pieces.cpp refusal.cpp request_head_edit.cpp request_stage.cpp response_record.cpp response_rules.cpp response_stage.cpp response_stage_observing.cpp ruleset.cpp
       splice.cpp unseen_upload.cpp
  DEPS base crypto sealing wire tls message masking identity policy audit editors)
