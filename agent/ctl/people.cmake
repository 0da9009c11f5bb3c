# What people say to veilwire-identity.
veilwire_library(ctl_browser SRCS browser_request.cpp)
veilwire_library(ctl_people
  SRCS browser_callback.cpp people_commands.cpp people_link.cpp
  DEPS ctl_browser host base oidc
  THIRD cli11 json)
target_link_libraries(veilwire PRIVATE veilwire_ctl_people)
