#include "userspace/sealing/auditors.h"

#include "tests/unit/sealing/made_auditor.h"
#include "userspace/base/ascii.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace veilwire::sealing {
namespace {

using namespace testing;
using namespace std::chrono_literals;

std::string problem_of(const std::vector<std::string>& certificates, WallTime now = at()) {
  const auto auditors = Auditors::load(certificates, now);
  return auditors ? "none" : to_string(auditors.error());
}
// Of a certificate that stands beside a good one.
std::string problem_with(const Key& key, const CertificateForm& form = {}) {
  return problem_of({bob().certificate, make_auditor(key, form).certificate});
}

TEST(Auditors, AreNamedByIssuerAndSerialNumber) {
  const auto auditors =
      Auditors::load(std::vector{ada().certificate, bob().certificate, cleo().certificate}, at());
  ASSERT_TRUE(auditors);
  const std::string issuer = "CN=Audit\\, Authority";
  std::vector<std::string> serials;
  for (const Recipient& recipient : auditors->recipients()) {
    EXPECT_EQ(recipient.issuer, issuer);
    serials.push_back(recipient.serial);
  }
  EXPECT_EQ(serials, (std::vector<std::string>{"0ada", "0b0b", "c1e0"}));
  const Recipient& first = auditors->recipients().front();
  EXPECT_EQ(first.subject, "CN=Ada");
  const ScratchFolder folder;
  std::string fingerprint =
      openssl("x509 -noout -fingerprint -sha256 -in " + folder.write("ada.pem", ada().certificate))
          .value_or("");
  std::erase_if(fingerprint, [](char c) { return c == ':' || c == '\n'; });
  EXPECT_EQ(to_lower(fingerprint), "sha256 fingerprint=" + first.fingerprint);
}

TEST(Auditors, AreTwoAtLeastAndSixteenAtMost) {
  const std::string few =
      "originals are sealed for two auditors at least, so that one lost key loses nothing";
  EXPECT_EQ(problem_of({}), few);
  EXPECT_EQ(problem_of({ada().certificate}), few);
  EXPECT_EQ(problem_of({ada().certificate, bob().certificate}), "none");
  std::vector<std::string> many;
  while (many.size() < kMostAuditors)
    many.push_back(
        make_auditor(p256(), {.serial = static_cast<long>(many.size() + 1)}).certificate);
  EXPECT_EQ(problem_of(many), "none");
  many.push_back(ada().certificate);
  EXPECT_EQ(problem_of(many), "originals are sealed for 16 auditors at most");
}

TEST(Auditors, OneWhoStandsThereTwiceIsOne) {
  const std::string again =
      ": its key, or its issuer and serial number, is that of a certificate before it";
  EXPECT_EQ(problem_of({ada().certificate, ada().certificate}), "auditor 2 (CN=Ada)" + again);
  const Key key = p256();
  EXPECT_EQ(problem_of({make_auditor(key, {.serial = 1}).certificate, bob().certificate,
                        make_auditor(key, {.name = "Ada again", .serial = 2}).certificate}),
            "auditor 3 (CN=Ada again)" + again);
  EXPECT_EQ(problem_of({make_auditor(p256(), {.serial = 7}).certificate,
                        make_auditor(p256(), {.name = "Eve", .serial = 7}).certificate}),
            "auditor 2 (CN=Eve)" + again);
}

TEST(Auditors, CertificatesCountInTheirTimeOnly) {
  const Key key = p256();
  EXPECT_EQ(problem_with(key, {.to = 1s}), "none");
  EXPECT_EQ(problem_with(key, {.to = 0s}), "auditor 2 (CN=Ada): its time is over");
  EXPECT_EQ(problem_with(key, {.from = 0s}), "none");
  EXPECT_EQ(problem_with(key, {.from = 1s}), "auditor 2 (CN=Ada): its time has not begun");
}

TEST(Auditors, OneWhoExpiresLaterEndsTheWrapping) {
  const auto auditors = Auditors::load(
      std::vector{ada().certificate, make_auditor(p256(), {.name = "Dan", .to = 60s}).certificate},
      at());
  ASSERT_TRUE(auditors);
  const SessionKey key = SessionKey::generate(crypto::system_random());
  EXPECT_TRUE(auditors->wrap(key, at(59s)));
  const auto late = auditors->wrap(key, at(60s));
  ASSERT_FALSE(late);
  EXPECT_EQ(to_string(late.error()), "auditor 2 (CN=Dan): its time is over");
}

TEST(Auditors, KeyUsageMustAllowIt) {
  const std::string refused =
      "auditor 2 (CN=Ada): its keyUsage does not have keyAgreement (P-256) or keyEncipherment "
      "(RSA)";
  const Key curve = p256(), modulus = rsa();
  EXPECT_EQ(problem_with(curve, {.usage = "keyAgreement"}), "none");
  EXPECT_EQ(problem_with(curve, {.usage = "digitalSignature, keyAgreement"}), "none");
  EXPECT_EQ(problem_with(curve, {.usage = "digitalSignature"}), refused);
  EXPECT_EQ(problem_with(curve, {.usage = "keyEncipherment"}), refused);
  EXPECT_EQ(problem_with(modulus, {.usage = "keyEncipherment"}), "none");
  EXPECT_EQ(problem_with(modulus, {.usage = "digitalSignature"}), refused);
  EXPECT_EQ(problem_with(modulus, {.usage = "keyAgreement"}), refused);
}

TEST(Auditors, KeysAreOnP256OrRsaOf2048BitsAtLeast) {
  const std::string unknown = "auditor 2 (CN=Ada): its key is neither on P-256 nor RSA";
  EXPECT_EQ(problem_with(own(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384"))), unknown);
  EXPECT_EQ(problem_with(own(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "secp256k1"))), unknown);
  EXPECT_EQ(problem_with(own(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"))), unknown);
  EXPECT_EQ(problem_with(own(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"))), unknown);
  EXPECT_EQ(problem_with(rsa(2047)), "auditor 2 (CN=Ada): its RSA key has not 2048 to 8192 bits");
  // For signatures alone (RFC 4055, 1.2).
  const crypto::Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> pss(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA-PSS", nullptr));
  EVP_PKEY* key = nullptr;
  ASSERT_EQ(EVP_PKEY_keygen_init(pss.get()), 1);
  ASSERT_EQ(EVP_PKEY_keygen(pss.get(), &key), 1);
  EXPECT_EQ(problem_with(own(key)), unknown);
}

TEST(Auditors, AreReadFromOneCertificateEach) {
  const std::string none = "auditor 2: not one X.509 certificate in PEM";
  EXPECT_EQ(problem_of({ada().certificate, "# Bob\n" + bob().certificate}), "none");
  EXPECT_EQ(problem_of({ada().certificate, bob().certificate + cleo().certificate}), none);
  EXPECT_EQ(problem_of({ada().certificate, bob().key}), none);
  EXPECT_EQ(problem_of({ada().certificate, "garbage"}), none);
  EXPECT_EQ(problem_of({ada().certificate, ""}), none);
  EXPECT_EQ(
      problem_of({ada().certificate, bob().certificate.substr(0, bob().certificate.size() / 2)}),
      none);
}

}  // namespace
}  // namespace veilwire::sealing
