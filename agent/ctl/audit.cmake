# `veilwire audit`: reads the ledger, and nothing of the recorder but its reader.
veilwire_library(ctl_audit
  SRCS anthropic_text.cpp audit_backup.cpp audit_commands.cpp audit_export.cpp audit_ledger.cpp audit_list.cpp audit_open.cpp audit_report.cpp audit_replay.cpp audit_serve.cpp audit_show.cpp audit_sinks.cpp audit_stats.cpp
       audit_table.cpp audit_verify.cpp observed_report.cpp passphrase.cpp projection_writer.cpp zstd_file.cpp
  DEPS ctl host recorder audit crypto evidence projection proof sealing wire
  THIRD cli11 json zstd)
target_compile_definitions(veilwire_ctl_audit PRIVATE VEILWIRE_VERSION="${PROJECT_VERSION}")
target_link_libraries(veilwire PRIVATE veilwire_ctl_audit)
