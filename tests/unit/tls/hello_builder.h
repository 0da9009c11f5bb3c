// Builds ClientHello bytes field by field, well-formed or not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace veilwire::wire::testing {

inline std::string u8(std::size_t n) { return std::string(1, static_cast<char>(n)); }
inline std::string u16(std::size_t n) { return u8(n >> 8 & 0xff) + u8(n & 0xff); }
inline std::string u24(std::size_t n) { return u8(n >> 16 & 0xff) + u16(n & 0xffff); }
inline std::string vec8(std::string_view s) { return u8(s.size()) + std::string(s); }
inline std::string vec16(std::string_view s) { return u16(s.size()) + std::string(s); }

inline std::string extension(std::size_t type, std::string_view data) {
  return u16(type) + vec16(data);
}
inline std::string server_name(std::string_view name) {
  return extension(0, vec16(u8(0) + vec16(name)));
}
inline std::string alpn(std::string_view names) { return extension(16, vec16(names)); }
inline std::string supported_versions(std::string_view versions) {
  return extension(43, vec8(versions));
}

inline std::string body_before_extensions() {
  return u16(0x0303) + std::string(32, 'r') + vec8(std::string(32, 's')) +
         vec16(u16(0x1301) + u16(0xc02f)) + vec8(u8(0));
}
inline std::string message(std::string_view body) {
  return u8(1) + u24(body.size()) + std::string(body);
}
inline std::string record(std::string_view payload) {
  return u8(22) + u16(0x0301) + vec16(payload);
}

// The message in records of at most `size` bytes.
inline std::string records(std::string_view text, std::size_t size = 16384) {
  std::string out;
  for (; !text.empty(); text.remove_prefix(text.size() < size ? text.size() : size))
    out += record(text.substr(0, size));
  return out;
}
inline std::string hello(std::string_view extensions) {
  return records(message(body_before_extensions() + vec16(extensions)));
}

}  // namespace veilwire::wire::testing
