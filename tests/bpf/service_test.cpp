// The privileged interface against callers who are not who or what they should be, and the life of
// pushed targets.
#include "agent/redirector/service.h"

#include "agent/host/local_socket.h"
#include "agent/host/protocol/redirector.h"
#include "agent/redirector/kernel_programs.h"
#include "agent/redirector/targets.h"
#include "tests/bpf/arena.h"
#include "tests/bpf/probe.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace veilwire::tests {
namespace {

using host::protocol::kRedirectorMaxTargets;
using host::protocol::kRedirectorVersion;
using host::protocol::RedirectorAnswer;
using host::protocol::RedirectorMessage;
using host::protocol::RedirectorRequest;
using host::protocol::RedirectorStatus;
using host::protocol::RedirectorTargets;
using redirector::parse_address;

class ServiceTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    arena().start_redirector(arena().settings());
    reconnect();
  }
  void reconnect() {
    auto connected = host::connect_local(arena().socket(), true);
    ASSERT_TRUE(connected);
    proxy_ = std::move(*connected);
  }

  RedirectorStatus ask(std::string_view bytes, const std::vector<int>& descriptors = {}) {
    EXPECT_TRUE(host::send_message(proxy_.get(), bytes, descriptors));
    auto message = host::receive_message(proxy_.get());
    RedirectorAnswer answer{};
    if (!message || message->bytes.size() != sizeof(answer)) {
      ADD_FAILURE() << "no answer";
      return RedirectorStatus::Failed;
    }
    std::memcpy(&answer, message->bytes.data(), sizeof(answer));
    EXPECT_EQ(answer.version, kRedirectorVersion);
    received_ = std::move(message->descriptors);
    return answer.status;
  }
  template <class T>
  RedirectorStatus ask(const T& request, const std::vector<int>& descriptors = {}) {
    return ask(std::string_view(reinterpret_cast<const char*>(&request), sizeof(request)),
               descriptors);
  }
  static RedirectorRequest request(RedirectorMessage type) { return {kRedirectorVersion, type, 0}; }
  static RedirectorTargets targets(const std::vector<std::string>& addresses,
                                   std::uint32_t lifetime = 60) {
    RedirectorTargets message{};
    message.head = request(RedirectorMessage::Targets);
    message.lifetime_seconds = lifetime;
    message.count = static_cast<std::uint32_t>(addresses.size());
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const auto address = parse_address(addresses[i]);
      std::copy(address->begin(), address->end(), static_cast<std::uint8_t*>(message.addresses[i]));
    }
    return message;
  }
  RedirectorStatus mark(int socket) { return ask(request(RedirectorMessage::Listeners), {socket}); }

  host::UniqueFd proxy_;
  std::vector<host::UniqueFd> received_;
};

TEST_F(ServiceTest, hello_gives_the_heartbeat_map) {
  EXPECT_EQ(ask(request(RedirectorMessage::Hello)), RedirectorStatus::Ok);
  EXPECT_EQ(received_.size(), 1U);
  const auto label = arena().maps().label(static_cast<std::uint32_t>(::getpid()));
  ASSERT_TRUE(label);
  EXPECT_EQ(label->word & VW_LABEL_STATE_MASK, VW_LABEL_EXEMPT);
}

TEST_F(ServiceTest, another_user_is_refused) {
  const RedirectorStatus status = arena().in_client(
      [this] {
        if (::setresgid(1234, 1234, 1234) != 0 || ::setresuid(1234, 1234, 1234) != 0) ::abort();
        reconnect();
        auto message = host::receive_message(proxy_.get());
        RedirectorAnswer answer{};
        if (message && message->bytes.size() == sizeof(answer))
          std::memcpy(&answer, message->bytes.data(), sizeof(answer));
        return answer.status;
      },
      /*labelled=*/false);
  EXPECT_EQ(status, RedirectorStatus::NotAllowed);
  EXPECT_EQ(ask(request(RedirectorMessage::Hello)), RedirectorStatus::Ok)
      << "the registered one is not disturbed";
}

TEST_F(ServiceTest, what_is_malformed_ends_the_connection) {
  RedirectorRequest other_version = request(RedirectorMessage::Hello);
  other_version.version = 99;
  RedirectorRequest reserved = request(RedirectorMessage::Hello);
  reserved.reserved = 1;
  RedirectorRequest unknown = request(RedirectorMessage::Hello);
  unknown.type = static_cast<RedirectorMessage>(77);
  const auto text = [](const RedirectorRequest& r) {
    return std::string(reinterpret_cast<const char*>(&r), sizeof(r));
  };
  const std::string good = text(request(RedirectorMessage::Hello));
  for (const std::string& bytes :
       {std::string("x"), good.substr(0, good.size() - 1), good + "x", text(other_version),
        text(reserved), text(unknown), text(request(RedirectorMessage::Listeners)),
        text(request(RedirectorMessage::Targets)), std::string(4096, '\0')}) {
    EXPECT_EQ(ask(bytes), RedirectorStatus::Malformed);
    const auto end = host::receive_message(proxy_.get());
    EXPECT_TRUE(!end || (end->bytes.empty() && end->descriptors.empty())) << "and is closed";
    reconnect();
  }
  EXPECT_EQ(ask(request(RedirectorMessage::Hello), {0}), RedirectorStatus::Malformed)
      << "a descriptor nobody asked for";
}

TEST_F(ServiceTest, only_listening_tcp_sockets_on_loopback_become_authentic) {
  const host::UniqueFd everywhere = listen_on("0.0.0.0", 0);
  const host::UniqueFd elsewhere = listen_on(kRemote4, 0);
  const host::UniqueFd other_loopback = listen_on("127.0.0.2", 0);
  const host::UniqueFd everywhere6 = listen_on("::", 0);
  const host::UniqueFd not_listening = tcp_socket(AF_INET);
  const host::UniqueFd udp(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const host::UniqueFd file(::dup(0));
  for (const int socket :
       {everywhere.get(), elsewhere.get(), other_loopback.get(), everywhere6.get(),
        not_listening.get(), udp.get(), file.get(), proxy_.get()})
    EXPECT_EQ(mark(socket), RedirectorStatus::NotAllowed);
  EXPECT_TRUE(arena().maps().listeners().empty());

  const host::UniqueFd four = listen_on("127.0.0.1", 0);
  EXPECT_EQ(ask(request(RedirectorMessage::Listeners), {four.get(), everywhere.get()}),
            RedirectorStatus::NotAllowed);
  EXPECT_TRUE(arena().iterators().listeners(arena().maps().marks_fd()).empty()) << "all or none";

  const host::UniqueFd six = listen_on("::1", 0);
  EXPECT_EQ(ask(request(RedirectorMessage::Listeners), {four.get(), six.get()}),
            RedirectorStatus::Ok);
  const auto listeners = arena().maps().listeners();
  ASSERT_EQ(listeners.size(), 1U);
  EXPECT_EQ(listeners[0].second.port4, port_of(four.get()));
  EXPECT_EQ(listeners[0].second.port6, port_of(six.get()));
  EXPECT_EQ(arena().iterators().listeners(arena().maps().marks_fd()).size(), 2U);
}

TEST_F(ServiceTest, a_marked_listener_is_not_kept_alive_by_the_redirector) {
  {
    const host::UniqueFd four = listen_on("127.0.0.1", 0);
    ASSERT_EQ(mark(four.get()), RedirectorStatus::Ok);
    ASSERT_EQ(arena().iterators().listeners(arena().maps().marks_fd()).size(), 1U);
  }
  EXPECT_EQ(ask(targets({kRemote4})), RedirectorStatus::Ok) << "it has gone on";
  // The kernel frees a listener a little later, but it listens no more.
  for (const auto& listener : arena().iterators().listeners(arena().maps().marks_fd()))
    EXPECT_EQ(listener.listening, 0);
}

TEST_F(ServiceTest, a_proxy_is_told_what_was_lost_also_before_it_came_and_another_caller_is_not) {
  redirector::Settings settings = arena().settings();
  settings.check = std::chrono::seconds(1);
  arena().start_redirector(settings);
  const std::string links = redirector::versioned_directory(arena().pins()) + "/links/";
  const auto lose = [&](const char* program) {
    EXPECT_EQ(::unlink((links + program).c_str()), 0);
    for (int i = 0; i < 1000 && ::access((links + program).c_str(), F_OK) != 0; ++i)
      ::poll(nullptr, 0, 10);
  };
  const auto notice = [&] {
    EXPECT_TRUE(host::wait_readable(proxy_.get(), 10'000));
    const auto message = host::receive_message(proxy_.get());
    host::protocol::RedirectorNotice said{};
    EXPECT_TRUE(message && message->bytes.size() == sizeof(said));
    if (message && message->bytes.size() == sizeof(said))
      std::memcpy(&said, message->bytes.data(), sizeof(said));
    EXPECT_EQ(said.version, kRedirectorVersion);
    return said;
  };
  reconnect();
  lose("vw_connect6");
  EXPECT_EQ(ask(request(RedirectorMessage::Hello)), RedirectorStatus::Ok) << "and nothing else yet";
  const host::UniqueFd four = listen_on("127.0.0.1", 0);
  EXPECT_EQ(mark(four.get()), RedirectorStatus::Ok);
  const auto first = notice();
  EXPECT_STREQ(first.program, "vw_connect6");
  EXPECT_EQ(first.restored, 1);
  EXPECT_EQ(first.away_ms, 1000U);
  lose("vw_exec");
  EXPECT_STREQ(notice().program, "vw_exec");
  // Away itself, it learns of a loss when it starts.
  arena().stop_redirector();
  EXPECT_EQ(::unlink((links + "vw_connect4").c_str()), 0);
  arena().start_redirector(settings);
  reconnect();
  EXPECT_EQ(mark(four.get()), RedirectorStatus::Ok);
  const auto last = notice();
  EXPECT_STREQ(last.program, "vw_connect4");
  EXPECT_EQ(last.away_ms, UINT32_MAX);
}

TEST_F(ServiceTest, what_cannot_be_attached_again_is_told_and_so_is_its_return) {
  redirector::Settings settings = arena().settings();
  settings.check = std::chrono::seconds(1);
  arena().start_redirector(settings);
  reconnect();
  const host::UniqueFd four = listen_on("127.0.0.1", 0);
  EXPECT_EQ(mark(four.get()), RedirectorStatus::Ok);
  const auto restored = [&] {
    EXPECT_TRUE(host::wait_readable(proxy_.get(), 10'000));
    const auto message = host::receive_message(proxy_.get());
    host::protocol::RedirectorNotice said{};
    if (message && message->bytes.size() == sizeof(said))
      std::memcpy(&said, message->bytes.data(), sizeof(said));
    EXPECT_STREQ(said.program, "vw_connect4");
    return said.restored;
  };
  arena().signal_redirector(SIGSTOP);
  const Probe probe;
  EXPECT_EQ(
      ::unlink((redirector::versioned_directory(arena().pins()) + "/links/vw_connect4").c_str()),
      0);
  probe.attach_exclusive("foreign_connect4", arena().clients_cgroup());
  arena().signal_redirector(SIGCONT);
  EXPECT_EQ(restored(), 0);
  probe.detach_exclusive("foreign_connect4", arena().clients_cgroup());
  EXPECT_EQ(restored(), 1);
}

TEST_F(ServiceTest, targets_are_taken_and_loopback_is_not) {
  EXPECT_EQ(ask(targets({kRemote4, kRemote6})), RedirectorStatus::Ok);
  EXPECT_EQ(arena().maps().targets().size(), 2U);
  for (const char* bad : {"127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::"})
    EXPECT_EQ(ask(targets({bad})), RedirectorStatus::NotAllowed) << bad;
  EXPECT_EQ(arena().maps().targets().size(), 2U);
  EXPECT_EQ(ask(targets({kRemote4}, 0)), RedirectorStatus::Malformed);
  reconnect();
  EXPECT_EQ(ask(targets({kRemote4}, 86401)), RedirectorStatus::Malformed);
  reconnect();
  RedirectorTargets none = targets({});
  EXPECT_EQ(ask(none), RedirectorStatus::Malformed);
  reconnect();
  none.count = 65;
  EXPECT_EQ(ask(none), RedirectorStatus::Malformed);
}

TEST_F(ServiceTest, too_many_targets_are_refused_and_nobody_is_pushed_out) {
  RedirectorStatus status = RedirectorStatus::Ok;
  std::uint32_t pushed = 0;
  while (status == RedirectorStatus::Ok && pushed < 2 * kRedirectorMaxTargets) {
    std::vector<std::string> addresses;
    for (int i = 0; i < 64; ++i, ++pushed)
      addresses.push_back("10." + std::to_string(pushed >> 16) + "." +
                          std::to_string((pushed >> 8) & 255) + "." + std::to_string(pushed & 255));
    status = ask(targets(addresses));
  }
  EXPECT_EQ(status, RedirectorStatus::Full);
  EXPECT_EQ(arena().maps().targets().size(), kRedirectorMaxTargets);
  EXPECT_EQ(ask(targets({"10.0.0.0"})), RedirectorStatus::Ok) << "a known one is renewed";
}

TEST_F(ServiceTest, targets_expire_are_renewed_and_survive_a_restart) {
  arena().stop_redirector();
  redirector::KernelMaps maps = arena().maps();
  const redirector::Targets::Time start{};
  const redirector::Prefix configured = *redirector::parse_prefix("203.0.113.0/24");
  using std::chrono::seconds;
  {
    redirector::Targets targets(maps, {configured}, start);
    EXPECT_TRUE(targets.add(*parse_address(kRemote4), seconds(60), start));
    EXPECT_TRUE(targets.add(*parse_address(kRemote6), seconds(60), start));
    targets.expire(start + seconds(59));
    EXPECT_EQ(maps.targets().size(), 3U);
    EXPECT_TRUE(targets.add(*parse_address(kRemote4), seconds(60), start + seconds(59)));
    targets.expire(start + seconds(60));
    EXPECT_EQ(maps.targets().size(), 2U) << "the one that was not renewed is gone";
  }
  redirector::Targets next(maps, {configured}, start);
  EXPECT_EQ(maps.targets().size(), 2U) << "adopted";
  next.expire(start + seconds(3599));
  EXPECT_EQ(maps.targets().size(), 2U);
  next.expire(start + seconds(3600));
  EXPECT_EQ(maps.targets(), std::vector<redirector::Prefix>{configured});
  const redirector::Targets without(maps, {}, start);
  EXPECT_TRUE(maps.targets().empty()) << "a former configuration's prefix is not kept";
}

}  // namespace
}  // namespace veilwire::tests
