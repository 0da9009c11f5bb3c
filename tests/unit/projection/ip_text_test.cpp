#include "userspace/projection/ip_text.h"

#include <gtest/gtest.h>

namespace veilwire::projection {
namespace {

TEST(IpText, KnowsAddresses) {
  for (const char* text : {"0.0.0.0", "203.0.113.7", "255.255.255.255"}) EXPECT_TRUE(is_ipv4(text));
  for (const char* text : {"::", "::1", "2001:db8::7", "1:2:3:4:5:6:7:8", "fe80::", "A::f"})
    EXPECT_TRUE(is_ipv6(text)) << text;
}

TEST(IpText, AndWhatIsNone) {
  for (const char* text : {"", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.",
                           "a.b.c.d", "1..2.3", " 1.2.3.4"})
    EXPECT_FALSE(is_ipv4(text)) << text;
  for (const char* text : {"", ":", "a:b", "a:b:", ":::", "1::2::3", "12345::", "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8", "g::", "[::1]", "fe80::1%eth0"})
    EXPECT_FALSE(is_ipv6(text)) << text;
}

}  // namespace
}  // namespace veilwire::projection
