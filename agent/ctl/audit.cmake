# `veilwire audit`: reads the ledger, and nothing of the recorder but its reader.
veilwire_library(ctl_audit
  SRCS anthropic_text.cpp audit_commands.cpp audit_export.cpp audit_ledger.cpp audit_list.cpp audit_replay.cpp audit_serve.cpp audit_show.cpp audit_stats.cpp
       audit_table.cpp audit_verify.cpp zstd_file.cpp
  DEPS ctl host recorder audit crypto evidence proof
  THIRD cli11 json zstd)
target_link_libraries(veilwire PRIVATE veilwire_ctl_audit)
