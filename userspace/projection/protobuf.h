// The wire format of protocol buffers, as far as OTLP's logs need it
// (protobuf.dev/programming-guides/encoding). Tested by tests/unit/projection/protobuf_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace veilwire::projection::protobuf {

void put_varint(std::string& out, std::uint64_t value);
// Fields with their tags. Nothing is left out for being a default: whoever calls says what is
// there.
void put_varint_field(std::string& out, std::uint32_t field, std::uint64_t value);
void put_fixed64(std::string& out, std::uint32_t field, std::uint64_t value);
void put_bytes(std::string& out, std::uint32_t field, std::string_view bytes);

// Bytes that a field of this length takes with its tag, for fields below 16.
std::size_t size_of_bytes(std::size_t length);

struct Field {
  std::uint32_t number = 0;
  enum class Type : std::uint8_t { Varint, Fixed64, Bytes, Fixed32 } type = Type::Varint;
  std::uint64_t value = 0;  // of the first two and the last
  std::string_view bytes;
};
// Takes the next field off the bytes; nothing where they do not begin with one. Groups, which
// nobody has written for twenty years, count as that.
std::optional<Field> take_field(std::string_view& bytes);

}  // namespace veilwire::projection::protobuf
