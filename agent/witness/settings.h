// The table [witness] of witness.toml, with a table for each log that an operator says something
// of:
//
//   [[witness.log]]
//   origin = "veilwire/3f6c1d0e.../5b0a77c1"
//   keys = ["veilwire/3f6c1d0e.../5b0a77c1+1b2c3d4e+AZ..."]
//   clients = ["build-7.example.com"]
//
// veilwire-witness(8) lists the keys. Tested by tests/unit/witness/settings_test.cpp.
#pragma once

#include "agent/host/config.h"
#include "agent/outbound/kafka_settings.h"
#include "agent/witness/witness.h"

#include <cstdint>
#include <optional>
#include <string>

namespace veilwire::witness {

inline constexpr const char* kDefaultWitnessConfig = "/etc/veilwire/witness.toml";

// Where the bytes of records are. What each log rests on, hashes of all records included, is in
// PostgreSQL in any case.
enum class RecordsIn : std::uint8_t { Postgresql, Kafka, Both };

struct Settings {
  std::string name, key;  // of the witness, and the file of its key
  std::string listen_address;
  std::uint16_t listen_port = 0;
  // All empty: plain HTTP, on a loopback address.
  std::string certificate, certificate_key, client_ca;
  std::string database;  // as libpq takes it
  int connections = 0;
  RecordsIn records = RecordsIn::Postgresql;
  std::optional<outbound::KafkaSettings> kafka;  // where records go there
  std::string user, log_level;
  Rules rules;
};

// Throws host::ConfigError.
Settings read_settings(const host::ConfigSection& section);
Settings read_settings(const std::string& path);

}  // namespace veilwire::witness
