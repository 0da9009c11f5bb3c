// Bytes that must not outlive their use: wiped on destruction, not copyable, not formattable.
// Tested by tests/unit/base/secret_test.cpp.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace veilwire {

// Overwrites n bytes in a way that the compiler may not remove.
void wipe(void* data, std::size_t n) noexcept;

// Compares without a data-dependent branch; a difference in length is not hidden.
bool equal_constant_time(std::string_view a, std::string_view b) noexcept;

class Secret {
 public:
  Secret() = default;
  // Takes a copy and wipes the caller's: a secret has one home.
  explicit Secret(std::string&& bytes) : bytes_(bytes) {
    wipe(bytes.data(), bytes.size());
    bytes.clear();
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { other.clear(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      clear();
      bytes_ = other.bytes_;
      other.clear();
    }
    return *this;
  }
  ~Secret() { clear(); }

  // The one way to read it, named so that a reviewer finds every use.
  std::string_view reveal() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }
  void clear() noexcept {
    wipe(bytes_.data(), bytes_.size());
    bytes_.clear();
  }

 private:
  std::string bytes_;
};

// Puts a secret together piece by piece; what it outgrows is wiped.
class SecretBuilder {
 public:
  SecretBuilder() = default;
  SecretBuilder(const SecretBuilder&) = delete;
  SecretBuilder& operator=(const SecretBuilder&) = delete;
  SecretBuilder(SecretBuilder&& other) noexcept : bytes_(other.bytes_) { other.clear(); }
  ~SecretBuilder() { clear(); }

  SecretBuilder& append(std::string_view piece);  // no part of what is here already
  bool empty() const { return bytes_.empty(); }
  std::size_t size() const { return bytes_.size(); }
  std::string_view reveal() const { return bytes_; }
  Secret take() { return Secret(std::move(bytes_)); }
  // Gives its memory back as well.
  void clear() noexcept {
    wipe(bytes_.data(), bytes_.size());
    std::string().swap(bytes_);
  }

 private:
  std::string bytes_;
};

}  // namespace veilwire
