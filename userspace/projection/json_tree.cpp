#include "userspace/projection/json_tree.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace veilwire::projection {
namespace {

// Builds the tree while the text is read, so that depth is refused before it costs anything.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  std::optional<Value> take() && { return std::move(root_); }

  bool null() override { return put({}); }
  bool boolean(bool value) override { return put(Value::boolean(value)); }
  bool number_integer(number_integer_t value) override { return put(Value::integer(value)); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      return put(Value::real(static_cast<double>(value)));
    return put(Value::number(value));
  }
  bool number_float(number_float_t value, const string_t& /*spelled*/) override {
    return put(Value::real(value));
  }
  bool string(string_t& value) override { return put(Value::content(value)); }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(std::size_t /*members*/) override { return open(Value::map()); }
  bool key(string_t& name) override {
    open_.back().name = name;
    return true;
  }
  bool end_object() override {
    Value whole = Value::map();
    auto& members = open_.back().members;
    std::unordered_set<std::string_view> names;
    std::vector<bool> counts(members.size());
    for (std::size_t i = members.size(); i-- > 0;)
      counts[i] = names.insert(members[i].first).second;
    for (std::size_t i = 0; i < members.size(); ++i) {
      // Views into names stay good: a name is copied, and its value moved.
      if (counts[i]) whole.add_foreign(members[i].first, std::move(members[i].second));
    }
    open_.pop_back();
    return put(std::move(whole));
  }
  bool start_array(std::size_t /*elements*/) override { return open(Value::list()); }
  bool end_array() override {
    Value whole = std::move(open_.back().list);
    open_.pop_back();
    return put(std::move(whole));
  }
  bool parse_error(std::size_t /*at*/, const std::string& /*token*/,
                   const nlohmann::json::exception& /*why*/) override {
    return false;
  }

 private:
  struct Open {
    bool is_list = false;
    Value list = Value::list();
    Value::Members members;
    std::string name;
  };

  bool open(const Value& kind) {
    if (open_.size() >= kDeepestJson) return false;
    Open next;
    next.is_list = std::holds_alternative<Value::List>(kind.any());
    open_.push_back(std::move(next));
    return true;
  }
  bool put(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().is_list) {
      open_.back().list.push(std::move(value));
    } else {
      open_.back().members.emplace_back(std::move(open_.back().name), std::move(value));
    }
    return true;
  }

  std::vector<Open> open_;
  std::optional<Value> root_;
};

const Value kNull;

}  // namespace

std::optional<Value> parse_json(std::string_view json) {
  Builder builder;
  if (!nlohmann::json::sax_parse(json.begin(), json.end(), &builder)) return std::nullopt;
  return std::move(builder).take();
}

Value flatten(const Value& value, std::size_t levels) {
  const auto* list = std::get_if<Value::List>(&value.any());
  const auto* members = std::get_if<Value::Members>(&value.any());
  if (list == nullptr && members == nullptr) return value;
  if (levels == 0) return Value::content(to_json(value));
  Value out = list != nullptr ? Value::list() : Value::map();
  if (list != nullptr) {
    for (const Value& element : *list) out.push(flatten(element, levels - 1));
  } else {
    for (const auto& [name, v] : *members) out.add_foreign(name, flatten(v, levels - 1));
  }
  return out;
}

const Value& member(const Value& value, std::string_view name) {
  if (const auto* members = std::get_if<Value::Members>(&value.any())) {
    const auto found = std::find_if(members->begin(), members->end(),
                                    [&](const auto& m) { return m.first == name; });
    if (found != members->end()) return found->second;
  }
  return kNull;
}

std::string_view text_of(const Value& value) {
  const auto* text = std::get_if<std::string>(&value.any());
  return text != nullptr ? std::string_view(*text) : std::string_view();
}

std::optional<std::uint64_t> number_of(const Value& value) {
  const auto* number = std::get_if<std::int64_t>(&value.any());
  if (number == nullptr || *number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

const Value::List& list_of(const Value& value) {
  static const Value::List empty;
  const auto* list = std::get_if<Value::List>(&value.any());
  return list != nullptr ? *list : empty;
}

bool is_true(const Value& value) {
  const auto* flag = std::get_if<bool>(&value.any());
  return flag != nullptr && *flag;
}

bool is_null(const Value& value) { return std::holds_alternative<std::monostate>(value.any()); }
bool is_map(const Value& value) { return std::holds_alternative<Value::Members>(value.any()); }

}  // namespace veilwire::projection
