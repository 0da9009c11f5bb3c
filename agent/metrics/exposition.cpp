#include "agent/metrics/exposition.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace veilwire::metrics {
namespace {

constexpr std::string_view kTotal = "_total";

const Family& family_of(std::string_view name, Type type, std::size_t labels) {
  const auto found = std::ranges::find(families(), name, &Family::name);
  if (found == families().end() || found->type != type)
    throw std::logic_error("no such metric: " + std::string(name));
  const auto blanks = std::ranges::count(found->labels, ' ');
  const std::size_t wanted = found->labels.empty() ? 0 : static_cast<std::size_t>(blanks) + 1;
  if (labels != wanted) throw std::logic_error("labels of " + std::string(name));
  return *found;
}

// The shortest text that gives the same number: integers have no point.
std::string number(double value) {
  std::array<char, 32> text{};
  const bool whole = value == static_cast<double>(static_cast<std::int64_t>(value));
  const auto end = whole ? std::to_chars(text.data(), text.data() + text.size(),
                                         static_cast<std::int64_t>(value))
                         : std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), end.ptr};
}

// Both formats: backslash, quotation mark and line feed are escaped. Other control characters and
// bytes that are no ASCII could not come from a name of ours.
std::string quoted(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '\\' || c == '"') {
      out += '\\';
      out += c;
    } else {
      out += c >= ' ' && c <= '~' ? c : '?';
    }
  }
  return out + "\"";
}

std::string labels_of(std::string_view names, const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& value : values) {
    const std::string_view name = names.substr(0, names.find(' '));
    names.remove_prefix(std::min(names.size(), name.size() + 1));
    out += (out.empty() ? "" : ",") + std::string(name) + "=" + quoted(value);
  }
  return out.empty() ? out : "{" + out + "}";
}

void add_line(std::string& out, std::string_view name, std::string_view labels, double value) {
  out.append(name).append(labels).append(" ").append(number(value)).append("\n");
}

}  // namespace

std::string_view content_type(Form form) {
  return form == Form::OpenMetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                   : "text/plain; version=0.0.4; charset=utf-8";
}

void Exposition::count(std::string_view family, Labels labels, double n) {
  const Family& found = family_of(family, Type::Counter, labels.size());
  samples_[found.name][{labels.begin(), labels.end()}] += n;
}

void Exposition::gauge(std::string_view family, Labels labels, double value) {
  const Family& found = family_of(family, Type::Gauge, labels.size());
  samples_[found.name][{labels.begin(), labels.end()}] = value;
}

void Exposition::histogram(std::string_view family, std::span<const double> bounds,
                           std::span<const std::uint64_t> counts, double sum) {
  const Family& found = family_of(family, Type::Histogram, 0);
  if (counts.size() != bounds.size() + 1) throw std::logic_error("buckets of a histogram");
  distributions_[found.name] = {
      {bounds.begin(), bounds.end()}, {counts.begin(), counts.end()}, sum};
}

std::string Exposition::text(Form form) const {
  std::string out;
  for (const Family& family : families()) {
    std::string_view named = family.name;
    if (form == Form::OpenMetrics && family.type == Type::Counter)
      named.remove_suffix(kTotal.size());
    out.append("# HELP ").append(named).append(" ").append(family.help).append("\n");
    out.append("# TYPE ").append(named).append(" ").append(to_string(family.type)).append("\n");
    if (const auto found = samples_.find(family.name); found != samples_.end())
      for (const auto& [labels, value] : found->second)
        add_line(out, family.name, labels_of(family.labels, labels), value);
    const auto found = distributions_.find(family.name);
    if (found == distributions_.end()) continue;
    const Distribution& d = found->second;
    const std::string name(family.name);
    double below = 0;
    for (std::size_t i = 0; i < d.counts.size(); ++i) {
      below += static_cast<double>(d.counts[i]);
      // OpenMetrics wants a float: "1.0", not "1".
      std::string bound = i < d.bounds.size() ? number(d.bounds[i]) : "+Inf";
      if (bound.find_first_not_of("0123456789") == std::string::npos) bound += ".0";
      add_line(out, name + "_bucket", "{le=\"" + bound + "\"}", below);
    }
    add_line(out, name + "_sum", "", d.sum);
    add_line(out, name + "_count", "", below);
  }
  if (form == Form::OpenMetrics) out += "# EOF\n";
  return out;
}

}  // namespace veilwire::metrics
