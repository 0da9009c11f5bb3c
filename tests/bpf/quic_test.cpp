// HTTP/3 is refused where it is sent, so that clients fall back to TCP, and the resolver's probing
// connects do not notice.
#include "tests/bpf/arena.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace veilwire::tests {
namespace {

class QuicTest : public KernelTest {
 protected:
  void SetUp() override {
    KernelTest::SetUp();
    if (IsSkipped()) return;
    arena().start_redirector(arena().settings());
    proxy_ = arena().start_proxy();
  }
  void TearDown() override {
    proxy_ = {};
    KernelTest::TearDown();
  }
  Arena::Proxy proxy_;
};

host::UniqueFd udp_socket(int family) {
  return host::UniqueFd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

// errno of an unconnected send.
int send_to(const char* address, std::uint16_t port) {
  const sockaddr_storage to = address_of(address, port);
  const host::UniqueFd fd = udp_socket(to.ss_family);
  return ::sendto(fd.get(), "q", 1, 0, reinterpret_cast<const sockaddr*>(&to), size_of(to)) == 1
             ? 0
             : errno;
}

struct ConnectedSend {
  int connect_error = 0;
  int send_error = 0;
};
ConnectedSend send_connected(const char* address, std::uint16_t port) {
  const sockaddr_storage to = address_of(address, port);
  const host::UniqueFd fd = udp_socket(to.ss_family);
  ConnectedSend result;
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), size_of(to)) != 0)
    result.connect_error = errno;
  else if (::send(fd.get(), "q", 1, 0) != 1)
    result.send_error = errno;
  return result;
}

TEST_F(QuicTest, an_unconnected_send_is_refused_at_once) {
  for (const char* address : {kRemote4, kRemote6, "::ffff:192.0.2.1"})
    EXPECT_EQ(arena().in_client([=] { return send_to(address, 443); }), ECONNREFUSED) << address;
  EXPECT_EQ(arena().count(VW_REASON_QUIC_SEND_REFUSED), 3U);
}

TEST_F(QuicTest, a_connect_succeeds_and_the_send_on_it_is_refused) {
  for (const char* address : {kRemote4, kRemote6}) {
    const ConnectedSend got = arena().in_client([=] { return send_connected(address, 443); });
    EXPECT_EQ(got.connect_error, 0) << address;
    EXPECT_EQ(got.send_error, EPERM) << address;
  }
  EXPECT_EQ(arena().count(VW_REASON_QUIC_PACKET_REFUSED), 2U);
  // The kernel turns this one into a send with an address.
  const ConnectedSend mapped =
      arena().in_client([] { return send_connected("::ffff:192.0.2.1", 443); });
  EXPECT_EQ(mapped.connect_error, 0);
  EXPECT_EQ(mapped.send_error, ECONNREFUSED);
}

TEST_F(QuicTest, dns_other_ports_loopback_and_other_processes_are_not_touched) {
  struct Sent {
    int dns, other, loopback;
    ConnectedSend dns_connected;
  };
  const Sent labelled = arena().in_client([] {
    return Sent{send_to(kRemote4, 53), send_to(kRemote4, 5000), send_to("127.0.0.1", 443),
                send_connected(kRemote4, 53)};
  });
  EXPECT_EQ(labelled.dns, 0);
  EXPECT_EQ(labelled.other, 0);
  EXPECT_EQ(labelled.loopback, 0);
  EXPECT_EQ(labelled.dns_connected.send_error, 0);
  const ConnectedSend unlabelled =
      arena().in_client([] { return send_connected(kRemote4, 443); }, false);
  EXPECT_EQ(unlabelled.connect_error, 0);
  EXPECT_EQ(unlabelled.send_error, 0);
}

TEST_F(QuicTest, target_addresses_are_refused_to_everybody) {
  proxy_.push_target(kRemote4);
  EXPECT_EQ(arena().in_client([] { return send_to(kRemote4, 443); }, false), ECONNREFUSED);
  EXPECT_EQ(arena().in_client([] { return send_connected(kRemote4, 443); }, false).send_error,
            EPERM);
  EXPECT_EQ(arena().in_client([] { return send_to(kOther4, 443); }, false), 0);
}

TEST_F(QuicTest, a_socket_that_is_connected_elsewhere_may_send_again) {
  const ConnectedSend got = arena().in_client([] {
    const host::UniqueFd fd = udp_socket(AF_INET);
    const sockaddr_storage quic = address_of(kRemote4, 443);
    const sockaddr_storage other = address_of(kRemote4, 5000);
    ConnectedSend result;
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&quic), size_of(quic)) != 0 ||
        ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&other), size_of(other)) != 0)
      result.connect_error = errno;
    if (::send(fd.get(), "q", 1, 0) != 1) result.send_error = errno;
    return result;
  });
  EXPECT_EQ(got.connect_error, 0);
  EXPECT_EQ(got.send_error, 0);
}

TEST_F(QuicTest, the_proxy_s_death_does_not_let_quic_through) {
  proxy_.close_listeners();
  EXPECT_EQ(arena().in_client([] { return send_to(kRemote4, 443); }), ECONNREFUSED);
}

// The order that the C library gives for a name with several addresses of both families, as it
// stands in the hosts file of this mount namespace.
struct Order {
  int error = 0;
  char addresses[512] = {};
};
Order resolve(const char* service) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  Order order;
  order.error = ::getaddrinfo("many.veilwire.test", service, &hints, &list);
  std::string text;
  for (const addrinfo* a = list; order.error == 0 && a != nullptr; a = a->ai_next) {
    char name[NI_MAXHOST];
    ::getnameinfo(a->ai_addr, a->ai_addrlen, name, sizeof(name), nullptr, 0, NI_NUMERICHOST);
    text += std::string(name) + " ";
  }
  if (list != nullptr) ::freeaddrinfo(list);
  std::copy_n(text.begin(), std::min(text.size(), sizeof(order.addresses) - 1), order.addresses);
  return order;
}

TEST_F(QuicTest, the_resolver_returns_the_same_addresses_in_the_same_order) {
  const std::string hosts = arena().directory() + "/hosts";
  {
    // Reachable and unreachable, of both families and several scopes, so that sorting has work to
    // do.
    std::ofstream out(hosts);
    for (const char* address :
         {"203.0.113.5", "192.0.2.1", "2001:db8:ffff::9", "2001:db8::1", "fd00::7", "198.51.100.7"})
      out << address << " many.veilwire.test\n";
  }
  const std::string conf = arena().directory() + "/nsswitch.conf";
  std::ofstream(conf) << "hosts: files\n";
  ASSERT_EQ(std::system(("mount --bind " + hosts +
                         " /etc/hosts && ( [ -e /etc/nsswitch.conf ] && "
                         "mount --bind " +
                         conf + " /etc/nsswitch.conf || true )")
                            .c_str()),
            0);
  // Routes to some of them only: what is unreachable must sort last, with us and without.
  ASSERT_EQ(std::system("ip route add unreachable 203.0.113.0/24 && "
                        "ip -6 route add unreachable 2001:db8:ffff::/48 && "
                        "ip -6 route add unreachable fd00::/8"),
            0);
  for (const char* service : {"443", "https", static_cast<const char*>(nullptr)}) {
    const Order expected = arena().in_client([=] { return resolve(service); }, /*labelled=*/false);
    const Order got = arena().in_client([=] { return resolve(service); });
    ASSERT_EQ(expected.error, 0) << ::gai_strerror(expected.error);
    EXPECT_EQ(std::count(std::begin(expected.addresses), std::end(expected.addresses), ' '), 6);
    EXPECT_STREQ(got.addresses, expected.addresses) << (service == nullptr ? "none" : service);
  }
  EXPECT_GE(arena().count(VW_REASON_QUIC_MARKED), 3U) << "the probing connects were seen";
}

}  // namespace
}  // namespace veilwire::tests
