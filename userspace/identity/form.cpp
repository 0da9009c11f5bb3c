#include "userspace/identity/form.h"

#include "userspace/crypto/encoding.h"

#include <algorithm>

namespace veilwire::identity {
namespace {

bool stays(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '*';
}

std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const auto byte =
          text.size() - i < 3 ? std::nullopt : crypto::hex_decode(text.substr(i + 1, 2));
      if (!byte) return std::nullopt;
      out += *byte;
      i += 2;
    } else if (text[i] == '+') {
      out += ' ';
    } else if (text[i] <= ' ' || text[i] == '\x7f') {  // bytes above 127 are negative
      return std::nullopt;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

void append_form_encoded(SecretBuilder& out, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const char escape[] = {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    if (stays(c)) {
      out.append({&c, 1});
    } else if (c == ' ') {
      out.append("+");
    } else {
      out.append({escape, sizeof escape});
    }
  }
}

Form& Form::add(std::string_view name, std::string_view value) {
  if (!text_.empty()) text_.append("&");
  append_form_encoded(text_, name);
  text_.append("=");
  append_form_encoded(text_, value);
  return *this;
}

Form& Form::add_unless_empty(std::string_view name, std::string_view value) {
  return value.empty() ? *this : add(name, value);
}

std::optional<std::vector<FormField>> parse_form(std::string_view text, std::size_t most) {
  std::vector<FormField> fields;
  while (!text.empty()) {
    if (fields.size() == most) return std::nullopt;
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view field = text.substr(0, end);
    const std::size_t equals = std::min(field.find('='), field.size());
    auto name = decoded(field.substr(0, equals));
    auto value = decoded(field.substr(std::min(equals + 1, field.size())));
    if (!name || !value || find(fields, *name) != nullptr) return std::nullopt;
    fields.push_back({*std::move(name), *std::move(value)});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return fields;
}

const std::string* find(const std::vector<FormField>& fields, std::string_view name) {
  for (const FormField& field : fields)
    if (field.name == name) return &field.value;
  return nullptr;
}

}  // namespace veilwire::identity
