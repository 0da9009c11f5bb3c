# The conversations with an IdP.
veilwire_library(oidc
  SRCS form.cpp idp_fault.cpp key_cache.cpp oidc_provider.cpp refresh_plan.cpp url.cpp
  DEPS base crypto identity
  THIRD json)
