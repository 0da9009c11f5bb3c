#include "userspace/sealing/key_wrap.h"

#include "tests/unit/sealing/made_auditor.h"
#include "userspace/sealing/auditors.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/err.h>

namespace veilwire::sealing {
namespace {

using namespace testing;

const std::string kBytes = "0123456789abcdef0123456789ABCDEF";

SessionKey key() { return *SessionKey::from_bytes(Secret(std::string(kBytes))); }

WrappedKey wrapped(const std::vector<MadeAuditor>& auditors = {ada(), bob(), cleo()}) {
  std::vector<std::string> certificates;
  for (const MadeAuditor& auditor : auditors) certificates.push_back(auditor.certificate);
  return std::move(*Auditors::load(certificates, at())->wrap(key(), at()));
}

std::string open(const WrappedKey& wrapped, const MadeAuditor& auditor) {
  const auto key = unwrap_key(wrapped, auditor.certificate, auditor.key);
  return key ? std::string(key->bytes().reveal()) : std::string(to_string(key.error()));
}

std::string text(SealingError error) { return std::string(to_string(error)); }

class TheCommand : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(openssl("version")) << "there is no openssl command"; }

  std::string files(const MadeAuditor& auditor) const {
    return " -recip " + folder_.write("certificate.pem", auditor.certificate) + " -inkey " +
           folder_.write("key.pem", auditor.key);
  }
  std::string decrypt(const WrappedKey& wrapped, const MadeAuditor& auditor) const {
    return openssl("cms -decrypt -inform DER -in " + folder_.write("key.der", wrapped.cms) +
                   files(auditor))
        .value_or("failed");
  }
  // With the options that stand for our format.
  WrappedKey encrypt(const std::string& content, const std::string& options = "-aes256") const {
    const std::string to =
        " -recip " + folder_.write("ada.pem", ada().certificate) +
        " -keyopt ecdh_kdf_md:sha256 -recip " + folder_.write("bob.pem", bob().certificate) +
        " -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha256";
    const auto cms = openssl("cms -encrypt -binary -outform DER " + options + " -in " +
                             folder_.write("content", content) + to);
    EXPECT_TRUE(cms);
    return {key().id(), {}, cms.value_or("")};
  }

  ScratchFolder folder_;
};

TEST_F(TheCommand, OpensTheKeyForEachAuditor) {
  const WrappedKey key = wrapped();
  for (const MadeAuditor& auditor : {ada(), bob(), cleo()})
    EXPECT_EQ(decrypt(key, auditor), kBytes);
  EXPECT_EQ(decrypt(wrapped({ada(), cleo()}), bob()), "failed");
}

TEST_F(TheCommand, ShowsNothingButSha256) {
  const auto shown = openssl("cms -cmsout -print -noout -inform DER -in " +
                             folder_.write("key.der", wrapped({ada(), bob()}).cms));
  ASSERT_TRUE(shown);
  for (const char* name :
       {"pkcs7-envelopedData", "dhSinglePass-stdDH-sha256kdf-scheme", "id-aes256-wrap", "rsaesOaep",
        ":mgf1", ":sha256", "aes-256-cbc", "pkcs7-data"})
    EXPECT_NE(shown->find(name), std::string::npos) << name;
  EXPECT_EQ(shown->find("sha1"), std::string::npos);
}

TEST_F(TheCommand, WrapsWhatWeOpen) {
  const WrappedKey key = encrypt(kBytes);
  EXPECT_EQ(open(key, ada()), kBytes);
  EXPECT_EQ(open(key, bob()), kBytes);
}

TEST_F(TheCommand, WrapsWhatIsNoSessionKey) {
  for (const std::string& content :
       {std::string(), kBytes.substr(1), kBytes + "0", std::string(40'000, 'x')})
    EXPECT_EQ(open(encrypt(content), ada()), text(SealingError::CannotUnwrap)) << content.size();
  EXPECT_EQ(open(encrypt(std::string(70'000, 'x')), ada()), text(SealingError::NotWrapped));
  EXPECT_EQ(open(encrypt(kBytes, "-aes-256-gcm"), ada()), text(SealingError::NotWrapped));
  EXPECT_EQ(open(encrypt(std::string(kSessionKey, 'x')), ada()), text(SealingError::OtherKey));
}

TEST(WrappedKey, OpensForEachAuditorAndNobodyElse) {
  const WrappedKey key = wrapped();
  for (const MadeAuditor& auditor : {ada(), bob(), cleo()}) EXPECT_EQ(open(key, auditor), kBytes);
  EXPECT_EQ(open(wrapped({ada(), cleo()}), bob()), text(SealingError::NotARecipient));
  // The names of Ada, another key.
  const MadeAuditor eve = make_auditor(p256(), {.name = "Ada", .serial = 0xada});
  EXPECT_EQ(open(key, eve), text(SealingError::CannotUnwrap));
  const MadeAuditor mallory = make_auditor(rsa(), {.name = "Bob", .serial = 0xb0b});
  EXPECT_EQ(open(key, mallory), text(SealingError::CannotUnwrap));
}

TEST(WrappedKey, TakesTheCertificateAndItsOwnKey) {
  const WrappedKey key = wrapped();
  const auto refused = [&](const std::string& certificate, const std::string& private_key) {
    return open(key, {certificate, private_key});
  };
  EXPECT_EQ(refused(ada().certificate, cleo().key), text(SealingError::NotAPrivateKey));
  EXPECT_EQ(refused(ada().certificate, bob().key), text(SealingError::NotAPrivateKey));
  EXPECT_EQ(refused(ada().certificate, ""), text(SealingError::NotAPrivateKey));
  EXPECT_EQ(refused("", ada().key), text(SealingError::NotACertificate));
  const Key locked = p256();
  EXPECT_EQ(refused(make_auditor(locked).certificate, key_pem(locked, "password")),
            text(SealingError::NotAPrivateKey));
}

TEST(WrappedKey, IsAnotherEachTime) {
  EXPECT_NE(wrapped().cms, wrapped().cms);
  EXPECT_EQ(wrapped().id, wrapped().id);
}

TEST(WrappedKey, ChangedAnywhereIsTheSameKeyOrNone) {
  const WrappedKey key = wrapped({ada(), bob()});
  for (const MadeAuditor& auditor : {ada(), bob()}) {
    std::size_t same = 0;
    for (std::size_t i = 0; i < key.cms.size(); ++i) {
      WrappedKey changed = key;
      changed.cms[i] = static_cast<char>(changed.cms[i] ^ 1);
      const auto opened = unwrap_key(changed, auditor.certificate, auditor.key);
      if (!opened) continue;
      EXPECT_EQ(opened->bytes().reveal(), kBytes) << i;
      ++same;
    }
    EXPECT_LT(same, key.cms.size() * 3 / 4);  // what is wrapped for the other counts for nothing
  }
}

TEST(WrappedKey, IsOneWholeStructure) {
  const WrappedKey key = wrapped({ada(), cleo()});
  for (std::size_t size = 0; size < key.cms.size(); ++size) {
    WrappedKey cut = key;
    cut.cms.resize(size);
    EXPECT_EQ(open(cut, ada()), text(SealingError::NotWrapped)) << size;
  }
  WrappedKey longer = key;
  longer.cms.push_back('\0');
  EXPECT_EQ(open(longer, ada()), text(SealingError::NotWrapped));
}

TEST(WrappedKey, ThatTheRecordDoesNotNameIsNot) {
  WrappedKey key = wrapped({ada(), cleo()});
  key.id[0] = static_cast<char>(key.id[0] ^ 1);
  EXPECT_EQ(open(key, ada()), text(SealingError::OtherKey));
  key.id.clear();
  EXPECT_EQ(open(key, ada()), text(SealingError::OtherKey));
}

TEST(WrappedKey, LeavesNoErrorForTheNextCallOfOpenSsl) {
  const WrappedKey key = wrapped({ada(), cleo()});
  (void)open(key, bob());
  (void)open({key.id, {}, "garbage"}, ada());
  (void)Auditors::load(std::vector{ada().certificate, std::string("garbage")}, at());
  EXPECT_EQ(ERR_peek_error(), 0U);
}

}  // namespace
}  // namespace veilwire::sealing
