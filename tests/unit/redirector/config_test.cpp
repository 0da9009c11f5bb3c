#include "agent/redirector/config.h"

#include <string>

#include <gtest/gtest.h>

namespace veilwire::redirector {
namespace {

Settings read(const std::string& toml) {
  return read_settings(host::Config::parse("[redirector]\n" + toml, "test").section("redirector"));
}

TEST(RedirectorConfig, an_empty_table_gives_the_documented_defaults) {
  const Settings s = read("");
  EXPECT_EQ(s.cgroup, "/");
  EXPECT_EQ(s.proxy_cgroup, "");
  EXPECT_EQ(s.pin_directory, "/sys/fs/bpf/veilwire");
  EXPECT_EQ(s.socket, "/run/veilwire-redirector/redirector.sock");
  EXPECT_EQ(s.ports, (std::vector<std::uint16_t>{443}));
  EXPECT_EQ(s.when_proxy_dead, VW_MODE_CLOSED);
  EXPECT_EQ(s.when_egress_filtered, VW_EGRESS_REFUSE);
  EXPECT_TRUE(s.refuse_quic);
}

TEST(RedirectorConfig, every_key_is_read) {
  const Settings s = read(R"(
cgroup = "/user.slice"
proxy_cgroup = "/veilwire.slice"
pin_directory = "/bpf/x"
socket = "/run/s"
proxy_user = "1:2"
ports = [443, 3000]
names = ["claude"]
paths = []
arguments = ["x"]
interpreters = ["node"]
targets = ["192.0.2.0/24", "2001:db8::1"]
endpoints = ["127.0.0.1:3000", "[::1]:3001"]
when_proxy_dead = "open"
when_egress_filtered = "redirect"
refuse_quic = false
heartbeat_seconds = 3
check_seconds = 9
)");
  EXPECT_EQ(s.cgroup, "/user.slice");
  EXPECT_EQ(s.proxy_cgroup, "/veilwire.slice");
  EXPECT_EQ(s.ports, (std::vector<std::uint16_t>{443, 3000}));
  ASSERT_EQ(s.targets.size(), 2U);
  EXPECT_EQ(to_string(s.targets[0]), "192.0.2.0/24");
  EXPECT_EQ(to_string(s.targets[1]), "2001:db8::1/128");
  ASSERT_EQ(s.endpoints.size(), 2U);
  EXPECT_EQ(to_string(s.endpoints[0]), "127.0.0.1:3000");
  EXPECT_EQ(to_string(s.endpoints[1]), "[::1]:3001");
  EXPECT_EQ(s.when_proxy_dead, VW_MODE_OPEN);
  EXPECT_EQ(s.when_egress_filtered, VW_EGRESS_REDIRECT);
  EXPECT_FALSE(s.refuse_quic);
  EXPECT_EQ(s.heartbeat.count(), 3);
  EXPECT_EQ(s.check.count(), 9);
}

TEST(RedirectorConfig, what_cannot_be_meant_is_refused) {
  for (const char* bad :
       {"prots = [443]", "ports = [0]", "ports = [70000]", "ports = [53]", "ports = [853]",
        "targets = ['192.0.2.1/33']", "targets = ['192.0.2.1/24']", "targets = ['example.org']",
        "endpoints = ['127.0.0.1']", "endpoints = ['::1:80']", "endpoints = ['127.0.0.1:0']",
        "endpoints = ['127.0.0.1:70000']", "when_proxy_dead = 'off'", "names = ['a/b']",
        "names = ['']", "paths = ['']", "when_egress_filtered = ''", "heartbeat_seconds = -1",
        "paths = ['0123456789012345678901234567890123456789012345678']"})
    EXPECT_THROW(read(bad), host::ConfigError) << bad;
  std::string many = "names = [";
  for (int i = 0; i < VW_NEEDLE_COUNT + 1; ++i) many += "'n" + std::to_string(i) + "',";
  EXPECT_THROW(read(many + "]"), host::ConfigError);
}

TEST(RedirectorConfig, a_name_becomes_a_needle_for_a_whole_basename_of_a_file_or_an_argument) {
  Settings settings;
  settings.names = {"claude"};
  settings.paths = {"/v/"};
  settings.arguments = {"@a"};
  const auto needles = make_needles(settings);
  ASSERT_EQ(needles.size(), 3U);
  const auto text = [](const vw_needle& n) {
    return std::string(reinterpret_cast<const char*>(n.text), n.length);
  };
  EXPECT_EQ(text(needles[0]), std::string("/claude\0", 8));
  EXPECT_EQ(needles[0].where, VW_NEEDLE_PATH | VW_NEEDLE_ARGUMENT);
  EXPECT_EQ(needles[0].mask[7], 0xff);
  EXPECT_EQ(needles[0].mask[8], 0);
  EXPECT_EQ(text(needles[1]), "/v/");
  EXPECT_EQ(needles[2].where, VW_NEEDLE_ARGUMENT);
}

TEST(NetAddress, prefixes_keep_their_family_and_refuse_bits_beyond_their_length) {
  EXPECT_EQ(parse_prefix("0.0.0.0/0")->bits, 96U);
  EXPECT_EQ(parse_prefix("::/0")->bits, 0U);
  EXPECT_EQ(parse_prefix("192.0.2.128/25")->bits, 121U);
  EXPECT_FALSE(parse_prefix("192.0.2.129/25"));
  EXPECT_FALSE(parse_prefix("2001:db8::1/64"));
  EXPECT_FALSE(parse_prefix("192.0.2.0/"));
  EXPECT_FALSE(parse_prefix("192.0.2.0/+4"));
  EXPECT_FALSE(parse_prefix("/8"));
  EXPECT_FALSE(parse_prefix(""));
}

TEST(NetAddress, loopback_and_unspecified_are_known_in_both_families) {
  EXPECT_TRUE(is_loopback(*parse_address("127.1.2.3")));
  EXPECT_TRUE(is_loopback(*parse_address("::1")));
  EXPECT_FALSE(is_loopback(*parse_address("128.0.0.1")));
  EXPECT_TRUE(is_unspecified(*parse_address("0.0.0.0")));
  EXPECT_TRUE(is_unspecified(*parse_address("::")));
  EXPECT_FALSE(is_unspecified(*parse_address("::1")));
  EXPECT_FALSE(is_unspecified(*parse_address("0.0.0.1")));
}

}  // namespace
}  // namespace veilwire::redirector
