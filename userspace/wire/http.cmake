veilwire_library(wire
  SRCS framing.cpp http.cpp http1.cpp http1_head.cpp
  DEPS base)
