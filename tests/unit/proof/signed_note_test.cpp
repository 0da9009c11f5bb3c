// What is signed verifies, every change of it does not, and the notes and keys of another
// implementation are read as they are.
#include "userspace/proof/signed_note.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::proof {
namespace {

NoteSigner signer(const std::string& name, NoteKeyKind kind = NoteKeyKind::Log) {
  return *NoteSigner::make(name, kind, crypto::PrivateKey::generate_ed25519());
}
std::vector<NoteVerifier> known(const std::vector<const NoteSigner*>& signers) {
  std::vector<NoteVerifier> out;
  for (const NoteSigner* s : signers) out.push_back(s->verifier());
  return out;
}
NoteVerifier verifier(std::string_view text) {
  return std::move(NoteVerifier::parse(text)).value();
}

// The example of golang.org/x/mod/sumdb/note.
TEST(SignedNote, OfAnotherImplementationVerifies) {
  std::vector<NoteVerifier> keys;
  keys.push_back(verifier("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"));
  const std::string bytes =
      "If you think cryptography is the answer to your problem,\n"
      "then you don't know what your problem is.\n"
      "\n"
      "\xE2\x80\x94 PeterNeumann "
      "x08go/ZJkuBS9UG/"
      "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
  const auto note = parse_note(bytes);
  ASSERT_TRUE(note);
  EXPECT_EQ(to_string(*note), bytes);
  ASSERT_TRUE(verify_note(*note, keys));
  EXPECT_EQ(verify_note(*note, keys)->size(), 1U);
}

TEST(SignedNote, KeysAreSpelledAsOthersSpellThem) {
  const std::string text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
  EXPECT_EQ(verifier(text).to_string(), text);
  const NoteSigner one = signer("host.example/a");
  EXPECT_EQ(verifier(one.verifier().to_string()).key_id(), one.verifier().key_id());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = static_cast<char>(other[i] ^ 1);
    EXPECT_FALSE(NoteVerifier::parse(other)) << other;
  }
  for (const std::string bad :
       {"", "a", "a+b", "+033de0ae+Ac4z", "a b+033de0ae+Ac4z", "a+033de0ae+"})
    EXPECT_FALSE(NoteVerifier::parse(bad)) << bad;
}

TEST(SignedNote, SeesEveryChange) {
  const NoteSigner log = signer("log.example");
  const auto keys = known({&log});
  Note note{"origin\n12\nroot\n", {}};
  note.signatures.push_back(log.sign(note.text));
  const std::string bytes = to_string(note);
  ASSERT_TRUE(verify_note(*parse_note(bytes), keys));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const char flip : {'\x01', '\x20'}) {
      std::string other = bytes;
      other[i] = static_cast<char>(other[i] ^ flip);
      const auto parsed = parse_note(other);
      EXPECT_FALSE(parsed && verify_note(*parsed, keys)) << i;
    }
  }
}

TEST(SignedNote, IgnoresKeysThatItDoesNotKnow) {
  const NoteSigner log = signer("log.example"), other = signer("log.example"),
                   third = signer("third.example");
  Note note{"text\n", {}};
  note.signatures = {other.sign(note.text), log.sign(note.text), third.sign("something else\n")};
  const auto verified = verify_note(note, known({&log}));
  ASSERT_TRUE(verified);
  ASSERT_EQ(verified->size(), 1U);
  EXPECT_EQ((*verified)[0].verifier, 0U);
  EXPECT_EQ(verify_note(note, {}).error(), NoteError::NoKnownKey);
  EXPECT_EQ(verify_note(note, known({&log, &third})).error(), NoteError::BadSignature);
}

TEST(SignedNote, OfAWitnessHasATimeThatIsSigned) {
  const NoteSigner witness = signer("witness.example", NoteKeyKind::Witness);
  const auto keys = known({&witness});
  Note note{"origin\n0\nroot\n", {}};
  note.signatures.push_back(witness.sign(note.text, 1679315147));
  EXPECT_EQ(verify_note(note, keys)->at(0).time, 1679315147U);
  for (std::size_t i = 0; i < note.signatures[0].bytes.size(); ++i) {
    Note other = note;
    other.signatures[0].bytes[i] = static_cast<char>(other.signatures[0].bytes[i] ^ 1);
    EXPECT_EQ(verify_note(other, keys).error(), NoteError::BadSignature) << i;
  }
  note.signatures[0].bytes.pop_back();
  EXPECT_EQ(verify_note(note, keys).error(), NoteError::BadSignature);
}

// The same key for another purpose is another key.
TEST(SignedNote, OfALogIsNoWitness) {
  const auto pem = crypto::PrivateKey::generate_ed25519().to_pem();
  const auto as = [&](NoteKeyKind kind) {
    return *NoteSigner::make("one", kind, *crypto::PrivateKey::from_pem(pem.reveal()));
  };
  const NoteSigner log = as(NoteKeyKind::Log), witness = as(NoteKeyKind::Witness);
  Note note{"text\n", {log.sign("text\n")}};
  EXPECT_EQ(verify_note(note, known({&witness})).error(), NoteError::NoKnownKey);
}

TEST(SignedNote, HasOneForm) {
  const NoteSigner log = signer("log.example");
  const std::string line = to_string(log.sign("text\n")) + "\n";
  EXPECT_TRUE(parse_note("text\n\n" + line));
  EXPECT_TRUE(parse_note("text\n\nmore\n\n" + line + line));
  EXPECT_EQ(parse_note("text\n\nmore\n\n" + line)->text, "text\n\nmore\n");
  const std::vector<std::string> others = {
      std::string(),
      line,
      "text\n" + line,
      "text\n\n",
      "text\r\n\n" + line,
      "text\n\n" + line.substr(0, line.size() - 1),
      "text\n\n" + line + "\n",
      "te\tt\n\n" + line,
      "t\xFF\n\n" + line,
      "text\n\n" + line + "more\n",
      std::string("text\n\n\xE2\x80\x94 log.example \n"),
      std::string("text\n\n\xE2\x80\x94 log.example AAAAAA==\n"),
      std::string("text\n\n\xE2\x80\x94  AAAAAAAA\n"),
      std::string("text\n\n\xE2\x80\x94 a+b AAAAAAAA\n"),
      std::string("text\n\n- log.example AAAAAAAA\n")};
  for (const std::string& bad : others) EXPECT_FALSE(parse_note(bad)) << bad;
  std::string many = "text\n\n";
  for (std::size_t i = 0; i < kNoteSignatures; ++i) many += line;
  EXPECT_TRUE(parse_note(many));
  EXPECT_EQ(parse_note(many + line).error(), NoteError::TooLarge);
  EXPECT_EQ(parse_note(std::string(kNoteBytes, 'x') + "\n\n" + line).error(), NoteError::TooLarge);
}

TEST(SignedNote, NamesOfKeysHaveNoSpaces) {
  for (const std::string_view good : {"a", "example.com/log", "\xC3\xA4"})
    EXPECT_TRUE(is_key_name(good));
  for (const std::string_view bad :
       {"", "a b", "a+b", "a\n", "a\xC2\xA0", "\xE2\x80\xA8", "\xE3\x80\x80", "\x7F\xFF", "a\x01"})
    EXPECT_FALSE(is_key_name(bad)) << bad;
  EXPECT_FALSE(NoteSigner::make("a b", NoteKeyKind::Log, crypto::PrivateKey::generate_ed25519()));
  EXPECT_FALSE(NoteSigner::make("a", NoteKeyKind::Log, crypto::PrivateKey::generate()));
}

}  // namespace
}  // namespace veilwire::proof
