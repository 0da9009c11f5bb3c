#include "userspace/projection/protobuf.h"

namespace veilwire::projection::protobuf {
namespace {

constexpr std::uint32_t kVarint = 0;
constexpr std::uint32_t kFixed64 = 1;
constexpr std::uint32_t kBytes = 2;
constexpr std::uint32_t kFixed32 = 5;

void put_tag(std::string& out, std::uint32_t field, std::uint32_t type) {
  put_varint(out, (field << 3U) | type);
}

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (shift == 63 && byte > 1) return std::nullopt;
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> take_fixed(std::string_view& bytes, std::size_t size) {
  if (bytes.size() < size) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) {
    value = value << 8U | static_cast<unsigned char>(bytes[i]);
  }
  bytes.remove_prefix(size);
  return value;
}

}  // namespace

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) out += static_cast<char>(value | 0x80U);
  out += static_cast<char>(value);
}

void put_varint_field(std::string& out, std::uint32_t field, std::uint64_t value) {
  put_tag(out, field, kVarint);
  put_varint(out, value);
}

void put_fixed64(std::string& out, std::uint32_t field, std::uint64_t value) {
  put_tag(out, field, kFixed64);
  for (unsigned shift = 0; shift < 64; shift += 8) out += static_cast<char>(value >> shift);
}

void put_bytes(std::string& out, std::uint32_t field, std::string_view bytes) {
  put_tag(out, field, kBytes);
  put_varint(out, bytes.size());
  out += bytes;
}

std::size_t size_of_bytes(std::size_t length) {
  std::size_t size = 2 + length;
  for (std::size_t rest = length; rest >= 0x80; rest >>= 7U) ++size;
  return size;
}

std::optional<Field> take_field(std::string_view& bytes) {
  const auto tag = take_varint(bytes);
  if (!tag || *tag >> 3U == 0 || *tag > UINT32_MAX) return std::nullopt;
  Field field;
  field.number = static_cast<std::uint32_t>(*tag >> 3U);
  std::optional<std::uint64_t> value;
  switch (*tag & 7U) {
    case kVarint:
      field.type = Field::Type::Varint;
      value = take_varint(bytes);
      break;
    case kFixed64:
      field.type = Field::Type::Fixed64;
      value = take_fixed(bytes, 8);
      break;
    case kFixed32:
      field.type = Field::Type::Fixed32;
      value = take_fixed(bytes, 4);
      break;
    case kBytes:
      field.type = Field::Type::Bytes;
      value = take_varint(bytes);
      if (!value || *value > bytes.size()) return std::nullopt;
      field.bytes = bytes.substr(0, *value);
      bytes.remove_prefix(*value);
      break;
    default:
      return std::nullopt;
  }
  if (!value) return std::nullopt;
  field.value = *value;
  return field;
}

}  // namespace veilwire::projection::protobuf
