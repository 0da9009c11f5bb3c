// A sign-in at a SAML IdP that is not ours: its metadata, its page for the browser, its signature.
#include "tests/support/real_idp.h"

#include "agent/saml/service.h"
#include "userspace/identity/saml_person.h"

#include <chrono>
#include <regex>
#include <string>

#include <gtest/gtest.h>

namespace veilwire::saml {
namespace {

using namespace host::protocol;
using veilwire::testing::output_of;

constexpr const char* kCallback = "http://127.0.0.1:8423/saml";

WallTime now() { return {std::chrono::system_clock::now().time_since_epoch()}; }

class SamlSignIn : public ::testing::Test {
 protected:
  void SetUp() override {
    start_libraries();
    idp_.tell("options", "{}");
    renew();
  }
  void renew() {
    service_.emplace(SpSettings{"urn:example.com:veilwire", kCallback, identity::kSamlPersistent},
                     get("/metadata"), crypto::system_random());
  }
  std::string get(const std::string& target) const {
    const std::string url = target.starts_with("http") ? target : idp_.issuer() + target;
    return output_of("env -i PATH=/usr/bin:/bin curl -sS --fail --noproxy '*' '" + url + "'");
  }
  static std::string field(const std::string& page, const std::string& name) {
    std::smatch found;
    const std::regex input("name=\"" + name + "\"\\s+value=\"([^\"]*)\"");
    return std::regex_search(page, found, input) ? found[1].str() : "";
  }
  // Where the browser goes, the page that it gets there, and what the callback is sent.
  SamlAnswer sign_in() {
    const SamlAnswer begun = service_->answer({1, SamlBegin{"state", false}});
    if (!std::holds_alternative<SamlBegun>(begun.what)) return begun;
    const auto& where = std::get<SamlBegun>(begun.what);
    page_ = get(where.url);
    finish_ = {field(page_, "SAMLResponse"), where.request_id, now()};
    return service_->answer({2, finish_});
  }
  static std::string error_in(const SamlAnswer& answer) {
    const auto* refused = std::get_if<SamlRefused>(&answer.what);
    return refused == nullptr ? "" : std::string(to_string(refused->error)) + refused->said;
  }
  static std::string words(SamlError error) { return std::string(to_string(error)); }

  veilwire::testing::RealIdp idp_{VEILWIRE_SOURCE_DIR, veilwire::testing::IdpProgram::Samlp};
  std::optional<Service> service_;
  std::string page_;
  SamlFinish finish_;
};

TEST_F(SamlSignIn, SaysWhoSomebodyIsAndInWhichGroups) {
  const SamlAnswer answer = sign_in();
  const auto* got = std::get_if<identity::SamlAssertion>(&answer.what);
  ASSERT_NE(got, nullptr) << error_in(answer);
  EXPECT_NE(page_.find(std::string("action=\"") + kCallback), page_.npos) << page_;
  EXPECT_EQ(field(page_, "RelayState"), "state");
  EXPECT_EQ(got->issuer, idp_.issuer());
  EXPECT_EQ(got->subject, "7f3c");
  EXPECT_EQ(got->session_index, "_session1");
  EXPECT_EQ(got->authn_context,
            "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport");
  const auto token =
      identity::token_of(*got, {.groups_attribute = "groups", .name_attribute = "uid"}, now());
  ASSERT_TRUE(token);
  const identity::Person person = identity::person_of(*token);
  EXPECT_EQ(person.name, "alice");
  EXPECT_EQ(person.groups, (std::vector<std::string>{"developers", "staff"}));
}

TEST_F(SamlSignIn, CountsOnceAndForItsOwnRequest) {
  ASSERT_EQ(error_in(sign_in()), "");
  EXPECT_EQ(error_in(service_->answer({3, finish_})), words(SamlError::Replayed));
  finish_.in_response_to = "_other";
  EXPECT_EQ(error_in(service_->answer({3, finish_})), words(SamlError::WrongRequest));
}

TEST_F(SamlSignIn, MayBeSignedTwiceAndNotAsAWholeAlone) {
  idp_.tell("options", R"({"signResponse":true})");
  EXPECT_EQ(error_in(sign_in()), "");
  idp_.tell("options", R"({"signResponse":true,"signAssertion":false})");
  EXPECT_EQ(error_in(sign_in()), words(SamlError::Unsigned));
}

TEST_F(SamlSignIn, WithSha1IsRefused) {
  idp_.tell("options", R"({"signatureAlgorithm":"rsa-sha1","digestAlgorithm":"sha1"})");
  EXPECT_EQ(error_in(sign_in()), words(SamlError::WeakSignature));
}

TEST_F(SamlSignIn, ForAnotherServiceIsRefused) {
  idp_.tell("options", R"({"audience":"urn:other"})");
  EXPECT_EQ(error_in(sign_in()), words(SamlError::WrongAudience));
}

TEST_F(SamlSignIn, WithANewKeyNeedsTheNewMetadata) {
  idp_.tell("key", "{}");
  EXPECT_EQ(error_in(sign_in()), words(SamlError::BadSignature));
  renew();
  EXPECT_EQ(error_in(sign_in()), "");
}

TEST_F(SamlSignIn, UnderANameThatMayChangeIsNobodysAndWithoutGroupsIsSomebodys) {
  idp_.tell("person", R"({"format":"urn:oasis:names:tc:SAML:2.0:nameid-format:transient"})");
  const SamlAnswer answer = sign_in();
  const auto* got = std::get_if<identity::SamlAssertion>(&answer.what);
  ASSERT_NE(got, nullptr) << error_in(answer);
  EXPECT_EQ(identity::token_of(*got, {}, now()).error(), identity::SamlFault::SubjectNotLasting);
  idp_.tell("person",
            R"({"format":"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent","groups":[]})");
  EXPECT_EQ(error_in(sign_in()), "");
}

}  // namespace
}  // namespace veilwire::saml
