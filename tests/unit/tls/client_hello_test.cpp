#include "userspace/wire/client_hello.h"

#include "tests/support/every_split.h"
#include "tests/unit/tls/hello_builder.h"
#include "userspace/base/limits.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <ostream>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

namespace veilwire::wire {

void PrintTo(const PeekResult& r, std::ostream* out) {
  *out << "{" << static_cast<int>(r.peek) << " " << r.hello.server_name
       << " alpn=" << r.hello.alpn.size() << " version=" << r.hello.max_version << "}";
}

namespace {

using namespace testing;

// Asks after every piece, as a proxy does, and stops at the first answer.
PeekResult peek_pieces(const veilwire::testing::Pieces& pieces) {
  std::string seen;
  PeekResult result;
  for (const auto piece : pieces) {
    seen += piece;
    result = peek_client_hello(seen);
    if (result.peek != Peek::NeedMore) break;
  }
  return result;
}

Peek peek(std::string_view bytes) { return peek_client_hello(bytes).peek; }

// What OpenSSL's own client sends first.
std::string openssl_hello(std::string_view name, int max_version, std::string_view alpn_wire) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> ctx(SSL_CTX_new(TLS_client_method()),
                                                              &SSL_CTX_free);
  SSL_CTX_set_max_proto_version(ctx.get(), max_version);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(ctx.get()), &SSL_free);
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  if (std::string host(name); !host.empty())
    SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host.data());
  if (!alpn_wire.empty())
    SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(alpn_wire.data()),
                        static_cast<unsigned>(alpn_wire.size()));
  SSL_connect(ssl.get());
  char* data = nullptr;
  const auto size = static_cast<std::size_t>(BIO_get_mem_data(SSL_get_wbio(ssl.get()), &data));
  return {data, size};
}

TEST(ClientHello, OfOpensslIsReadAtEverySplit) {
  const std::string bytes =
      openssl_hello("API.Anthropic.com", TLS1_3_VERSION, "\x02h2\x08http/1.1");
  const auto result = peek_client_hello(bytes);
  ASSERT_EQ(result.peek, Peek::Tls);
  EXPECT_EQ(result.hello.server_name, "api.anthropic.com");
  EXPECT_EQ(result.hello.alpn, (std::vector<std::string>{"h2", "http/1.1"}));
  EXPECT_EQ(result.hello.max_version, 0x0304);
  EXPECT_FALSE(result.hello.encrypted_client_hello);
  veilwire::testing::every_split(bytes, peek_pieces);
}

TEST(ClientHello, OfTls12WithoutNameOrAlpnIsRead) {
  const auto result = peek_client_hello(openssl_hello("", TLS1_2_VERSION, ""));
  ASSERT_EQ(result.peek, Peek::Tls);
  EXPECT_EQ(result.hello.server_name, "");
  EXPECT_TRUE(result.hello.alpn.empty());
  EXPECT_EQ(result.hello.max_version, 0x0303);
}

TEST(ClientHello, OfRealClientsIsReadAtEverySplit) {
  std::size_t count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(VEILWIRE_SOURCE_DIR "/tests/fuzz/corpus/client_hello")) {
    if (!entry.path().filename().string().starts_with("real-")) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    const auto result = peek_client_hello(bytes);
    EXPECT_EQ(result.peek, Peek::Tls) << entry.path();
    EXPECT_EQ(result.hello.server_name, "api.example.test") << entry.path();
    EXPECT_EQ(result.hello.max_version, 0x0304) << entry.path();
    veilwire::testing::every_split(bytes, peek_pieces);
    ++count;
  }
  EXPECT_GE(count, 3U);
}

TEST(ClientHello, InManyRecordsIsReadAtEverySplit) {
  const std::string text =
      message(body_before_extensions() + vec16(server_name("a.example") + alpn(vec8("http/1.1"))));
  for (const std::size_t size : {5U, 7U, 50U, 100U}) {
    const std::string bytes = records(text, size);
    EXPECT_EQ(peek_client_hello(bytes).hello.server_name, "a.example") << size;
    veilwire::testing::every_split(bytes, peek_pieces);
  }
  // The four bytes of the message's header in a record each.
  std::string bytes;
  for (std::size_t i = 0; i < 4; ++i) bytes += record(text.substr(i, 1));
  bytes += record(text.substr(4));
  EXPECT_EQ(peek(bytes), Peek::Tls);
  veilwire::testing::every_split(bytes, peek_pieces);
}

TEST(ClientHello, FollowedByMoreRecordsIsReadAlone) {
  const std::string bytes = hello(server_name("a.example"));
  const std::string change_cipher_spec("\x14\x03\x03\x00\x01\x01", 6);
  EXPECT_EQ(peek_client_hello(bytes + change_cipher_spec + "early data"), peek_client_hello(bytes));
  veilwire::testing::every_split(bytes + change_cipher_spec, peek_pieces);
}

TEST(ClientHello, WithoutExtensionsHasTheLegacyVersion) {
  const auto result = peek_client_hello(records(message(body_before_extensions())));
  EXPECT_EQ(result.peek, Peek::Tls);
  EXPECT_EQ(result.hello.max_version, 0x0303);
}

TEST(ClientHello, GreaseIsNoVersion) {
  const auto result = peek_client_hello(
      hello(extension(0x1a1a, "") + supported_versions(u16(0xfafa) + u16(0x0303) + u16(0x7f1c))));
  EXPECT_EQ(result.peek, Peek::Tls);
  EXPECT_EQ(result.hello.max_version, 0x0303);
}

TEST(ClientHello, EncryptedClientHelloIsSeen) {
  EXPECT_TRUE(peek_client_hello(hello(extension(0xfe0d, "anything"))).hello.encrypted_client_hello);
}

TEST(ClientHello, WhatIsNotTlsIsToldByTheFirstTwoBytes) {
  for (const char* text :
       {"GET / HTTP/1.1\r\n", "SSH-2.0-", "\x15\x03\x01", "\x80\x2e\x01", "\x16\x02", "\x17"})
    EXPECT_EQ(peek(text), Peek::NotTls) << text;
  EXPECT_EQ(peek(""), Peek::NeedMore);
  EXPECT_EQ(peek("\x16"), Peek::NeedMore);
  EXPECT_EQ(peek("\x16\x03"), Peek::NeedMore);
}

TEST(ClientHello, BadNamesAreMalformed) {
  const std::string_view names[] = {"127.0.0.1",
                                    "1.2",
                                    "0x7f.1",
                                    "example.0xAB",
                                    "::1",
                                    "[::1]",
                                    "2001:db8::7",
                                    "a.example.",
                                    ".",
                                    ".a",
                                    "a..b",
                                    "-a.example",
                                    "a-.example",
                                    "a b",
                                    "b\xc3\xbc"
                                    "cher.example",
                                    "*.example",
                                    "a/b",
                                    "user@a.example",
                                    "a.example:443",
                                    std::string_view("a.example\0.evil.example", 23)};
  for (const auto name : names) {
    EXPECT_EQ(peek(hello(server_name(name))), Peek::Malformed) << name;
    veilwire::testing::every_split(hello(server_name(name)), peek_pieces);
  }
  EXPECT_EQ(peek(hello(server_name(std::string(64, 'a')))), Peek::Malformed);
  EXPECT_EQ(peek(hello(server_name(std::string(63, 'a')))), Peek::Tls);
  const std::string label = std::string(62, 'a') + ".";
  EXPECT_EQ(peek(hello(server_name(label + label + label + label + "a"))), Peek::Tls);  // 253
  EXPECT_EQ(peek(hello(server_name(label + label + label + label + "ab"))), Peek::Malformed);
  EXPECT_EQ(peek(hello(server_name(""))), Peek::Malformed);
}

TEST(ClientHello, NamesInUseAreAccepted) {
  for (const char* name : {"localhost", "a_b.example", "xn--bcher-kva.example", "r1---sn-x.example",
                           "1.example", "3com.example"})
    EXPECT_EQ(peek(hello(server_name(name))), Peek::Tls) << name;
}

TEST(ClientHello, ASecondNameOrExtensionIsMalformed) {
  const std::string two_names = vec16(u8(0) + vec16("a.example") + u8(0) + vec16("b.example"));
  const std::string bad[] = {
      hello(extension(0, two_names)),
      hello(server_name("a.example") + server_name("a.example")),
      hello(alpn(vec8("h2")) + server_name("a.example") + alpn(vec8("h2"))),
      hello(extension(0x1234, "") + extension(0x1234, "")),
      hello(extension(0, vec16(u8(1) + vec16("a.example")))),  // a name type nobody defined
  };
  for (const auto& bytes : bad) {
    EXPECT_EQ(peek(bytes), Peek::Malformed);
    veilwire::testing::every_split(bytes, peek_pieces);
  }
}

TEST(ClientHello, LengthsThatDoNotAddUpAreMalformed) {
  const std::string body = body_before_extensions();
  const std::string long_session = u16(0x0303) + std::string(32, 'r') + vec8(std::string(33, 's')) +
                                   vec16(u16(0x1301)) + vec8(u8(0));
  const std::string odd_suites =
      u16(0x0303) + std::string(32, 'r') + vec8("") + vec16("abc") + vec8(u8(0));
  const std::string no_suites =
      u16(0x0303) + std::string(32, 'r') + vec8("") + vec16("") + vec8(u8(0));
  const std::string no_compression =
      u16(0x0303) + std::string(32, 'r') + vec8("") + vec16(u16(1)) + vec8("");
  const std::string dtls = u16(0xfefd) + body.substr(2);
  const std::string bodies[] = {
      "",
      "\x03",
      body.substr(0, 20),
      long_session,
      odd_suites,
      no_suites,
      no_compression,
      dtls,
      body + "\x01",                          // half a length
      body + u16(5) + "abcd",                 // block shorter than announced
      body + u16(3) + "abcd",                 // bytes after the block
      body + vec16(u16(0)),                   // an extension without its length
      body + vec16(u16(0) + u16(4) + "abc"),  // an extension longer than its block
      body + vec16(server_name("a.example")) + "x",
      body + vec16(extension(0, "")),  // empty lists
      body + vec16(extension(0, vec16(""))),
      body + vec16(extension(0, vec16(u8(0) + vec16("a.example")) + "x")),
      body + vec16(extension(0, vec16(u8(0) + vec16("a.example") + "x"))),
      body + vec16(extension(0, vec16(u8(0) + u16(0xffff) + "a.example"))),
      body + vec16(alpn("")),
      body + vec16(alpn(vec8(""))),
      body + vec16(alpn(vec8("h2") + u8(9))),
      body + vec16(extension(16, vec16(vec8("h2")) + "x")),
      body + vec16(supported_versions("")),
      body + vec16(supported_versions("\x03\x04\x03")),
      body + vec16(extension(43, vec8(u16(0x0304)) + "x")),
  };
  for (const auto& bytes : bodies) {
    EXPECT_EQ(peek(records(message(bytes))), Peek::Malformed) << bytes.size();
    veilwire::testing::every_split(records(message(bytes)), peek_pieces);
  }
}

TEST(ClientHello, RecordsThatBreakTheMessageAreMalformed) {
  const std::string text = message(body_before_extensions());
  const std::string alert("\x15\x03\x03\x00\x02\x02\x28", 7);
  const std::string bad[] = {
      record(text.substr(0, 10)) + alert + record(text.substr(10)),  // another type in the middle
      record(text + "x"),  // more than the message in its record
      record(text.substr(0, 10)) + record(text.substr(10) + text),
      record("") + record(text),          // empty handshake record
      u8(22) + u16(0x0301) + u16(16385),  // longer than a record may be
      record(u8(2) + text.substr(1)),     // a ServerHello
      record(text.substr(0, 10)) + u8(22) + u8(2),
      record(u8(1) + u24(limits::kClientHello)),
      record(u8(1) + u24(0xffffff)),
      records(text, 2),  // a record flood
  };
  for (const auto& bytes : bad) {
    EXPECT_EQ(peek(bytes), Peek::Malformed);
    veilwire::testing::every_split(bytes, peek_pieces);
  }
}

TEST(ClientHello, MayBeAsLongAsTheLimitAndNoLonger) {
  const auto padded = [](std::size_t padding) {
    return hello(server_name("a.example") + extension(21, std::string(padding, '\0')));
  };
  const std::size_t overhead = padded(50'000).size() - 50'000;
  const std::size_t most = limits::kClientHello - overhead;
  EXPECT_EQ(peek(padded(most)), Peek::Tls);
  EXPECT_EQ(peek(padded(most + 1)), Peek::Malformed);
  EXPECT_EQ(peek(padded(most + 1).substr(0, limits::kClientHello - 1)), Peek::NeedMore);
  EXPECT_EQ(peek(padded(most + 1).substr(0, limits::kClientHello)), Peek::Malformed);
}

}  // namespace
}  // namespace veilwire::wire
