#include "userspace/audit/parse.h"

#include "tests/unit/audit/sample_records.h"

#include <random>
#include <set>

#include <gtest/gtest.h>

namespace veilwire::audit {
namespace {

constexpr std::string_view kWriter = "0123456789abcdef0123456789abcdef";

std::string again(std::string_view json) {
  const auto parsed = parse_record(json);
  if (!parsed) return std::string(to_string(parsed.error()));
  return canonical(parsed->record, parsed->writer, parsed->seq);
}

TEST(ParseRecord, GivesEveryKindBackAsItWas) {
  std::set<std::size_t> kinds;
  std::uint64_t seq = 0;
  for (const Record& record : sample_records()) {
    kinds.insert(record.body.index());
    const std::string bytes = canonical(record, kWriter, ++seq);
    EXPECT_EQ(again(bytes), bytes);
    const auto parsed = parse_record(bytes);
    ASSERT_TRUE(parsed) << bytes;
    EXPECT_EQ(parsed->seq, seq);
    EXPECT_EQ(parsed->writer, kWriter);
    EXPECT_EQ(kind(parsed->record), kind(record));
    EXPECT_EQ(parsed->record.time.wall, record.time.wall);
    EXPECT_EQ(parsed->record.time.mono, record.time.mono);
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Body>);
}

TEST(ParseRecord, TheKernelsNumberOfAProcessIsThereWhereItIsAnother) {
  identity::Peer peer = sample_peer();
  const auto bytes_of = [](const identity::Peer& who) {
    return canonical(sample(SessionOpen{.peer = who,
                                        .destination = "203.0.113.7:443",
                                        .server_name = {},
                                        .handling = "intercepted",
                                        .tls = {}}),
                     kWriter, 1);
  };
  EXPECT_EQ(bytes_of(peer).find("kernel_tgid"), std::string::npos);
  peer.kernel_tgid = 987654;
  const std::string bytes = bytes_of(peer);
  EXPECT_NE(bytes.find(R"("kernel_tgid":987654,"loginuid":)"), std::string::npos) << bytes;
  EXPECT_EQ(again(bytes), bytes);
  const auto parsed = parse_record(bytes);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(std::get<SessionOpen>(parsed->record.body).peer.tgid, 4321U);
}

TEST(ParseRecord, GivesBytesThatAreNotUtf8BackExactly) {
  std::string every_byte;
  for (int i = 0; i < 256; ++i) every_byte += static_cast<char>(i);
  const std::string bytes = canonical(
      sample(ResponseFragment{.offset = 3, .content = every_byte, .masks = {}}), kWriter, 1);
  const auto parsed = parse_record(bytes);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(std::get<ResponseFragment>(parsed->record.body).content, every_byte);
  EXPECT_EQ(again(bytes), bytes);

  RequestHead head{.person = sample_person(),
                   .service = "s",
                   .method = "GET",
                   .target = "/\xff",
                   .fields = {{"x\xfe", "\xfd"}},
                   .model = {},
                   .mcp_method = {},
                   .tool = {},
                   .policy_digest = {}};
  head.person.groups.push_back("\xfc");
  const std::string odd = canonical(sample(head), kWriter, 2);
  EXPECT_EQ(again(odd), odd);
}

TEST(ParseRecord, ACredentialIsNamedWhereThereIsOne) {
  Record record = sample(RequestHead{.person = sample_person(),
                                     .service = "s",
                                     .method = "GET",
                                     .target = "/",
                                     .fields = {},
                                     .model = {},
                                     .mcp_method = {},
                                     .tool = {},
                                     .policy_digest = {}});
  EXPECT_EQ(canonical(record, kWriter, 1).find("credential"), std::string::npos);
  std::get<RequestHead>(record.body).credential = "all-staff";
  const std::string bytes = canonical(record, kWriter, 1);
  EXPECT_EQ(again(bytes), bytes);
  EXPECT_EQ(std::get<RequestHead>(parse_record(bytes)->record.body).credential, "all-staff");
}

TEST(ParseRecord, KeepsValuesThatADoubleWouldRound) {
  const auto parsed = parse_record(canonical(sample_records()[0], kWriter, 1));
  ASSERT_TRUE(parsed);
  const auto& peer = std::get<SessionOpen>(parsed->record.body).peer;
  EXPECT_EQ(peer.exe_inode, 18446744073709551615U);
  EXPECT_EQ(peer.cgroup_id, 9007199254740993U);
}

TEST(ParseRecord, RefusesWhatIsNoRecord) {
  const auto error = [](std::string_view json) {
    const auto parsed = parse_record(json);
    return parsed ? "accepted" : to_string(parsed.error());
  };
  for (const char* json :
       {"", "x", "null", "[]", "\"a\"", "{", "{}}", "{\"v\":1}\xff", "[[[[[[[["}) {
    EXPECT_EQ(error(json), to_string(ParseError::NotJson)) << json;
  }
  for (const char* json :
       {"{}", R"({"v":0})", R"({"v":3})", R"({"v":"1"})", R"({"v":1.0})", R"({"v":-1})"}) {
    EXPECT_EQ(error(json), to_string(ParseError::WrongVersion)) << json;
  }
  EXPECT_EQ(error(R"({"v":1})"), to_string(ParseError::WrongMember));
  EXPECT_EQ(error(R"({"v":1,"kind":"other"})"), to_string(ParseError::UnknownKind));
  EXPECT_EQ(error(R"({"v":1,"kind":"gap"})"), to_string(ParseError::WrongMember));
  EXPECT_EQ(error(std::string(kRecordBytes + 1, ' ')), to_string(ParseError::TooLarge));
  EXPECT_EQ(error(std::string(kRecordBytes, '[')), to_string(ParseError::NotJson));
}

// A ledger outlives the program that wrote it.
TEST(ParseRecord, ReadsAPersonOfTheFirstVersion) {
  const auto parsed = parse_record(
      R"({"boot":"b00t","exchange":1,"fields":[],"host":"3f6c1d0e","kind":"request.head",)"
      R"("mcp_method":"","method":"POST","model":"","person":{"class":"derived","groups":[],)"
      R"("issuer":"local","method":"local","name":"ada as root","subject":"1000"},)"
      R"("policy_digest":"","seq":2,"service":"anthropic","session":"00c0ffee00c0ffee",)"
      R"("t_mono_us":5000001,"t_wall_ns":"1795456800123456789","target":"/","tool":"","v":1,)"
      R"("writer":"0123456789abcdef0123456789abcdef"})");
  ASSERT_TRUE(parsed);
  const auto& person = std::get<RequestHead>(parsed->record.body).person;
  EXPECT_EQ(display_name(person), "ada as root");
  EXPECT_EQ(person.confirmed_at, parsed->record.time.mono);
  EXPECT_EQ(person.standing, identity::Standing::Fresh);
}

TEST(ParseRecord, AnAgeIsSinceTheWord) {
  for (const Record& record : sample_records()) {
    const auto* sent = std::get_if<IdentityChange>(&record.body);
    if (sent == nullptr) continue;
    const auto parsed = parse_record(canonical(record, kWriter, 1));
    ASSERT_TRUE(parsed);
    const auto& person = std::get<IdentityChange>(parsed->record.body).person;
    EXPECT_EQ(parsed->record.time.mono - person.confirmed_at, std::chrono::milliseconds(305'000));
    EXPECT_EQ(person.running_as, "root");
    EXPECT_EQ(person.inside_uid, 0U);
    EXPECT_EQ(person.standing, identity::Standing::Cached);
  }
}

TEST(ParseRecord, EveryStandingThatPassesHasItsWord) {
  for (const auto& [standing, word] : {std::pair(identity::Standing::Fresh, "fresh"),
                                       std::pair(identity::Standing::Cached, "cached"),
                                       std::pair(identity::Standing::Stale, "stale")}) {
    identity::Person person = sample_person();
    person.standing = standing;
    const Record record =
        sample(IdentityChange{.what = "changed", .reason = {}, .answer = {}, .person = person});
    const std::string bytes = canonical(record, kWriter, 1);
    EXPECT_NE(bytes.find("\"standing\":\"" + std::string(word) + "\""), std::string::npos);
    const auto parsed = parse_record(bytes);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(std::get<IdentityChange>(parsed->record.body).person.standing, standing);
  }
}

// Each member of each kind is needed and is judged: taking it out or giving it another type is an
// error, never a crash and never a silent default.
TEST(ParseRecord, RefusesEveryMemberThatIsMissingOrOfAnotherType) {
  for (const Record& record : sample_records()) {
    const std::string bytes = canonical(record, kWriter, 1);
    std::size_t members = 0;
    for (std::size_t at = 0; (at = bytes.find("\":", at)) != std::string::npos; ++at) {
      const std::size_t name = bytes.rfind('"', at - 1);
      if (name == 0 || (bytes[name - 1] != '{' && bytes[name - 1] != ',')) continue;
      if (bytes.find(R"("content":"{)", name - 1) < at) continue;  // quoted JSON inside of a text
      // There only where they say something.
      const std::string_view member = std::string_view(bytes).substr(name + 1, at - name - 1);
      const bool optional = member == "mode" || member == "observed" ||
                            (member == "would" && bytes[bytes.find('"', at + 3) + 1] != '}');
      std::string renamed = bytes;
      renamed.insert(at, "!");
      EXPECT_EQ(parse_record(renamed).has_value(), optional) << renamed;
      std::string retyped = bytes;
      retyped.insert(at + 2, "null,\"!\":");
      EXPECT_FALSE(parse_record(retyped)) << retyped;
      ++members;
    }
    EXPECT_GE(members, 11U) << bytes;
  }
}

TEST(ParseRecord, RefusesNumbersOutOfRange) {
  const std::string open = canonical(sample_records()[0], kWriter, 1);
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string changed = open;
    changed.replace(changed.find(from), from.size(), to);
    return changed;
  };
  ASSERT_TRUE(parse_record(with(R"("uid":1000)", R"("uid":4294967295)")));
  EXPECT_FALSE(parse_record(with(R"("uid":1000)", R"("uid":4294967296)")));
  EXPECT_FALSE(parse_record(with(R"("uid":1000)", R"("uid":-1)")));
  EXPECT_FALSE(parse_record(with(R"("uid":1000)", R"("uid":1e3)")));
  EXPECT_FALSE(parse_record(with(R"("seq":1)", R"("seq":9007199254740992)")));
  EXPECT_FALSE(parse_record(with("18446744073709551615", "18446744073709551616")));
  EXPECT_FALSE(parse_record(with("18446744073709551615", "0x1")));
  EXPECT_FALSE(parse_record(with("18446744073709551615", " 1")));
  EXPECT_FALSE(parse_record(with(R"("t_mono_us":5000001)", R"("t_mono_us":9223372036854776)")));
}

TEST(ParseRecord, SurvivesEveryTruncationAndRandomDamage) {
  std::mt19937 random(20261123);
  for (const Record& record : sample_records()) {
    const std::string bytes = canonical(record, kWriter, 1);
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      EXPECT_FALSE(parse_record(std::string_view(bytes).substr(0, n)));
    }
    for (int i = 0; i < 500; ++i) {
      std::string damaged = bytes;
      damaged[random() % damaged.size()] = static_cast<char>(random());
      if (const auto parsed = parse_record(damaged)) {
        const std::string once = canonical(parsed->record, parsed->writer, parsed->seq);
        EXPECT_EQ(again(once), once);
      }
    }
  }
}

}  // namespace
}  // namespace veilwire::audit
