#include "userspace/sealing/session_sealer.h"

#include "tests/unit/sealing/made_auditor.h"
#include "userspace/sealing/key_wrap.h"

#include <cstdint>
#include <fstream>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::sealing {
namespace {

using namespace testing;

const crypto::Digest kHeader = crypto::sha256("a head");

Auditors auditors() {
  return std::move(*Auditors::load(std::vector{ada().certificate, bob().certificate}, at()));
}

BodyIdentity body(std::uint64_t exchange, BodyDirection direction = BodyDirection::Request) {
  return {"host", "writer", "session", exchange, direction};
}

TEST(SessionSealer, SealsWhatAnAuditorOpens) {
  auto sealer = SessionSealer::make(auditors(), crypto::system_random(), at());
  ASSERT_TRUE(sealer);
  EXPECT_EQ(sealer->wrapped().recipients, auditors().recipients());
  std::vector<std::pair<BodyIdentity, Chunk>> ledger;
  for (const std::uint64_t exchange : {1U, 2U, 5U})
    for (const BodyDirection direction : {BodyDirection::Request, BodyDirection::Response}) {
      BodySealer sealing = sealer->body(body(exchange, direction), kHeader);
      EXPECT_TRUE(sealing.write("exchange " + std::to_string(exchange)).empty());
      ledger.emplace_back(body(exchange, direction), sealing.finish());
    }
  for (const MadeAuditor& auditor : {ada(), bob()}) {
    const auto key = unwrap_key(sealer->wrapped(), auditor.certificate, auditor.key);
    ASSERT_TRUE(key);
    for (const auto& [identity, chunk] : ledger) {
      BodyOpener opener(*key, identity, kHeader);
      const auto text = opener.open(chunk);
      ASSERT_TRUE(text);
      EXPECT_EQ(text->reveal(), "exchange " + std::to_string(identity.exchange));
      EXPECT_TRUE(opener.finish());
    }
  }
}

TEST(SessionSealer, IsNotMadeForAnAuditorWhoHasExpired) {
  const auto sealer =
      SessionSealer::make(auditors(), crypto::system_random(), at(std::chrono::hours(2)));
  ASSERT_FALSE(sealer);
  EXPECT_EQ(to_string(sealer.error()), "auditor 1 (CN=Ada): its time is over");
}

TEST(SessionSealerDeathTest, SealsNoBodyTwice) {
  auto sealer = SessionSealer::make(auditors(), crypto::system_random(), at());
  ASSERT_TRUE(sealer);
  (void)sealer->body(body(3), kHeader);
  (void)sealer->body(body(3, BodyDirection::Response), kHeader);
  EXPECT_DEATH((void)sealer->body(body(3), kHeader), "");
  EXPECT_DEATH((void)sealer->body(body(2), kHeader), "");
  EXPECT_DEATH((void)sealer->body(body(0), kHeader), "");
  (void)sealer->body(body(4), kHeader);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
TEST(SessionSealer, LeavesNoKeyAndNoTextInMemory) {
  GTEST_SKIP() << "a sanitizer keeps what has been freed";
}
#else
// What is looked for, in a form that is not what is looked for; and only from its sixteenth byte
// on, since the allocator writes over the beginning of what is freed.
constexpr char kVeil = 0x5a;
constexpr std::size_t kLeftAlone = 16;

std::string veil(std::string_view bytes) {
  std::string veiled;
  for (const char c : bytes.substr(kLeftAlone)) veiled.push_back(static_cast<char>(c ^ kVeil));
  return veiled;
}

// The places in writable memory where the veiled bytes stand unveiled. Nothing here copies them.
std::size_t count_in_memory(const std::string& veiled) {
  std::size_t count = 0;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    std::uintptr_t from = 0, to = 0;
    std::string permissions;
    char dash = 0;
    if (!(fields >> std::hex >> from >> dash >> to >> permissions)) continue;
    if (!permissions.starts_with("rw")) continue;
    const auto* const memory = reinterpret_cast<const volatile char*>(from);
    for (std::size_t i = 0; i + veiled.size() <= to - from; ++i) {
      std::size_t n = 0;
      while (n < veiled.size() && static_cast<char>(memory[i + n] ^ kVeil) == veiled[n]) ++n;
      if (n == veiled.size()) ++count;
    }
  }
  return count;
}

// Byte i of a pattern that stands nowhere else.
char byte_of(std::size_t i, unsigned seed) {
  return static_cast<char>((i * 2654435761U + seed * 40503U) >> 7);
}
std::string veiled_pattern(unsigned seed) {
  std::string out;
  for (std::size_t i = kLeftAlone; i < 32; ++i)
    out.push_back(static_cast<char>(byte_of(i, seed) ^ kVeil));
  return out;
}
std::string pattern(unsigned seed) {
  std::string out(32, '\0');
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = byte_of(i, seed);
  return out;
}

constexpr unsigned kKeySeed = 1, kTextSeed = 2;

// Wiped by the caller's own hand, as who reads a socket does.
void write_text(BodySealer& body) {
  std::string text = pattern(kTextSeed);
  (void)body.write(text);
  wipe(text.data(), text.size());
}

TEST(SessionSealer, LeavesNoKeyAndNoTextInMemory) {
  const std::string key = veiled_pattern(kKeySeed), text = veiled_pattern(kTextSeed);
  const crypto::RandomSource random = [](std::span<std::uint8_t> out) {
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<std::uint8_t>(byte_of(i, kKeySeed));
  };
  const Auditors known = auditors();
  const std::string body_key = veil(SessionKey::generate(random).body_key(body(1)).reveal());
  EXPECT_EQ(count_in_memory(key), 0U);
  EXPECT_EQ(count_in_memory(body_key), 0U);
  std::optional<BodySealer> open_body;
  {
    auto sealer = SessionSealer::make(known, random, at());
    ASSERT_TRUE(sealer);
    EXPECT_EQ(count_in_memory(key), 1U);
    open_body.emplace(sealer->body(body(1), kHeader));
    write_text(*open_body);
    EXPECT_EQ(count_in_memory(text), 1U);
    EXPECT_TRUE(open_body->flush());
    write_text(*open_body);
  }
  EXPECT_EQ(count_in_memory(key), 0U);
  EXPECT_EQ(count_in_memory(text), 1U);
  open_body.reset();
  EXPECT_EQ(count_in_memory(text), 0U);
  EXPECT_EQ(count_in_memory(body_key), 0U);
}
#endif

}  // namespace
}  // namespace veilwire::sealing
