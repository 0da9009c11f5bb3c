# `veilwire metrics` and `veilwire top`: what the agent counts.
veilwire_library(ctl_watch SRCS metrics_command.cpp top_command.cpp top_screen.cpp top_terminal.cpp top_view.cpp DEPS metrics host THIRD json)
target_compile_definitions(veilwire_ctl_watch PRIVATE VEILWIRE_VERSION="${PROJECT_VERSION}")
target_link_libraries(veilwire PRIVATE veilwire_ctl_watch)
