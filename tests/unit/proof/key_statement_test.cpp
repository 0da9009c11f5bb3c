#include "userspace/proof/key_statement.h"

#include <gtest/gtest.h>

namespace veilwire::proof {
namespace {

NoteSigner make_signer() {
  return *NoteSigner::make("log.example", NoteKeyKind::Log, crypto::PrivateKey::generate_ed25519());
}

Note statement_of(const NoteSigner& key, const std::string& origin) {
  return {.text = to_text(KeyStatement{origin, key.verifier().to_string()}), .signatures = {}};
}

TEST(KeyStatement, IsReadAsItWasWritten) {
  const KeyStatement statement{"veilwire/host/log", "name+00000000+AAAA"};
  EXPECT_EQ(to_text(statement), "veilwire/host/log\ncheckpoint key\nname+00000000+AAAA\n");
  EXPECT_EQ(parse_key_statement(to_text(statement)), statement);
}

TEST(KeyStatement, IsNothingElse) {
  for (const char* text :
       {"", "\n", "a\ncheckpoint key\n", "a\ncheckpoint key\n\n", "\ncheckpoint key\nb\n",
        "a\ncheckpoint key\nb", "a\ncheckpoint key\nb\nc\n", "x\na\ncheckpoint key\nb\n",
        "a\n5\nAAAA\n", "a\nCheckpoint key\nb\n"})
    EXPECT_FALSE(parse_key_statement(text)) << text;
}

TEST(KeyStatement, CountsWhereItsOwnKeyHasSignedIt) {
  const NoteSigner key = make_signer(), other = make_signer();
  Note note = statement_of(key, "a");
  EXPECT_FALSE(stated_key(note));
  note.signatures = {other.sign(note.text)};
  EXPECT_FALSE(stated_key(note));
  note.signatures.push_back(key.sign(note.text));
  const auto stated = stated_key(note);
  ASSERT_TRUE(stated);
  EXPECT_EQ(stated->origin, "a");
  EXPECT_EQ(stated->key.key_id(), key.verifier().key_id());
  note.text = to_text(KeyStatement{"b", key.verifier().to_string()});
  EXPECT_FALSE(stated_key(note));
}

}  // namespace
}  // namespace veilwire::proof
