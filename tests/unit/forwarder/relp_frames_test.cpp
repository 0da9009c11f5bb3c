#include "agent/forwarder/relp_frames.h"

#include "tests/support/every_split.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::forwarder {
namespace {

TEST(RelpFrames, AreWrittenAsTheirDescriptionSays) {
  EXPECT_EQ(relp_frame(1, "open", "relp_version=0"), "1 open 14 relp_version=0\n");
  EXPECT_EQ(relp_frame(999'999'999, "close", ""), "999999999 close 0\n");
}

// "transaction command data|" for each, then what went wrong.
std::string read(const testing::Pieces& pieces) {
  std::string out, bytes;
  for (const std::string_view piece : pieces) {
    bytes += piece;
    while (true) {
      auto frame = take_relp_frame(bytes);
      if (!frame) return out + (frame.error() == RelpError::TooLarge ? "too large" : "malformed");
      if (!*frame) break;
      out += std::to_string((*frame)->transaction) + ' ' + (*frame)->command + ' ' +
             (*frame)->data + '|';
    }
  }
  return out;
}

TEST(RelpFrames, AreReadHoweverTheyAreCut) {
  testing::every_split(
      "1 rsp 15 200 OK\nx=y\nz=1\n2 rsp 6 200 OK\n3 rsp 0\n4 rsp 0 \n0 serverclose 0\n", read);
  EXPECT_EQ(read({"1 rsp 7 200 OK\n\n2 rsp 0\n3 rsp 0 \n0 serverclose 0\n4 r"}),
            "1 rsp 200 OK\n|2 rsp |3 rsp |0 serverclose |");
}

TEST(RelpFrames, AreNothingElse) {
  for (const char* bytes :
       {"x rsp 0\n", "1 rsp x\n", "1 rsp -1\n", "1 rsp 3\nabc\n", "1 rsp 3 abcd\n", "1  rsp 0\n",
        " 1 rsp 0\n", "1 r2p 0\n", "1234567890 rsp 0\n", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3",
        "1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
    EXPECT_EQ(read({bytes, std::string(60, ' ')}), "malformed") << bytes;
  }
  EXPECT_EQ(read({"1 rsp 65537 "}), "too large");
}

TEST(RelpFrames, SayWhatBecameOfAMessage) {
  const auto code = [](const char* data) {
    return RelpFrame{.transaction = 1, .command = "rsp", .data = data}.code();
  };
  EXPECT_EQ(code("200 OK"), 200);
  EXPECT_EQ(code("500"), 500);
  EXPECT_EQ(code("500 no"), 500);
  for (const char* none : {"", "20", "2000", "OK", "20x", "200OK"})
    EXPECT_EQ(code(none), std::nullopt) << none;
}

}  // namespace
}  // namespace veilwire::forwarder
