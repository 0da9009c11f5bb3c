#include "agent/forwarder/kafka_sink_settings.h"
#include "agent/forwarder/otlp_sink_settings.h"
#include "agent/forwarder/syslog_settings.h"

#include <functional>
#include <string>

#include <gtest/gtest.h>

namespace veilwire::forwarder {
namespace {

host::ConfigSection section(const std::string& toml) {
  return host::Config::parse("[recorder]\n" + toml, "agent.toml").section("recorder");
}

std::string refusal(const std::function<void()>& read) {
  try {
    read();
  } catch (const host::ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(OtlpSettings, HaveDefaults) {
  const auto table = section("endpoint = \"https://collector.example:4318/\"");
  const OtlpSettings settings = read_otlp_settings(table);
  table.check();
  EXPECT_EQ(settings.url.text, "https://collector.example:4318/v1/logs");
  EXPECT_EQ(settings.tls.roots, "/etc/ssl/certs/ca-certificates.crt");
  EXPECT_TRUE(settings.gzip);
  EXPECT_EQ(settings.timeout, std::chrono::seconds(30));
}

TEST(OtlpSettings, AreRefusedWhereTheyMeanNothing) {
  const std::string good = "endpoint = \"http://127.0.0.1:4318\"\n";
  EXPECT_EQ(refusal([&] { read_otlp_settings(section(good)); }), "");
  for (const std::string& wrong :
       {std::string("compression = \"none\""), std::string("endpoint = \"collector:4318\""),
        std::string("endpoint = \"http://collector.example:4318\""),
        std::string("endpoint = \"https://a.example/?x=1\""), good + "compression = \"br\"",
        good + "ca_file = \"ca.pem\"", good + "certificate_file = \"/a\"",
        good + "key_file = \"/a\"", good + "headers_file = \"a\"", good + "timeout_seconds = 0",
        good + "request_bytes = 1"})
    EXPECT_NE(refusal([&] { read_otlp_settings(section(wrong)); }), "") << wrong;
}

TEST(KafkaSettings, AreReadWithWhatSecurityNeeds) {
  const auto table = section(R"(
    brokers = ["kafka-1.example:9093", "kafka-2.example:9093"]
    topic = "veilwire"
    security_protocol = "sasl_ssl"
    ca_file = "/a/ca.pem"
    sasl_username = "veilwire"
    sasl_password_file = "/a/password")");
  const KafkaSinkSettings settings = read_kafka_sink_settings(table);
  table.check();
  EXPECT_EQ(settings.brokers.size(), 2U);
  EXPECT_TRUE(settings.tls);
  EXPECT_EQ(settings.sasl_mechanism, "SCRAM-SHA-512");
}

TEST(KafkaSettings, AreRefusedWhereTheyMeanNothing) {
  const std::string plain =
      "brokers = [\"127.0.0.1:9092\"]\ntopic = \"a\"\nsecurity_protocol = \"plaintext\"\n";
  const std::string tls = "brokers = [\"a.example:9092\"]\ntopic = \"a\"\n";
  const std::string ca = "ca_file = \"/ca.pem\"\n";
  EXPECT_EQ(refusal([&] { read_kafka_sink_settings(section(plain)); }), "");
  EXPECT_EQ(refusal([&] { read_kafka_sink_settings(section(tls + ca)); }), "");
  for (const std::string& wrong :
       {tls, tls + "ca_file = \"ca.pem\"", tls + ca + "key_file = \"/a\"",
        tls + ca + "security_protocol = \"sasl_ssl\"", tls + ca + "security_protocol = \"SSL\"",
        plain + "format = \"avro\"", plain + "compression = \"br\"", plain + "message_bytes = 1",
        std::string("topic = \"a\"\n") + ca,
        "brokers = [\"a.example:9092,b\"]\ntopic = \"a\"\n" + ca,
        "brokers = [\"a.example\"]\ntopic = \"a\"\n" + ca,
        "brokers = [\"a.example:1\"]\ntopic = \"a b\"\n" + ca})
    EXPECT_NE(refusal([&] { read_kafka_sink_settings(section(wrong)); }), "") << wrong;
}

TEST(SyslogSettings, ReadAnAddress) {
  const SyslogSettings name = read_relp_settings(section("address = \"logs.example:6514\""));
  EXPECT_EQ(name.host, "logs.example");
  EXPECT_EQ(name.port, 6514);
  EXPECT_TRUE(name.tls);
  const SyslogSettings v6 = read_syslog_settings(section("address = \"[2001:db8::1]:514\""));
  EXPECT_EQ(v6.host, "2001:db8::1");
  EXPECT_TRUE(v6.close_notify);
}

TEST(SyslogSettings, AreRefusedWhereTheyMeanNothing) {
  const std::string good = "address = \"logs.example:6514\"\n";
  EXPECT_EQ(refusal([&] { read_relp_settings(section(good)); }), "");
  for (const char* loopback : {"127.0.0.1:1", "127.1.2.3:1", "[::1]:1"})
    EXPECT_EQ(
        refusal([&] {
          read_syslog_settings(section("tls = false\naddress = \"" + std::string(loopback) + "\""));
        }),
        "");
  for (const std::string& wrong :
       {std::string("tls = true"), good + "tls = false", good + "message_bytes = 100",
        good + "timeout_seconds = 0", good + "ca_file = \"a\"",
        std::string("tls = false\naddress = \"localhost:514\"")})
    EXPECT_NE(refusal([&] { read_relp_settings(section(wrong)); }), "") << wrong;
  for (const char* wrong : {"a", "a:", ":1", "a:0", "a:65536", "a:-1", "a:1x", "::1:514", "[]:1",
                            "[::1]", "a b:1", "x@a:1", "https://a:1"})
    EXPECT_NE(
        refusal([&] { read_relp_settings(section("address = \"" + std::string(wrong) + "\"")); }),
        "")
        << wrong;
  EXPECT_NE(refusal([&] { read_syslog_settings(section(good + "settle_ms = -1")); }), "");
}

}  // namespace
}  // namespace veilwire::forwarder
