// The kernel side's predicates, called one by one through test runs of programs that include the
// same headers.
#include "agent/redirector/config.h"
#include "agent/redirector/kernel_programs.h"
#include "agent/redirector/net_address.h"
#include "tests/bpf/arena.h"
#include "tests/bpf/probe.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <unistd.h>

namespace veilwire::tests {
namespace {

using redirector::Address;

// The maps are pinned by the arena's redirector, so that user space writes them by its own code.
class PredicatesTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    redirector::Settings settings = arena().settings();
    settings.names = {"claude", "agent"};
    settings.paths = {"/claude/versions/"};
    settings.arguments = {"@anthropic-ai/claude-code"};
    settings.ports = {443};
    settings.refuse_quic = false;
    settings.targets = {*redirector::parse_prefix("192.0.2.0/24"),
                        *redirector::parse_prefix("198.51.100.7"),
                        *redirector::parse_prefix("2001:db8:1::/48")};
    settings.endpoints = {*redirector::parse_endpoint("127.0.0.1:3000")};
    arena().start_redirector(settings);
    probe_ = std::make_unique<Probe>(redirector::versioned_directory(arena().pins()) + "/maps");
  }
  void TearDown() override {
    probe_.reset();
    KernelTest::TearDown();
  }

  struct AddressCase {
    Address address;
    std::uint32_t mapped = 0;
    std::uint32_t loopback = 0;
  };
  AddressCase classify(const char* text) {
    AddressCase c{*redirector::parse_address(text)};
    probe_->call("classify_address", &c, sizeof(c));
    return c;
  }

  struct SelectCase {
    std::uint32_t port_flags = 0, labelled = 0, socket_labelled = 0, target = 0, endpoint = 0,
                  loopback = 0;
  };
  int decide(SelectCase c) { return probe_->call("decide", &c, sizeof(c)); }

  int look_up(const char* address, std::uint16_t port) {
    struct {
      Address address;
      std::uint16_t port;
      std::uint16_t reserved[3];
    } c{*redirector::parse_address(address), port, {}};
    return probe_->call_with_packet("look_up", &c, sizeof(c));
  }

  bool find(std::string_view text, unsigned where, std::string_view rest = {}) {
    struct {
      std::uint32_t length;
      std::uint32_t where;
      char bytes[512];
    } c{static_cast<std::uint32_t>(text.size()), where, {}};
    std::copy(text.begin(), text.end(), c.bytes);
    std::copy(rest.begin(), rest.end(), c.bytes + text.size());
    return probe_->call_with_packet("find_needle", &c, sizeof(c)) == 1;
  }
  bool in_path(const std::string& text) { return find(text, VW_NEEDLE_PATH); }
  bool in_arguments(const std::string& text) { return find(text, VW_NEEDLE_ARGUMENT); }

  bool beats(std::int64_t offset_ns, std::uint64_t limit_ns) {
    struct {
      std::int64_t offset;
      std::uint64_t limit;
    } c{offset_ns, limit_ns};
    return probe_->call("heart", &c, sizeof(c)) == 1;
  }

  std::unique_ptr<Probe> probe_;
};

TEST_F(PredicatesTest, loopback_is_127_slash_8_and_colon_colon_one) {
  for (const char* yes : {"127.0.0.1", "127.255.1.2", "::1", "::ffff:127.0.0.1"})
    EXPECT_EQ(classify(yes).loopback, 1U) << yes;
  for (const char* no : {"126.0.0.1", "128.0.0.1", "192.0.2.1", "::2", "::ffff:10.0.0.1", "fe80::1",
                         "::127.0.0.1", "100::1"})
    EXPECT_EQ(classify(no).loopback, 0U) << no;
}

TEST_F(PredicatesTest, the_unspecified_address_becomes_loopback) {
  EXPECT_EQ(classify("0.0.0.0").address, *redirector::parse_address("127.0.0.1"));
  EXPECT_EQ(classify("::").address, *redirector::parse_address("::1"));
  EXPECT_EQ(classify("0.0.0.1").address, *redirector::parse_address("0.0.0.1"));
}

TEST_F(PredicatesTest, mapped_is_exactly_the_mapped_prefix) {
  EXPECT_EQ(classify("192.0.2.1").mapped, 1U);
  EXPECT_EQ(classify("::fffe:192.0.2.1").mapped, 0U);
  EXPECT_EQ(classify("1::ffff:192.0.2.1").mapped, 0U);
}

TEST_F(PredicatesTest, a_decision_for_every_combination_of_facts) {
  for (unsigned bits = 0; bits < 256; ++bits) {
    const auto bit = [bits](unsigned i) { return (bits >> i) & 1U; };
    SelectCase c{.port_flags = (bit(0) != 0 ? VW_PORT_LABELLED : 0U) |
                               (bit(1) != 0 ? VW_PORT_TARGET : 0U) |
                               (bit(2) != 0 ? VW_PORT_QUIC : 0U),
                 .labelled = bit(3),
                 .socket_labelled = bit(4),
                 .target = bit(5),
                 .endpoint = bit(6),
                 .loopback = bit(7)};
    // Said once more in other words than the kernel side's.
    const bool as_target = c.target != 0 && (c.port_flags & VW_PORT_TARGET) != 0;
    const bool as_labelled = (c.labelled != 0 || c.socket_labelled != 0) && c.loopback == 0 &&
                             (c.port_flags & VW_PORT_LABELLED) != 0;
    const bool selected = c.endpoint != 0 || (c.port_flags != 0 && (as_target || as_labelled));
    EXPECT_EQ(decide(c) == VW_REASON_REDIRECTED, selected) << bits;
  }
}

TEST_F(PredicatesTest, why_a_connect_is_not_selected) {
  EXPECT_EQ(decide({.labelled = 1}), VW_REASON_PORT_NOT_IN_SCOPE);
  EXPECT_EQ(decide({.port_flags = 3, .labelled = 1, .loopback = 1}), VW_REASON_LOOPBACK);
  EXPECT_EQ(decide({.port_flags = 3}), VW_REASON_NOT_SELECTED);
}

TEST_F(PredicatesTest, tries_ports_and_endpoints_hold_what_user_space_wrote) {
  const int port = (VW_PORT_LABELLED | VW_PORT_TARGET) << 2;
  EXPECT_EQ(look_up("192.0.2.0", 443), 1 | port);
  EXPECT_EQ(look_up("192.0.2.255", 443), 1 | port);
  EXPECT_EQ(look_up("192.0.3.0", 443), port);
  EXPECT_EQ(look_up("198.51.100.7", 443), 1 | port);
  EXPECT_EQ(look_up("198.51.100.8", 443), port);
  EXPECT_EQ(look_up("2001:db8:1:ffff::1", 443), 1 | port);
  EXPECT_EQ(look_up("2001:db8:2::1", 443), port);
  EXPECT_EQ(look_up("192.0.2.1", 444), 1);
  EXPECT_EQ(look_up("127.0.0.1", 3000), 2);
  EXPECT_EQ(look_up("127.0.0.1", 3001), 0);
  EXPECT_EQ(look_up("::1", 3000), 0);
}

TEST_F(PredicatesTest, names_match_whole_basenames) {
  using namespace std::string_literals;
  EXPECT_TRUE(in_path("/usr/bin/claude\0/claude\0"s));
  EXPECT_TRUE(in_path("/bin/dash\0/./claude\0"s)) << "as it was called";
  EXPECT_TRUE(in_path("/opt/agent\0/x\0"s)) << "the second name";
  EXPECT_FALSE(in_path("/usr/bin/claude2\0/claude2\0"s));
  EXPECT_FALSE(in_path("/usr/bin/xclaude\0/xclaude\0"s));
  EXPECT_FALSE(in_path("/usr/claude/bin\0/bin\0"s)) << "a folder of that name";
}

TEST_F(PredicatesTest, paths_and_arguments_match_anywhere_but_not_in_the_other_text) {
  using namespace std::string_literals;
  EXPECT_TRUE(in_path("/share/claude/versions/2.1.3\0/2.1.3\0"s));
  EXPECT_FALSE(in_path("/share/claude/version/2.1.3\0/2.1.3\0"s));
  EXPECT_TRUE(in_arguments("node\0/x/@anthropic-ai/claude-code/cli.js\0"s));
  EXPECT_TRUE(in_arguments("node\0/usr/local/bin/claude\0-p\0"s)) << "a script by its name";
  EXPECT_FALSE(in_arguments("node\0/srv/claude/server.js\0"s));
  EXPECT_FALSE(in_arguments("node\0/x/@anthropic-ai/claude-cod\0"s));
  EXPECT_FALSE(in_arguments("/claude/versions/\0"s)) << "a path needle";
  EXPECT_FALSE(in_path("/x/@anthropic-ai/claude-code/cli.js\0"s)) << "an argument needle";
}

TEST_F(PredicatesTest, a_needle_is_found_at_every_position_and_never_beyond_the_text) {
  const std::string needle = "@anthropic-ai/claude-code";
  for (std::size_t at = 0; at + needle.size() <= 480; at += 7)
    EXPECT_TRUE(in_arguments(std::string(at, 'x') + needle + "x")) << at;
  for (std::size_t cut = 1; cut < needle.size(); ++cut) {
    const std::string begun = needle.substr(0, cut);
    if (begun.ends_with("/claude")) continue;  // a needle of its own
    EXPECT_FALSE(find(begun, VW_NEEDLE_ARGUMENT, needle.substr(cut)))
        << "what an earlier exec left behind completes it after " << cut;
  }
}

TEST_F(PredicatesTest, a_heart_beats_within_its_limit_and_not_from_the_future) {
  constexpr std::uint64_t kLimit = 10'000'000'000;
  EXPECT_TRUE(beats(0, kLimit));
  EXPECT_TRUE(beats(-9'000'000'000, kLimit));
  EXPECT_FALSE(beats(-11'000'000'000, kLimit));
  EXPECT_TRUE(beats(500'000'000, kLimit)) << "another cpu's clock";
  EXPECT_FALSE(beats(60'000'000'000, kLimit));
  EXPECT_TRUE(beats(-11'000'000'000, 0)) << "not asked";
}

}  // namespace
}  // namespace veilwire::tests
