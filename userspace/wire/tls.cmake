# TLS: what is read before a handshake, the engine, and the certificates it shows.
veilwire_library(tls
  SRCS authority_facts.cpp authority_file.cpp ca_request.cpp client_hello.cpp host_name.cpp leaf_cert.cpp session_cache.cpp ticket_keys.cpp
       tls_context.cpp tls_engine.cpp tls_error.cpp x509_builder.cpp
  DEPS base crypto
  THIRD openssl)
