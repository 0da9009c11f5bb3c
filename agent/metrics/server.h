// Answers GET /metrics: the programs are asked by one request at a time and at most once a second,
// however many scrape. Tested by tests/e2e/metrics_service_test.py.
#pragma once

#include "agent/metrics/gather.h"
#include "agent/witness/https_server.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace veilwire::metrics {

class Server {
 public:
  Server(std::vector<Place> places, std::string version)
      : places_(std::move(places)), version_(std::move(version)) {}

  // For an HttpsServer of one thread.
  witness::Answered answer(const witness::Asked& asked);

 private:
  std::vector<Place> places_;
  std::string version_;
  std::optional<Exposition> kept_;
  std::chrono::steady_clock::time_point kept_until_;
};

}  // namespace veilwire::metrics
