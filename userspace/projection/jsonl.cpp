#include "userspace/projection/jsonl.h"

#include "userspace/projection/record_tree.h"
#include "userspace/projection/value.h"

namespace veilwire::projection {
namespace {

std::optional<std::string> line(const std::optional<Value>& tree) {
  if (!tree) return std::nullopt;
  return to_json(*tree) + '\n';
}

}  // namespace

std::optional<std::string> jsonl(std::string_view canonical, const audit::Parsed& record,
                                 Level level) {
  if (level == Level::Masked && !holds_originals(record.record))
    return std::string(canonical) + '\n';
  return line(record_tree(record, level));
}

std::optional<std::string> jsonl(const Exchange& exchange, Level level) {
  return line(exchange_tree(exchange, level));
}

}  // namespace veilwire::projection
