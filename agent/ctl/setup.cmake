# `veilwire setup`: the one command that changes a host.
veilwire_library(ctl_setup
  SRCS setup_command.cpp setup_report.cpp
  DEPS ctl host policy setup
  THIRD cli11 json)
target_link_libraries(veilwire PRIVATE veilwire_ctl_setup)
