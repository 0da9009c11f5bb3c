veilwire_library(wire
  SRCS content_coding.cpp content_decoding.cpp content_encoding.cpp framing.cpp http.cpp http1.cpp
       http1_head.cpp json_path.cpp json_scanner.cpp json_string.cpp sse.cpp
  DEPS base
  THIRD zlib brotlidec brotlienc zstd)
