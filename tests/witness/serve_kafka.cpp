// librdkafka's mock cluster as a program: says where its brokers are, then for each line of its
// input what is in the topic, as a line of JSON. Ends with its input.
#include "tests/unit/forwarder/mock_kafka.h"
#include "userspace/crypto/encoding.h"

#include <iostream>
#include <string>

#include <nlohmann/json.hpp>

int main() {
  const veilwire::forwarder::testing::MockKafka kafka;
  std::cout << kafka.brokers() << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    nlohmann::json all = nlohmann::json::array();
    for (const auto& each : kafka.consume()) {
      all.push_back({{"key", each.key},
                     {"uid", each.uid},
                     {"value", veilwire::crypto::base64_encode(each.value)}});
    }
    std::cout << all.dump() << std::endl;
  }
}
