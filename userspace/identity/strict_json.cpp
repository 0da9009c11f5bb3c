#include "userspace/identity/strict_json.h"

#include "userspace/base/limits.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <nlohmann/json.hpp>

namespace veilwire::identity {
namespace {

using Kind = JsonValue::Kind;

// Builds the values from the parser's events; one that answers false stops the parser.
class Builder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return place(Kind::Null) != nullptr; }
  bool boolean(bool value) override {
    JsonValue* const at = place(Kind::Boolean);
    if (at != nullptr) at->boolean = value;
    return at != nullptr;
  }
  bool number_integer(number_integer_t value) override {
    JsonValue* const at = place(Kind::Integer);
    if (at != nullptr) at->integer = value;
    return at != nullptr;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max()))
      return number_float(static_cast<double>(value), {});
    return number_integer(static_cast<std::int64_t>(value));
  }
  bool number_float(number_float_t value, const string_t&) override {
    JsonValue* const at = place(Kind::Real);
    if (at != nullptr) at->real = value;
    return at != nullptr;
  }
  bool string(string_t& value) override {
    JsonValue* const at = place(Kind::String);
    if (at != nullptr) at->text = std::move(value);
    return at != nullptr;
  }
  bool binary(binary_t&) override { return fail(JsonFault::NotJson); }  // JSON has none

  bool start_object(std::size_t) override { return open(Kind::Object); }
  bool key(string_t& name) override {
    open_.back()->members.push_back({std::move(name), {}});
    return true;
  }
  bool end_object() override {
    const JsonValue& object = *open_.back();
    open_.pop_back();
    std::vector<std::string_view> names;
    for (const JsonMember& member : object.members) names.push_back(member.name);
    std::sort(names.begin(), names.end());
    return std::adjacent_find(names.begin(), names.end()) == names.end() ||
           fail(JsonFault::DuplicateMember);
  }
  bool start_array(std::size_t) override { return open(Kind::Array); }
  bool end_array() override {
    open_.pop_back();
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& e) override {
    constexpr int kNumberOverflow = 406;
    return fail(e.id == kNumberOverflow ? JsonFault::NumberTooLarge : JsonFault::NotJson);
  }

  Result<JsonValue, JsonFault> take() && {
    if (fault_) return Unexpected{*fault_};
    return std::move(root_);
  }

 private:
  bool fail(JsonFault fault) {
    fault_ = fault;
    return false;
  }
  // Where the next value goes: pointers stay good, as no container grows while one in it is open.
  JsonValue* place(Kind kind) {
    if (++values_ > limits::kTokenJsonValues) return fail(JsonFault::TooManyValues), nullptr;
    JsonValue* at = &root_;
    if (!open_.empty()) {
      JsonValue& parent = *open_.back();
      at = parent.kind == Kind::Array ? &parent.elements.emplace_back()
                                      : &parent.members.back().value;
    }
    at->kind = kind;
    return at;
  }
  bool open(Kind kind) {
    if (open_.size() == limits::kTokenJsonDepth) return fail(JsonFault::TooDeep);
    JsonValue* const at = place(kind);
    if (at != nullptr) open_.push_back(at);
    return at != nullptr;
  }

  JsonValue root_;
  std::vector<JsonValue*> open_;
  std::size_t values_ = 0;
  std::optional<JsonFault> fault_;
};

}  // namespace

const JsonValue* JsonValue::find(std::string_view name) const {
  for (const JsonMember& member : members)
    if (member.name == name) return &member.value;
  return nullptr;
}

const JsonValue* JsonValue::find(const std::vector<std::string>& path) const {
  const JsonValue* at = this;
  for (const std::string& name : path)
    if (at != nullptr) at = at->find(name);
  return at;
}

const std::string* JsonValue::text_at(std::string_view name) const {
  const JsonValue* const value = find(name);
  return value != nullptr && value->kind == Kind::String ? &value->text : nullptr;
}

std::optional<bool> JsonValue::boolean_at(std::string_view name) const {
  const JsonValue* const value = find(name);
  if (value == nullptr || value->kind != Kind::Boolean) return std::nullopt;
  return value->boolean;
}

std::optional<std::int64_t> JsonValue::integer_at(std::string_view name) const {
  const JsonValue* const value = find(name);
  if (value == nullptr || value->kind != Kind::Integer) return std::nullopt;
  return value->integer;
}

Result<JsonValue, JsonFault> read_json_object(std::string_view json, std::size_t most_bytes) {
  if (json.size() > most_bytes) return Unexpected{JsonFault::TooLarge};
  // nlohmann 3.11 skips a byte order mark, and takes a zero byte for the end of the text: what
  // stands behind one would go unread.
  if (json.find('\0') != std::string_view::npos) return Unexpected{JsonFault::NotJson};
  const std::size_t first = json.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || json[first] != '{')
    return Unexpected{JsonFault::NotAnObject};
  Builder builder;
  (void)nlohmann::json::sax_parse(json.begin(), json.end(), &builder);  // its answer is the fault
  return std::move(builder).take();
}

}  // namespace veilwire::identity
