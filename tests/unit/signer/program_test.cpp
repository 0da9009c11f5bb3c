// The real program: made CA files, a process that is confined as it says, and answers that OpenSSL
// accepts.
#include "agent/host/local_socket.h"
#include "agent/host/protocol/signer.h"
#include "agent/host/protocol/status.h"
#include "userspace/crypto/owned.h"
#include "userspace/crypto/private_key.h"

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::signer {
namespace {

namespace protocol = host::protocol;
using protocol::SignerStatus;

constexpr const char* kProgram = VEILWIRE_BINARY_DIR "/bin/veilwire-signer";
constexpr int kPatience = 10'000;  // ms, for a machine under load

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Folder {
  Folder() {
    char name[] = "/tmp/veilwire-signer-XXXXXX";
    path = ::mkdtemp(name);
    ::chmod(path.c_str(), 0755);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string& name) const { return path + "/" + name; }
  std::string path;
};

// A child process whose standard error goes to a file.
class Child {
 public:
  Child(std::vector<std::string> arguments, const Folder& folder, const std::string& notify = "") {
    log_ = folder / "log";
    pid_ = ::fork();
    if (pid_ == 0) {
      const int log = ::open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(log, 1);
      ::dup2(log, 2);
      if (!notify.empty()) ::setenv("NOTIFY_SOCKET", notify.c_str(), 1);
      std::vector<char*> argv{const_cast<char*>(kProgram)};
      for (std::string& a : arguments) argv.push_back(a.data());
      argv.push_back(nullptr);
      ::execv(kProgram, argv.data());
      ::_exit(127);
    }
  }
  ~Child() {
    if (pid_ > 0) ::kill(pid_, SIGKILL), wait();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  int stop() {
    ::kill(pid_, SIGTERM);
    return wait();
  }
  pid_t pid() const { return pid_; }
  std::string log() const { return read_file(log_); }

 private:
  pid_t pid_ = 0;
  std::string log_;
};

int run(std::vector<std::string> arguments, const Folder& folder) {
  return Child(std::move(arguments), folder).wait();
}

std::vector<std::string> make_ca_arguments(const Folder& folder) {
  return {"make-ca",          "--out-dir", folder.path,  "--host",
          "api.example.test", "--host",    "*.wild.test"};
}

void write_config(const Folder& folder, const std::string& user) {
  std::ofstream(folder / "agent.toml")
      << "[signer]\nuser = \"" << user << "\"\nproxy_user = \"" << ::getuid() << ":" << ::getgid()
      << "\"\nsocket = \"" << (folder / "signer.sock") << "\"\nstatus_socket = \""
      << (folder / "status.sock") << "\"\ncertificate = \"" << (folder / "ca.pem") << "\"\nkey = \""
      << (folder / "ca.key") << "\"\n";
  ::chmod((folder / "agent.toml").c_str(), 0644);
}

constexpr const char* kNobody = "65534:65534";

// The program in its folder, ready to answer. user: the one that it changes to; empty: it keeps
// ours.
struct Running {
  explicit Running(const std::string& user = "") {
    std::vector<std::string> make_ca = make_ca_arguments(folder);
    if (!user.empty()) make_ca.insert(make_ca.end(), {"--owner", user});
    EXPECT_EQ(run(make_ca, folder), 0);
    write_config(folder, user.empty() ? kNobody : user);
    const host::UniqueFd notify(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (folder / "notify").copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(notify.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::chmod(address.sun_path, 0666);
    std::vector<std::string> arguments{"--config", folder / "agent.toml"};
    if (user.empty()) arguments.push_back("--unconfined");
    child.emplace(arguments, folder, folder / "notify");
    char text[64] = {};
    EXPECT_TRUE(host::wait_readable(notify.get(), kPatience)) << child->log();
    EXPECT_GT(::recv(notify.get(), text, sizeof text - 1, MSG_DONTWAIT), 0);
    EXPECT_EQ(std::string(text), "READY=1");
  }

  host::UniqueFd connect() const {
    auto fd = host::connect_local(folder / "signer.sock", true);
    return fd ? std::move(fd).value() : host::UniqueFd();
  }

  Folder folder;
  std::optional<Child> child;
};

using OwnedCert = crypto::Owned<X509, X509_free>;

bool verifies(const std::string& leaf_der, const std::string& ca_pem, const char* name) {
  const auto* p = reinterpret_cast<const unsigned char*>(leaf_der.data());
  const OwnedCert leaf(d2i_X509(nullptr, &p, static_cast<long>(leaf_der.size())));
  const crypto::Owned<BIO, BIO_free_all> bio(
      BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size())));
  const OwnedCert ca(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  const crypto::Owned<X509_STORE, X509_STORE_free> store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), ca.get());
  const crypto::Owned<X509_STORE_CTX, X509_STORE_CTX_free> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr);
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER);
  X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(context.get()), name, 0);
  return X509_verify_cert(context.get()) == 1;
}

TEST(SignerProgram, AnswersTheProxyWithACertificateThatVerifies) {
  Running r;
  const host::UniqueFd fd = r.connect();
  const std::string spki = crypto::PrivateKey::generate().public_der();
  const auto reply = protocol::ask_signer(fd.get(), {5, "api.example.test", spki}, kPatience);
  ASSERT_TRUE(reply) << r.child->log();
  ASSERT_EQ(reply->status, SignerStatus::Signed);
  EXPECT_EQ(reply->id, 5U);
  EXPECT_TRUE(verifies(reply->chain.at(0), read_file(r.folder / "ca.pem"), "api.example.test"));
  EXPECT_EQ(protocol::ask_signer(fd.get(), {6, "evil.test", spki}, kPatience)->status,
            SignerStatus::NotPermitted);
  EXPECT_EQ(protocol::ask_signer(fd.get(), {7, "api.example.test", "x"}, kPatience)->status,
            SignerStatus::BadRequest);
  const auto status = protocol::ask_status(r.folder / "status.sock", kPatience);
  ASSERT_TRUE(status);
  for (const char* part : {R"("program":"veilwire-signer","healthy":true)", R"("made":1)",
                           R"("not_permitted":1)", R"("bad":1)"})
    EXPECT_NE(status->find(part), status->npos) << *status;
  EXPECT_EQ(r.child->stop(), 0) << r.child->log();
}

TEST(SignerProgram, AnswersManyRequestsThatWereSentAtOnce) {
  Running r;
  const host::UniqueFd fd = r.connect();
  const std::string spki = crypto::PrivateKey::generate().public_der();
  constexpr std::uint64_t kMany = 50;  // more than the socket takes in replies
  for (std::uint64_t id = 0; id < kMany; ++id)
    ASSERT_TRUE(host::send_message(
        fd.get(), *protocol::encode(protocol::SignerRequest{id, "a.wild.test", spki})));
  for (std::uint64_t id = 0; id < kMany; ++id) {
    ASSERT_TRUE(host::wait_readable(fd.get(), kPatience)) << id;
    const auto message = host::receive_message(fd.get());
    ASSERT_TRUE(message);
    const auto reply = protocol::decode_signer_reply(message->bytes);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->id, id);
  }
}

TEST(SignerProgram, HangsUpOnAMessageThatIsNone) {
  Running r;
  const host::UniqueFd fd = r.connect();
  ASSERT_TRUE(host::send_message(fd.get(), "garbage"));
  ASSERT_TRUE(host::wait_readable(fd.get(), kPatience));
  const auto message = host::receive_message(fd.get());
  EXPECT_TRUE(!message || message->bytes.empty());
  const std::string spki = crypto::PrivateKey::generate().public_der();
  EXPECT_TRUE(protocol::ask_signer(r.connect().get(), {1, "a.wild.test", spki}, kPatience));
}

TEST(SignerProgram, RefusesEverybodyButTheProxysUser) {
  if (::getuid() != 0) GTEST_SKIP() << "SKIPPED: needs root to ask as another user";
  Running r;
  // 0: an answer, ECONNREFUSED: none, or why the connect fails.
  const auto ask_as_another = [&r] {
    const pid_t asker = ::fork();
    if (asker == 0) {
      if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0)
        ::_exit(255);
      const auto fd = host::connect_local(r.folder / "signer.sock", true);
      if (!fd) ::_exit(fd.error());
      const auto reply = protocol::ask_signer(fd->get(), {1, "a.wild.test", "k"}, kPatience);
      ::_exit(reply ? 0 : ECONNREFUSED);
    }
    int status = 0;
    ::waitpid(asker, &status, 0);
    return WEXITSTATUS(status);
  };
  EXPECT_EQ(ask_as_another(), EACCES);
  ASSERT_EQ(::chmod((r.folder / "signer.sock").c_str(), 0666), 0);
  EXPECT_EQ(ask_as_another(), ECONNREFUSED) << "and is refused inside as well";
  EXPECT_NE(r.child->log().find("refused uid 65534"), std::string::npos) << r.child->log();
}

TEST(SignerProgram, RunsAsItsUserWithoutPrivilegesAndWithoutNetwork) {
  if (::getuid() != 0) GTEST_SKIP() << "SKIPPED: needs root to change to another user";
  Running r(kNobody);
  const std::string proc = "/proc/" + std::to_string(r.child->pid());
  const std::string status = read_file(proc + "/status");
  for (const char* line : {"Uid:\t65534\t65534\t65534\t65534", "Gid:\t65534\t65534\t65534\t65534",
                           "Groups:\t \n", "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000",
                           "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"})
    EXPECT_NE(status.find(line), status.npos) << line << "\n" << status;
  EXPECT_NE(read_file(proc + "/limits").find("Max core file size        0"), std::string::npos);
  const std::string spki = crypto::PrivateKey::generate().public_der();
  const auto reply = protocol::ask_signer(r.connect().get(), {1, "a.wild.test", spki}, kPatience);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, SignerStatus::Signed);
}

TEST(SignerProgram, ChangesToItsUserBeforeItReadsTheKey) {
  if (::getuid() != 0) GTEST_SKIP() << "SKIPPED: needs root to change to another user";
  // The key is root's with mode 0600: only a process that is still root could read it.
  Folder folder;
  ASSERT_EQ(run(make_ca_arguments(folder), folder), 0);
  write_config(folder, kNobody);
  Child child({"--config", folder / "agent.toml"}, folder);
  EXPECT_EQ(child.wait(), 1);
  EXPECT_NE(child.log().find("ca.key: Permission denied"), std::string::npos) << child.log();
}

TEST(SignerProgram, DoesNotRunAsRoot) {
  Folder folder;
  ASSERT_EQ(run(make_ca_arguments(folder), folder), 0);
  write_config(folder, "0:0");
  Child child({"--config", folder / "agent.toml"}, folder);
  EXPECT_EQ(child.wait(), 1);
  EXPECT_NE(child.log().find("must not be root"), std::string::npos) << child.log();
}

TEST(SignerProgram, SignsWithAnotherCaOnceItIsToldToReload) {
  Running r;
  const std::string config = r.folder / "agent.toml";
  const std::string spki = crypto::PrivateKey::generate().public_der();
  const auto issued_by = [&](const std::string& ca_pem) {
    const auto reply =
        protocol::ask_signer(r.connect().get(), {1, "api.example.test", spki}, kPatience);
    return reply && reply->status == SignerStatus::Signed &&
           verifies(reply->chain.at(0), ca_pem, "api.example.test");
  };
  const auto command = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--config", config});
    return run(arguments, r.folder);
  };
  const std::string old = read_file(r.folder / "ca.pem");
  ASSERT_EQ(command({"add-ca", "--host", "api.example.test"}), 0) << r.child->log();
  const std::string next = read_file(r.folder / "ca.pem").substr(old.size());
  EXPECT_TRUE(issued_by(old));
  ASSERT_EQ(command({"switch-ca"}), 0) << r.child->log();
  EXPECT_TRUE(issued_by(old)) << "it has not been told";
  EXPECT_EQ(command({"drop-ca"}), 1) << "it still signs with the old one";

  const host::UniqueFd asker = r.connect();
  ASSERT_TRUE(protocol::ask_signer(asker.get(), {2, "a.wild.test", spki}, kPatience));
  ASSERT_EQ(::kill(r.child->pid(), SIGHUP), 0);
  ASSERT_TRUE(host::wait_readable(asker.get(), kPatience)) << "who has asked is told";
  const auto end = host::receive_message(asker.get());
  EXPECT_TRUE(!end || end->bytes.empty());
  EXPECT_TRUE(issued_by(next));
  const auto status = protocol::ask_status(r.folder / "status.sock", kPatience);
  ASSERT_TRUE(status);
  EXPECT_NE(status->find(R"("signs":true)"), status->npos) << *status;
  EXPECT_NE(status->find(R"("signs":false)"), status->npos) << *status;
  EXPECT_EQ(command({"drop-ca"}), 0) << r.child->log();
  EXPECT_EQ(read_file(r.folder / "ca.pem"), next);

  // Files that are no CA change nothing.
  std::ofstream(r.folder / "ca.pem") << "garbage";
  ASSERT_EQ(::kill(r.child->pid(), SIGHUP), 0);
  for (int i = 0; i < 2000 && r.child->log().find("refused") == std::string::npos; ++i)
    ::usleep(5000);
  EXPECT_NE(r.child->log().find("the former stays"), std::string::npos) << r.child->log();
  EXPECT_TRUE(issued_by(next));
  EXPECT_EQ(r.child->stop(), 0) << r.child->log();
}

TEST(Rotate, SaysWhatIsWrongWithARequest) {
  Folder folder;
  ASSERT_EQ(run(make_ca_arguments(folder), folder), 0);
  write_config(folder, kNobody);
  const std::string config = folder / "agent.toml";
  EXPECT_EQ(run({"--config", config, "add-ca"}, folder), 2);
  EXPECT_EQ(run({"--config", config, "add-ca", "--certificate", "x"}, folder), 2);
  EXPECT_EQ(
      run({"--config", config, "add-ca", "--host", "a.test", "--certificate", "x", "--key", "y"},
          folder),
      2);
  EXPECT_EQ(run({"--config", config, "switch-ca"}, folder), 1);
  EXPECT_EQ(run({"--config", config, "drop-ca"}, folder), 1);
  EXPECT_EQ(run({"--config", config, "show-ca", "--other"}, folder), 1);
  EXPECT_EQ(run({"--config", config, "show-ca"}, folder), 0);
}

TEST(MakeCa, WritesAKeyForItsOwnerAloneAndNeverOverwrites) {
  Folder folder;
  ASSERT_EQ(run(make_ca_arguments(folder), folder), 0);
  struct stat status {};
  ASSERT_EQ(::stat((folder / "ca.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  EXPECT_EQ(status.st_uid, ::getuid());
  const std::string key = read_file(folder / "ca.key"), certificate = read_file(folder / "ca.pem");
  EXPECT_NE(key.find("BEGIN PRIVATE KEY"), key.npos);
  EXPECT_EQ(run(make_ca_arguments(folder), folder), 1);
  EXPECT_EQ(read_file(folder / "ca.key"), key);
  EXPECT_EQ(read_file(folder / "ca.pem"), certificate);
  // A key that is left from a CA whose certificate is gone is not overwritten either, and no
  // certificate appears.
  std::filesystem::remove(folder / "ca.pem");
  EXPECT_EQ(run(make_ca_arguments(folder), folder), 1);
  EXPECT_EQ(read_file(folder / "ca.key"), key);
  EXPECT_FALSE(std::filesystem::exists(folder / "ca.pem"));
}

TEST(MakeCa, SaysWhatIsWrongWithARequest) {
  Folder folder;
  EXPECT_EQ(run({"make-ca", "--out-dir", folder.path}, folder), 2);
  EXPECT_EQ(run({"make-ca", "--out-dir", folder.path, "--host", "a.test", "--days", "0"}, folder),
            2);
  EXPECT_EQ(run({"make-ca", "--out-dir", folder.path, "--host", "10.0.0.1"}, folder), 1);
  EXPECT_EQ(run({"make-ca", "--out-dir", folder / "absent", "--host", "a.test"}, folder), 1);
  EXPECT_EQ(run({"--unknown"}, folder), 2);
  EXPECT_EQ(run({"--help"}, folder), 0);
  EXPECT_EQ(run({"--version"}, folder), 0);
  EXPECT_EQ(run({"--config", folder / "absent.toml"}, folder), 1);
  EXPECT_FALSE(std::filesystem::exists(folder / "ca.key"));
}

}  // namespace
}  // namespace veilwire::signer
