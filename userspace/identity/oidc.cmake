# The conversations with an IdP.
veilwire_library(oidc
  SRCS authorization_request.cpp client_authentication.cpp device_flow.cpp dpop.cpp event_poll.cpp form.cpp group_list.cpp idp_fault.cpp
       introspection.cpp key_cache.cpp oidc_provider.cpp pkce.cpp refresh_plan.cpp revocation.cpp signed_jwt.cpp token_bytes.cpp
       token_request.cpp url.cpp userinfo.cpp
  DEPS base crypto identity
  THIRD json)
