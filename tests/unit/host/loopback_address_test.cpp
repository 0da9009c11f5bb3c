#include "agent/host/loopback_address.h"

#include <gtest/gtest.h>

namespace veilwire::host {
namespace {

TEST(LoopbackAddress, IsReadInItsParts) {
  const auto v4 = parse_loopback("http://127.0.0.1:8423/saml");
  ASSERT_TRUE(v4);
  EXPECT_FALSE(v4->v6);
  EXPECT_EQ(v4->port, 8423);
  EXPECT_EQ(v4->path, "/saml");
  const auto v6 = parse_loopback("http://[::1]:1/?a=b");
  ASSERT_TRUE(v6);
  EXPECT_TRUE(v6->v6);
  EXPECT_EQ(v6->port, 1);
  EXPECT_EQ(v6->path, "/?a=b");
}

TEST(LoopbackAddress, OfAnythingElseThereIsNone) {
  for (const char* address :
       {"", "http://127.0.0.1", "http://127.0.0.1/x", "http://127.0.0.1:/x", "http://127.0.0.1:0/x",
        "http://127.0.0.1:65536/x", "http://127.0.0.1:80", "http://127.0.0.1:080/x",
        "http://127.0.0.1:-1/x", "http://127.0.0.1:1 /x", "http://127.0.0.1:1@example.com/x",
        "http://127.0.0.1:1/a b", "http://127.0.0.1:1/#x", "http://localhost:1/x",
        "https://127.0.0.1:1/x", "http://[::1]/x", "http://[::2]:1/x", "http://127.0.0.10:1/x"})
    EXPECT_FALSE(parse_loopback(address)) << address;
}

}  // namespace
}  // namespace veilwire::host
