// Where the kernel tests take place: a mount and a network namespace of the test's own, cgroups
// below a child of the cgroup2 mount, pins on a bpffs that goes with the mount namespace. Nothing
// outside is attached to, and a crash leaves at most empty cgroups, which the next run removes by
// their name. Roles are processes: a redirector, a proxy without privileges, clients.
#pragma once

#include "agent/host/unique_fd.h"
#include "agent/redirector/config.h"
#include "agent/redirector/iterators.h"
#include "agent/redirector/kernel_maps.h"
#include "bpf/abi.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/types.h>

namespace veilwire::tests {

inline constexpr unsigned kNobody = 65534;
// Local addresses of the test's namespace that the predicates take for remote ones.
inline constexpr const char* kRemote4 = "192.0.2.1";
inline constexpr const char* kOther4 = "198.51.100.7";
inline constexpr const char* kRemote6 = "2001:db8::1";

// A child process, killed by its own pid when the test lets go of it.
class Child {
 public:
  Child() = default;
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child() { kill(); }
  pid_t pid() const { return pid_; }
  void kill();
  // Waits for its end; the exit code, or 128 + signal.
  int wait();

 private:
  pid_t pid_ = -1;
};

// What the proxy answers to everybody who connects: what it has learnt about them.
struct Reply {
  int error = 0;  // errno of getsockopt
  vw_origin origin{};
};

struct Connected {
  int error = 0;      // errno of connect
  bool read = false;  // a reply came
  Reply reply{};
  sockaddr_storage peer{};  // getpeername
  std::uint32_t tgid = 0;
};

sockaddr_storage address_of(const char* address, std::uint16_t port);
socklen_t size_of(const sockaddr_storage& address);
std::string text_of(const sockaddr_storage& address);
std::string destination_of(const vw_origin& origin);

// The client's part: connect and read the reply. type_flags go into socket().
Connected connect_to(const char* address, std::uint16_t port);
Connected connect_with(int fd, const sockaddr_storage& destination);
Connected finish(int fd);  // of a connected socket: read the reply, ask for the peer

void write_text(const std::string& path, const std::string& text);
host::UniqueFd tcp_socket(int family);
// A listening socket of the calling process, for destinations that must not be redirected.
host::UniqueFd listen_on(const char* address, std::uint16_t port, int backlog = 4096);
std::uint16_t port_of(int fd);
// A new network namespace with loopback up and the remote addresses on it.
void enter_network();
void wait_until_readable(int fd);

class Arena {
 public:
  // Throws std::runtime_error if this is not root on a kernel with BTF: such a test fails, or says
  // SKIPPED.
  Arena();
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  const std::string& directory() const { return directory_; }
  std::string pins() const { return directory_ + "/bpf/veilwire"; }
  std::string socket() const { return directory_ + "/redirector.sock"; }
  const std::string& root_cgroup() const { return root_; }  // of the two below
  const std::string& clients_cgroup() const { return clients_; }
  const std::string& proxy_cgroup() const { return proxy_; }

  redirector::Settings settings() const;

  // Forks a redirector and waits until it serves.
  void start_redirector(const redirector::Settings& settings);
  // The same, but for a start that must fail.
  bool redirector_starts(const redirector::Settings& settings);
  void stop_redirector();
  void signal_redirector(int number) const {
    ::kill(redirector_.pid(), number);
  }  // by SIGKILL: its death must change nothing
  pid_t redirector_pid() const { return redirector_.pid(); }

  struct ProxyOptions {
    bool listen4 = true;
    bool listen6 = true;
    std::uint16_t port4 = 0;
    int backlog = 4096;
    // Listeners of an earlier proxy, as a service manager would store and pass them.
    const std::vector<host::UniqueFd>* stored = nullptr;
    bool store = false;  // give the test the listeners, which then outlive the proxy
  };
  // Forks a proxy that registers its listeners and answers; several may run.
  class Proxy {
   public:
    std::uint16_t port4 = 0;
    std::uint16_t port6 = 0;
    Child process;
    host::UniqueFd control;
    std::vector<host::UniqueFd> stored;
    // Each is done when the call returns.
    void stop_beating();
    void close_listeners();
    void push_target(const char* address);
    void accept_nothing();                              // connects queue from here on
    int dial(const char* address, std::uint16_t port);  // errno of its own connect
  };
  Proxy start_proxy() { return start_proxy(ProxyOptions{}); }
  Proxy start_proxy(const ProxyOptions& options);

  // Runs work in a child process of the clients' cgroup and returns what it returns.
  template <class F>
  std::invoke_result_t<F> in_client(F work, bool labelled = true) {
    using T = std::invoke_result_t<F>;
    static_assert(std::is_trivially_copyable_v<T>);
    T result{};
    run_client([&](int out) { write_all(out, result = work()); }, labelled, &result,
               sizeof(result));
    return result;
  }

  // The same, but the test goes on meanwhile.
  Child start_client(const std::function<void()>& work, bool labelled = true);

  redirector::KernelMaps maps() const;
  std::uint64_t count(vw_reason reason) const { return maps().counter(reason); }
  const redirector::Iterators& iterators();

  // Gives a process a confirmed label, as an exec would have.
  void label(pid_t pid);

  void join(const std::string& cgroup) const;  // moves the calling process

 private:
  template <class T>
  static void write_all(int fd, const T& value) {
    write_bytes(fd, &value, sizeof(value));
  }
  static void write_bytes(int fd, const void* data, std::size_t size);
  void run_client(const std::function<void(int)>& work, bool labelled, void* result,
                  std::size_t size);

  std::string directory_;
  std::string root_;
  std::string clients_;
  std::string proxy_;
  Child redirector_;
  std::unique_ptr<redirector::Iterators> iterators_;
};

// Fixture: a fresh arena for each test, or SKIPPED aloud where the kernel cannot be tested.
class KernelTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;  // after a failure it prints all labels and counters
  Arena& arena() { return *arena_; }

 private:
  std::unique_ptr<Arena> arena_;
};

}  // namespace veilwire::tests
