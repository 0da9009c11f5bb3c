// The daemon with a real IdP behind it, at which people sign in.
#pragma once

#include "tests/support/real_idp.h"
#include "tests/unit/identity/daemon_fixture.h"

#include <memory>
#include <string>

namespace veilwire::agent_identity {

class OidcServerTest : public DaemonTest {
 protected:
  static void SetUpTestSuite() { start_idp(testing::IdpProgram::OidcProvider); }
  static void start_idp(testing::IdpProgram program) {
    idp_ = std::make_unique<testing::RealIdp>(VEILWIRE_SOURCE_DIR, program);
    DaemonTest::SetUpTestSuite();
  }
  static void TearDownTestSuite() { idp_.reset(); }

  void SetUp() override {
    DaemonTest::SetUp();
    settings_.issuer = identity::parse_issuer(idp_->issuer());
    settings_.client.id = "workstation";
    settings_.client.constraint = SenderConstraint::IfOffered;
    settings_.scope = "openid offline_access profile groups";
    settings_.redirect_path = "/signed-in";
    settings_.subjects.table = {{"alice", 0U}, {"carol", 0U}};
    settings_.roots = "/etc/ssl/certs/ca-certificates.crt";
    idp_->tell("person", R"({"name":"carol","groups":["developers","release"],"gone":false})");
  }

  PeopleAnswer sign_in(const std::string& name) {
    const host::UniqueFd people = connect("people");
    const PeopleAnswer device = say(people.get(), {.what = PeopleAsk::What::LoginDevice});
    EXPECT_EQ(device.what, PeopleAnswer::What::Device) << device.text;
    EXPECT_FALSE(device.code.empty());
    idp_->visit(name, device.complete);
    return heard(people.get());
  }
  void sign_in_carol() {
    const PeopleAnswer done = sign_in("carol");
    ASSERT_EQ(done.what, PeopleAnswer::What::Session) << done.text;
  }

  static inline std::unique_ptr<testing::RealIdp> idp_;
};

}  // namespace veilwire::agent_identity
