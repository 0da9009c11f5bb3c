// Metrics as text: the Prometheus text format 0.0.4, which node_exporter's textfile collector takes
// too, or OpenMetrics 1.0. They differ in what the metadata calls a counter and in the last line.
// Only what families() has can be shown, with its labels: anything else is a fault of ours and
// throws. Tested by tests/unit/metrics/exposition_test.cpp.
#pragma once

#include "agent/metrics/families.h"

#include <array>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace veilwire::metrics {

enum class Form : std::uint8_t { Prometheus, OpenMetrics };
std::string_view content_type(Form form);

class Exposition {
 public:
  using Labels = std::initializer_list<std::string_view>;  // values, in the family's order

  // The same labels again add to a counter, and replace a gauge. Throws std::logic_error.
  void count(std::string_view family, Labels labels, double n);
  void gauge(std::string_view family, Labels labels, double value);
  // counts: of each bucket alone, one more than there are bounds.
  void histogram(std::string_view family, std::span<const double> bounds,
                 std::span<const std::uint64_t> counts, double sum);

  std::string text(Form form) const;

 private:
  struct Distribution {
    std::vector<double> bounds;
    std::vector<std::uint64_t> counts;
    double sum = 0;
  };
  std::map<std::string_view, std::map<std::vector<std::string>, double>> samples_;
  std::map<std::string_view, Distribution> distributions_;
};

}  // namespace veilwire::metrics
