#include "agent/witness/settings.h"

#include "agent/witness/commands.h"

#include <gmock/gmock.h>

namespace veilwire::witness {
namespace {

using testing::HasSubstr;

Settings read(const std::string& lines) {
  return read_settings(
      host::Config::parse("[witness]\n" + lines, "witness.toml").section("witness"));
}

std::string refusal(const std::string& lines) {
  try {
    (void)read(lines);
  } catch (const host::ConfigError& e) {
    return e.what();
  }
  return "";
}

constexpr const char* kLeast = "name = \"w\"\nlisten = \"127.0.0.1:0\"\n";

TEST(WitnessSettings, HaveDefaults) {
  const Settings s = read(
      "name = \"example.com/w\"\ncertificate = \"a\"\ncertificate_key = \"b\"\nclient_ca = "
      "\"c\"\n");
  EXPECT_EQ(s.listen_address, "::");
  EXPECT_EQ(s.listen_port, 8443);
  EXPECT_EQ(s.database, "dbname=veilwire");
  EXPECT_FALSE(s.rules.only_listed);
  EXPECT_TRUE(s.rules.listed.empty());
}

TEST(WitnessSettings, ListenWhereTheyAreTold) {
  EXPECT_EQ(read(kLeast).listen_address, "127.0.0.1");
  EXPECT_EQ(read("name = \"w\"\nlisten = \"[::1]:9\"\n").listen_port, 9);
  for (const char* listen : {"", "8443", ":8443", "[::1]", "::1:9", "127.0.0.1:", "127.0.0.1:x",
                             "127.0.0.1:65536", "127.0.0.1:-1", "[]:1"})
    EXPECT_THAT(refusal("name = \"w\"\nlisten = \"" + std::string(listen) + "\"\n"),
                HasSubstr("listen: is an address"))
        << listen;
}

TEST(WitnessSettings, SpeakPlainlyWithLoopbackAlone) {
  EXPECT_THAT(refusal("name = \"w\"\nlisten = \"0.0.0.0:8443\"\n"), HasSubstr("only a loopback"));
  EXPECT_THAT(refusal(std::string(kLeast) + "certificate = \"a\"\n"), HasSubstr("belong together"));
}

TEST(WitnessSettings, ListLogs) {
  const proof::NoteSigner key = *proof::NoteSigner::make("veilwire/a/1", proof::NoteKeyKind::Log,
                                                         crypto::PrivateKey::generate_ed25519());
  const std::string log = "[[witness.log]]\norigin = \"veilwire/a/1\"\n";
  const Settings s =
      read(std::string(kLeast) + "other_logs = \"refuse\"\n" + log +
           "clients = [\"host-a\"]\nkeys = [\"" + key.verifier().to_string() + "\"]\n");
  EXPECT_TRUE(s.rules.only_listed);
  EXPECT_EQ(s.rules.listed.at("veilwire/a/1").keys.at(0).to_string(), key.verifier().to_string());
  EXPECT_THAT(refusal(kLeast + log + log), HasSubstr("listed twice"));
  EXPECT_THAT(refusal(kLeast + log + "keys = [\"x\"]\n"), HasSubstr("no key of a log"));
  EXPECT_THAT(refusal(std::string(kLeast) + "[[witness.log]]\norigin = \"a log\"\n"),
              HasSubstr("the name of a log"));
  EXPECT_THAT(refusal(kLeast + log + "client = \"x\"\n"), HasSubstr("unknown key"));
}

TEST(WitnessSettings, SayWhereRecordsAre) {
  EXPECT_EQ(read(kLeast).records, RecordsIn::Postgresql);
  EXPECT_FALSE(read(kLeast).kafka);
  const std::string kafka =
      "[witness.kafka]\nbrokers = [\"127.0.0.1:9092\"]\ntopic = \"records\"\n"
      "security_protocol = \"plaintext\"\n";
  const std::string both = std::string(kLeast) + "records = \"both\"\n";
  const Settings s = read(both + kafka);
  EXPECT_EQ(s.records, RecordsIn::Both);
  ASSERT_TRUE(s.kafka);
  EXPECT_EQ(s.kafka->topic, "records");
  EXPECT_EQ(s.kafka->message_bytes, 2U * 1024 * 1024);
  EXPECT_EQ(s.kafka->timeout, std::chrono::seconds(10));
  EXPECT_EQ(read(std::string(kLeast) + "records = \"kafka\"\n" + kafka).records, RecordsIn::Kafka);
  EXPECT_THAT(refusal(std::string(kLeast) + "records = \"disk\"\n"), HasSubstr("records: is"));
  EXPECT_THAT(refusal(kLeast + kafka), HasSubstr("kafka: is for records"));
  EXPECT_THAT(refusal(both), HasSubstr("brokers"));
  EXPECT_THAT(refusal(both + kafka + "message_bytes = 1048576\n"),
              HasSubstr("for the largest record"));
  EXPECT_THAT(refusal(both + kafka + "format = \"ocsf\"\n"), HasSubstr("unknown key"));
}

TEST(WitnessSettings, NameTheWitness) {
  EXPECT_THAT(refusal("listen = \"127.0.0.1:0\"\n"), HasSubstr("name is missing"));
  EXPECT_THAT(refusal("name = \"a b\"\nlisten = \"127.0.0.1:0\"\n"), HasSubstr("is one word"));
}

TEST(WitnessAge, IsANumberAndAUnit) {
  EXPECT_EQ(read_age("90s"), 90);
  EXPECT_EQ(read_age("5m"), 300);
  EXPECT_EQ(read_age("12h"), 43200);
  EXPECT_EQ(read_age("7d"), 604800);
  for (const char* text : {"", "5", "m", "5x", "5mm", "-5m", "0s", "99999999999999999999s", "5 m"})
    EXPECT_THROW((void)read_age(text), std::runtime_error) << text;
}

}  // namespace
}  // namespace veilwire::witness
