// Numbers and texts in local messages, in the host's byte order: what the protocols here are
// spelled with. Tested by tests/unit/identity/protocol_test.cpp and
// tests/unit/host/saml_protocol_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace veilwire::host::protocol {

class MessageWriter {
 public:
  template <class T>
  void number(T value) {
    static_assert(std::is_integral_v<T>);
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    bytes_.append(bytes, sizeof bytes);
  }
  void boolean(bool value) { number(static_cast<std::uint8_t>(value)); }
  void raw(std::string_view s) { bytes_ += s; }
  // Its length as a Length before it.
  template <class Length>
  void text(std::string_view s) {
    number(static_cast<Length>(s.size()));
    bytes_ += s;
  }
  std::size_t size() const { return bytes_.size(); }
  std::string take() && { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads what the writer wrote; anything else leaves it failed, and every later read then gives
// zeros.
class MessageReader {
 public:
  explicit MessageReader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  T number() {
    T value = 0;
    const std::string_view bytes = raw(sizeof value);
    if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  bool boolean() {
    const auto value = number<std::uint8_t>();
    if (value > 1) failed_ = true;
    return value == 1;
  }
  template <class E>
  E enumerator(E last) {
    const auto value = number<std::uint8_t>();
    if (value > static_cast<std::uint8_t>(last)) failed_ = true;
    return failed_ ? E{} : static_cast<E>(value);
  }
  template <class Length>
  std::string text(std::size_t most) {
    const std::size_t length = number<Length>();
    if (length > most) failed_ = true;
    return std::string(raw(length));
  }
  std::string_view raw(std::size_t n) {
    if (failed_ || n > rest_.size()) {
      failed_ = true;
      return {};
    }
    const std::string_view taken = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return taken;
  }
  bool at_end() const { return !failed_ && rest_.empty(); }
  bool failed() const { return failed_; }
  void fail() { failed_ = true; }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace veilwire::host::protocol
