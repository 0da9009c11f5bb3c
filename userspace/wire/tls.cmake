# TLS: what is read before a handshake, the engine, and the certificates it shows.
veilwire_library(tls SRCS client_hello.cpp DEPS base crypto THIRD openssl)
