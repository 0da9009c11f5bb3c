# `veilwire audit`: reads the ledger, and nothing of the recorder but its reader.
veilwire_library(ctl_audit
  SRCS anthropic_text.cpp audit_commands.cpp audit_ledger.cpp audit_list.cpp audit_replay.cpp audit_show.cpp
  DEPS ctl host recorder audit
  THIRD cli11 json)
target_link_libraries(veilwire PRIVATE veilwire_ctl_audit)
