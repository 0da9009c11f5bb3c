// The store with the real signer behind it.
#include "agent/proxy/leaf_store.h"

#include "agent/host/clock.h"
#include "agent/host/local_socket.h"
#include "agent/signer/make_ca_command.h"
#include "agent/signer/rotation.h"
#include "agent/signer/server.h"
#include "userspace/crypto/random.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace veilwire::proxy {
namespace {

using namespace std::chrono_literals;

class LeafStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "vw_leafs_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    files_ = {folder_ + "/ca.pem", folder_ + "/ca.key"};
    signer::make_ca_files({folder_, "", {{"a.test", "b.test"}, "old", 30}, ""}, host::now().wall);
    start();
    store_ = make_leaf_store(io_, socket(), key_, nullptr);
  }
  void TearDown() override {
    stop();
    std::filesystem::remove_all(folder_);
  }

  std::string socket() const { return folder_ + "/s"; }
  void start() {
    server_.emplace(signer::ServerOptions{host::listen_local(socket(), 0600), nullptr, ::getuid()},
                    signer::load_authorities(files_), signer::IssuerOptions{});
    stop_ = host::UniqueFd(::eventfd(0, EFD_CLOEXEC));
    thread_ = std::thread([this] { server_->run(stop_.get()); });
  }
  void stop() {
    const std::uint64_t one = 1;
    ASSERT_EQ(::write(stop_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
    thread_.join();
    server_.reset();
  }

  // Who has signed the leaf that a client would be shown; by its context, which is kept as it is.
  std::shared_ptr<const wire::TlsServerContext> get(const std::string& name) {
    std::optional<LeafStore::Answer> answer;
    store_->get(name, [&](LeafStore::Answer got) { answer = std::move(got); });
    for (int i = 0; i < 500 && !answer; ++i) turn();
    return answer && *answer ? **answer : nullptr;
  }
  void turn() {
    io_.restart();
    io_.run_for(10ms);
  }
  bool comes(const std::function<bool()>& condition) {
    for (int i = 0; i < 500 && !condition(); ++i) turn();
    return condition();
  }

  std::string folder_;
  signer::AuthorityFiles files_;
  std::optional<signer::Server> server_;
  host::UniqueFd stop_;
  std::thread thread_;
  boost::asio::io_context io_{1};
  const crypto::PrivateKey key_ = crypto::PrivateKey::generate();
  std::shared_ptr<LeafStore> store_;
};

TEST_F(LeafStoreTest, KeepsALeafWhileTheSameCaSigns) {
  const auto first = get("a.test");
  ASSERT_TRUE(first);
  EXPECT_EQ(get("a.test"), first);
  server_->replace(signer::load_authorities(files_));
  for (int i = 0; i < 10; ++i) turn();
  EXPECT_EQ(get("a.test"), first) << "the same files";
}

TEST_F(LeafStoreTest, ForgetsThemWhenAnotherCaSigns) {
  const auto first = get("a.test"), second = get("b.test");
  ASSERT_TRUE(first && second);
  signer::add_ca(files_, {{{"a.test"}, "new", 30}, "", ""}, host::now().wall);
  signer::switch_ca(files_, host::now().wall);
  server_->replace(signer::load_authorities(files_));
  EXPECT_TRUE(comes([&] {
    const auto leaf = get("a.test");
    return leaf && leaf != first;
  }));
  EXPECT_FALSE(get("b.test")) << "which the new one may not sign for";
}

TEST_F(LeafStoreTest, KeepsThemWhileTheSignerIsAwayAndForgetsThemWhenItIsBack) {
  const auto first = get("a.test");
  ASSERT_TRUE(first);
  stop();
  EXPECT_TRUE(comes([&] { return !store_->connected(); }));
  EXPECT_EQ(get("a.test"), first);
  start();
  EXPECT_TRUE(comes([&] { return store_->connected(); }));
  const auto again = get("a.test");
  EXPECT_TRUE(again);
  EXPECT_NE(again, first);
}

}  // namespace
}  // namespace veilwire::proxy
