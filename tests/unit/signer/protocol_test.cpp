#include "agent/host/protocol/signer.h"

#include <gtest/gtest.h>

namespace veilwire::host::protocol {
namespace {

using namespace std::chrono_literals;

SignerRequest request() { return {0x0123456789abcdef, "api.example.test", std::string(91, 'k')}; }
SignerReply reply() {
  return {7,
          SignerStatus::Signed,
          {std::string(900, 'a'), "b", std::string(2000, 'c')},
          {1'800'000'000s}};
}

TEST(SignerProtocol, SurvivesARoundTrip) {
  EXPECT_EQ(decode_signer_request(*encode(request())), request());
  EXPECT_EQ(decode_signer_reply(*encode(reply())), reply());
  for (std::uint16_t s = 1; s < kSignerStatuses; ++s) {
    const SignerReply refused{8, static_cast<SignerStatus>(s), {}, {}};
    EXPECT_EQ(decode_signer_reply(*encode(refused)), refused);
    EXPECT_FALSE(to_string(refused.status).empty());
  }
}

TEST(SignerProtocol, DoesNotEncodeWhatDoesNotFit) {
  SignerRequest long_name = request(), long_key = request();
  long_name.name = std::string(kSignerName + 1, 'a');
  long_key.spki = std::string(kSignerKey + 1, 'k');
  EXPECT_FALSE(encode(long_name));
  EXPECT_FALSE(encode(long_key));
  SignerReply many = reply(), large = reply(), empty = reply();
  many.chain.assign(kSignerCertificates + 1, "x");
  large.chain = {std::string(kSignerChain, 'x'), "y"};
  empty.chain.push_back("");
  EXPECT_FALSE(encode(many));
  EXPECT_FALSE(encode(large));
  EXPECT_FALSE(encode(empty));
  large.chain.pop_back();
  EXPECT_EQ(decode_signer_reply(*encode(large)), large);
}

TEST(SignerProtocol, RefusesOtherSizesVersionsAndKinds) {
  const std::string good_request = *encode(request()), good_reply = *encode(reply());
  for (const std::string& bad :
       {std::string(), good_request.substr(1), good_request + "x", good_reply}) {
    EXPECT_FALSE(decode_signer_request(bad));
  }
  EXPECT_FALSE(decode_signer_reply(good_request));
  EXPECT_FALSE(decode_signer_reply(good_reply.substr(0, good_reply.size() - 1)));
  std::string other_version = good_request;
  other_version[4] = 2;
  EXPECT_FALSE(decode_signer_request(other_version));
}

TEST(SignerProtocol, RefusesLengthsThatLie) {
  const auto with = [](std::string message, std::size_t at, std::uint16_t value) {
    message[at] = static_cast<char>(value & 0xff);
    message[at + 1] = static_cast<char>(value >> 8);
    return message;
  };
  const std::string q = *encode(request()), r = *encode(reply());
  EXPECT_FALSE(decode_signer_request(with(q, 16, kSignerName + 1)));
  EXPECT_FALSE(decode_signer_request(with(q, 16, 0xffff)));
  EXPECT_FALSE(decode_signer_request(with(q, 18, kSignerKey + 1)));
  EXPECT_FALSE(decode_signer_reply(with(r, 6, kSignerStatuses)));
  EXPECT_FALSE(decode_signer_reply(with(r, 6, 1)));   // a refusal with a chain
  EXPECT_FALSE(decode_signer_reply(with(r, 24, 0)));  // signed, without one
  EXPECT_FALSE(decode_signer_reply(with(r, 24, kSignerCertificates + 1)));
  EXPECT_FALSE(decode_signer_reply(with(r, 26, 0)));
  EXPECT_FALSE(decode_signer_reply(with(r, 26, 0xffff)));
  EXPECT_FALSE(decode_signer_reply(with(r, 22, 0xffff)));  // a time before 1970
  EXPECT_FALSE(decode_signer_reply(with(r, 22, 0x7fff)));  // and after 9999
}

}  // namespace
}  // namespace veilwire::host::protocol
