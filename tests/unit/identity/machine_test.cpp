// Machines that sign in at a real IdP: their processes are made up, in a cgroup that is there.
#include "tests/unit/identity/oidc_server_fixture.h"

#include <sys/stat.h>

namespace veilwire::agent_identity {
namespace {

constexpr const char* kUnit = "veilwire-machine-test.service";

class MachineTest : public OidcServerTest {
 protected:
  void SetUp() override {
    OidcServerTest::SetUp();
    const std::string mount = cgroup2_mount().value_or("");
    cgroup_ = mount + "/" + kUnit;
    std::filesystem::create_directory(cgroup_);
    process_ = me();
    process_.loginuid = process_.audit_session = identity::kUnsetAuditId;
    process_.cgroup_id = Cgroups(mount).place_at(std::string("/") + kUnit).front().id;
    secrets_ = told(R"({"gone":false,"groups":["importers"],"seconds":300})");
    settings_.machines = {by_key()};
  }
  void TearDown() override {
    OidcServerTest::TearDown();
    std::filesystem::remove(cgroup_);
  }

  static std::string told(const std::string& json) { return idp_->tell("machine", json); }
  MachineSettings by_key() const {
    return {.rule = {.name = "nightly import", .units = {kUnit}},
            .issuer = *settings_.issuer,
            .client = {.id = "import",
                       .method = identity::ClientMethod::PrivateKeyJwt,
                       .key_file = secrets_ + "/assertion.key",
                       .key_id = "one"},
            .scope = "profile",
            .resource = "https://veilwire.test",
            .audience = "https://veilwire.test"};
  }
  // The record of who the process is, once it is somebody.
  identity::Person person() {
    const auto answer = answer_about(process_);
    EXPECT_NE(known(answer), nullptr) << nobody(answer).reason;
    return known(answer) == nullptr ? identity::Person() : known(answer)->person;
  }

  std::string cgroup_, secrets_;
  Peer process_;
};

TEST_F(MachineTest, ItsProcessesAreKnownWithoutAPerson) {
  start();
  const identity::Person machine = person();
  EXPECT_EQ(machine.issuer, idp_->issuer());
  EXPECT_EQ(machine.subject, "import");
  EXPECT_EQ(machine.name, "nightly import");
  EXPECT_EQ(machine.method, "machine");
  EXPECT_EQ(machine.person_class, identity::PersonClass::Service);
  EXPECT_EQ(machine.groups, Groups{"importers"});

  const host::UniqueFd people = connect("people");
  const PeopleAnswer session = say(people.get(), {.what = PeopleAsk::What::Sessions});
  ASSERT_EQ(session.what, PeopleAnswer::What::Session) << session.text;
  EXPECT_EQ(session.session->method, "machine");
  EXPECT_EQ(session.session->person_class, "service");
  EXPECT_EQ(session.session->name, "nightly import");
}

TEST_F(MachineTest, APersonsProcessInItsCgroupIsNotIt) {
  start();
  ASSERT_EQ(person().name, "nightly import");
  Peer other = me();
  other.cgroup_id = process_.cgroup_id;
  ASSERT_TRUE(has_login(other));
  EXPECT_TRUE(nobody(answer_about(other)).sign_in);
  other = process_;
  other.loginuid = 1000;
  EXPECT_EQ(known(answer_about(other)), nullptr);
  settings_.machines.front().rule.users = {process_.uid + 1};
  stop();
  start();
  EXPECT_EQ(known(answer_about(process_)), nullptr);
}

TEST_F(MachineTest, AnOpaqueTokenIsAskedAbout) {
  settings_.machines.front().resource = "https://opaque.test";
  settings_.machines.front().audience = "";
  start();
  const identity::Person machine = person();
  EXPECT_EQ(machine.subject, "import");
  EXPECT_EQ(machine.groups, Groups{"importers"});
}

TEST_F(MachineTest, ACertificateProvesItAsWell) {
  settings_.roots = secrets_ + "/root.pem";
  auto& machine = settings_.machines.front();
  machine.client = {.id = "import-certificate",
                    .method = identity::ClientMethod::Certificate,
                    .key_file = secrets_ + "/import.key",
                    .certificate_file = secrets_ + "/import.pem"};
  start();
  EXPECT_EQ(person().subject, "import-certificate");
  stop();
  std::filesystem::remove(settings_.state_file);
  machine.resource = "https://opaque.test";
  machine.audience = "";
  start();
  EXPECT_EQ(person().subject, "import-certificate");
}

TEST_F(MachineTest, GroupsOfTheTableCountInsteadOfTheIdps) {
  settings_.machines.front().rule.groups = {"batch"};
  start();
  EXPECT_EQ(person().groups, Groups{"batch"});
}

TEST_F(MachineTest, ItIsRenewedAheadOfItsEndAndStaysKnown) {
  told(R"({"seconds":6})");
  start();
  ASSERT_EQ(person().name, "nightly import");
  told(R"({"groups":["importers","readers"]})");
  const auto until = std::chrono::steady_clock::now() + seconds(10);
  while (std::chrono::steady_clock::now() < until) {
    ASSERT_NE(known(answer_about(process_)), nullptr);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_EQ(person().groups, (Groups{"importers", "readers"}));
}

TEST_F(MachineTest, OneThatTheIdpWithdrawsIsCut) {
  settings_.times.fresh_for = seconds(3);
  start();
  ASSERT_EQ(person().name, "nightly import");
  told(R"({"gone":true})");
  const auto ended = asked_until(process_, [](const auto& a) { return known(a) == nullptr; });
  EXPECT_FALSE(nobody(ended).sign_in);
  const auto refused = asked_until(process_, [](const auto& a) {
    return known(a) == nullptr && nobody(a).reason.find("refuses") != std::string::npos;
  });
  EXPECT_NE(nobody(refused).reason.find("nightly import"), std::string::npos);
  told(R"({"gone":false})");
  (void)asked_until(process_, [](const auto& a) { return known(a) != nullptr; });
}

TEST_F(MachineTest, AnotherClientsKeyIsRefusedAndToldSo) {
  settings_.machines.front().client.id = "build-server";
  start();
  const auto refused = nobody(answer_about(process_));
  EXPECT_NE(refused.reason.find("refuses"), std::string::npos) << refused.reason;
  EXPECT_FALSE(refused.sign_in);
}

TEST_F(MachineTest, ARestartKeepsItWhileItIsConfigured) {
  start();
  ASSERT_EQ(person().name, "nightly import");
  stop();
  idp_->tell("trouble", R"({"status":503})");
  start();
  EXPECT_EQ(person().name, "nightly import");
  stop();
  settings_.machines.front().rule.name = "another";
  start();
  EXPECT_EQ(known(answer_about(process_)), nullptr);
  idp_->tell("trouble", "{}");
}

// Another implementation: its tokens are for a scope where no resource is asked for, they name no
// groups of a machine, and it takes assertions for its token endpoint alone.
class MachineAtGlewlwyd : public MachineTest {
 protected:
  static void SetUpTestSuite() { start_idp(testing::IdpProgram::Glewlwyd); }
  void SetUp() override {
    MachineTest::SetUp();
    auto& machine = settings_.machines.front();
    machine.rule.groups = {"importers"};
    machine.resource = "";
    machine.audience = "profile";
    machine.client.audience = identity::AssertionAudience::TokenEndpoint;
  }
};

TEST_F(MachineAtGlewlwyd, ItsProcessesAreKnownWithoutAPerson) {
  start();
  const identity::Person machine = person();
  EXPECT_EQ(machine.issuer, idp_->issuer());
  EXPECT_EQ(machine.subject, "import");
  EXPECT_EQ(machine.name, "nightly import");
  EXPECT_EQ(machine.groups, Groups{"importers"});
}

TEST_F(MachineAtGlewlwyd, ASecretProvesItAsWellAndMayAskAboutItsToken) {
  const std::string file = folder_ + "/secret";
  std::ofstream(file) << "made-up-secret-of-a-test";
  ASSERT_EQ(::chmod(file.c_str(), 0400), 0);
  settings_.machines.front().client = {
      .id = "build-server", .method = identity::ClientMethod::SecretBasic, .secret_file = file};
  start();
  EXPECT_EQ(person().subject, "build-server");
  stop();
  std::filesystem::remove(settings_.state_file);
  settings_.machines.front().audience = "";
  start();
  EXPECT_EQ(person().subject, "build-server");
}

// Its introspection takes no assertions.
TEST_F(MachineAtGlewlwyd, OneThatMayNotAskAboutItsTokenIsRefusedAndToldSo) {
  settings_.machines.front().audience = "";
  start();
  EXPECT_NE(nobody(answer_about(process_)).reason.find("gives no token"), std::string::npos);
}

TEST_F(MachineAtGlewlwyd, ItIsRenewedAheadOfItsEndAndStaysKnown) {
  told(R"({"seconds":6})");
  start();
  ASSERT_EQ(person().name, "nightly import");
  const auto until = std::chrono::steady_clock::now() + seconds(10);
  while (std::chrono::steady_clock::now() < until) {
    ASSERT_NE(known(answer_about(process_)), nullptr);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

// It says so with a status alone, as anything on the way might.
TEST_F(MachineAtGlewlwyd, OneThatIsWithdrawnIsSoonStale) {
  settings_.times.fresh_for = seconds(2);
  settings_.times.cached_for = seconds(4);
  start();
  ASSERT_EQ(person().name, "nightly import");
  told(R"({"gone":true})");
  const auto until = [&](Standing standing) {
    (void)asked_until(process_, [&](const auto& a) {
      return known(a) != nullptr && known(a)->person.standing == standing;
    });
  };
  until(Standing::Stale);
  told(R"({"gone":false})");
  until(Standing::Fresh);
}

}  // namespace
}  // namespace veilwire::agent_identity
