// application/x-www-form-urlencoded as OAuth 2.0 uses it (RFC 6749, appendix B): bodies of
// requests, queries of authorization requests and of the callbacks that answer them. Tested by
// tests/unit/identity/form_test.cpp.
#pragma once

#include "userspace/base/secret.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::identity {

// Letters, digits and -._* stay, a blank becomes "+", every other byte %XX.
void append_form_encoded(SecretBuilder& out, std::string_view text);

// Fields in the order in which they were added. Wiped, as most forms hold a secret.
class Form {
 public:
  Form& add(std::string_view name, std::string_view value);
  // Nothing where the value is empty: for OAuth that is the same (RFC 6749, 3.1).
  Form& add_unless_empty(std::string_view name, std::string_view value);
  Secret take() { return text_.take(); }

 private:
  SecretBuilder text_;
};

struct FormField {
  std::string name;
  std::string value;
};

// nullopt: an escape that is none, a name that comes twice (RFC 6749, 3.1: each at most once), a
// byte that must be escaped, or more than `most` fields.
std::optional<std::vector<FormField>> parse_form(std::string_view text, std::size_t most);

// nullptr: none of that name.
const std::string* find(const std::vector<FormField>& fields, std::string_view name);

}  // namespace veilwire::identity
