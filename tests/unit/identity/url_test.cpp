#include "userspace/identity/url.h"

#include "userspace/base/limits.h"

#include <gtest/gtest.h>

namespace veilwire::identity {
namespace {

std::optional<Url> secure(std::string_view text) { return parse_url(text, PlainHttp::No); }
std::optional<Url> plain(std::string_view text) { return parse_url(text, PlainHttp::Loopback); }

TEST(Url, HasTheParts) {
  const auto url = secure("https://IdP.example:8443/realms/a%20b/token?x=1&y=/?");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->secure);
  EXPECT_EQ(url->host, "IdP.example");
  EXPECT_EQ(url->authority, "IdP.example:8443");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->target, "/realms/a%20b/token?x=1&y=/?");
  EXPECT_EQ(url->text, "https://IdP.example:8443/realms/a%20b/token?x=1&y=/?");
}

TEST(Url, WithoutAPathHasTheShortest) {
  EXPECT_EQ(secure("https://idp.example")->target, "/");
  EXPECT_EQ(secure("https://idp.example")->port, 443);
  EXPECT_EQ(secure("https://idp.example?x")->target, "/?x");
}

TEST(Url, MayNameAnAddress) {
  EXPECT_EQ(secure("https://192.0.2.7/")->host, "192.0.2.7");
  EXPECT_EQ(secure("https://[2001:db8::1]:444/")->host, "2001:db8::1");
  EXPECT_EQ(secure("https://[2001:db8::1]:444/")->authority, "[2001:db8::1]:444");
}

TEST(Url, OfPlainHttpIsForLoopbackAddressesInTests) {
  for (const char* text : {"http://127.0.0.1:8080/x", "http://[::1]:8080/x", "http://127.9.9.9"}) {
    EXPECT_TRUE(plain(text)) << text;
    EXPECT_FALSE(secure(text)) << text;
  }
  EXPECT_EQ(plain("http://127.0.0.1")->port, 80);
  for (const char* text :
       {"http://localhost/", "http://127.0.0.1.example/", "http://idp.example/", "http://[::2]/",
        "http://[::127.0.0.1]/", "http://128.0.0.1/", "http://127.1/", "http://127.0.0.01/"})
    EXPECT_FALSE(plain(text)) << text;
}

TEST(Url, IsRefusedWhereParsersDiffer) {
  for (const char* text : {"",
                           "https:",
                           "https://",
                           "https:///x",
                           "HTTPS://idp.example/",
                           "ftp://idp.example/",
                           "file:///etc/passwd",
                           "javascript:alert(1)",
                           "//idp.example/",
                           "/token",
                           "https://ann@idp.example/",
                           "https://idp.example@evil.example/",
                           "https://idp.example\\@evil.example/",
                           "https://idp.example#@evil.example/",
                           "https://idp.example/#fragment",
                           "https://idp.example:/",
                           "https://idp.example:0/",
                           "https://idp.example:65536/",
                           "https://idp.example:0443/",
                           "https://idp.example:44x/",
                           "https://idp.example:443:443/",
                           "https://idp..example/",
                           "https://.example/",
                           "https://idp.example./",
                           "https://idp example/",
                           "https://idp%2eexample/",
                           "https://2130706433/",
                           "https://0x7f.1/",
                           "https://127.1/",
                           "https://1.2.3.256/",
                           "https://1.2.3.4.5/",
                           "https://[::1/",
                           "https://[::1]x/",
                           "https://[fe80::1%25eth0]/",
                           "https://[idp.example]/",
                           "https://[]/",
                           "https://idp.example/a b",
                           "https://idp.example/a\r\nHost: evil.example",
                           "https://idp.example/%",
                           "https://idp.example/%4",
                           "https://idp.example/%zz",
                           "https://idp.example/\"",
                           "https://idp.example/<",
                           "https://idp.example/\xc3\xa9",
                           "https://idp.example/\x7f",
                           "https://idp.example/\\..",
                           "https://xn--\xc3\xa9.example/"})
    EXPECT_FALSE(plain(text)) << text;
  using namespace std::string_view_literals;
  EXPECT_FALSE(plain("https://idp.example/\0x"sv));
  EXPECT_FALSE(plain("https://idp.example\0.evil.example/"sv));
}

TEST(Url, HasABoundedLength) {
  const std::string start = "https://idp.example/";
  const std::string longest = start + std::string(limits::kIdpUrl - start.size(), 'a');
  EXPECT_TRUE(secure(longest));
  EXPECT_FALSE(secure(longest + "a"));
  EXPECT_FALSE(secure("https://" + std::string(64, 'a') + ".example/"));
}

}  // namespace
}  // namespace veilwire::identity
