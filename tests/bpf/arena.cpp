#include "tests/bpf/arena.h"

#include "agent/host/local_socket.h"
#include "agent/host/log.h"
#include "agent/host/protocol/redirector.h"
#include "agent/redirector/detach.h"
#include "agent/redirector/kernel_programs.h"
#include "agent/redirector/places.h"
#include "agent/redirector/redirector.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <system_error>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace veilwire::tests {
namespace {

namespace fs = std::filesystem;
namespace protocol = host::protocol;

constexpr const char* kPrefix = "veilwire-test-";

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}
void check(bool good, const std::string& what) {
  if (!good) fail(what);
}

std::string cgroup_mount() {
  std::ifstream in("/proc/self/mountinfo");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto mount = redirector::find_mount(text, "cgroup2");
  if (!mount) throw std::runtime_error("no cgroup2 file system is mounted");
  return *mount;
}

// Only what carries our name and whose process is gone.
void remove_leftovers(const std::string& mount) {
  for (const auto& entry : fs::directory_iterator(mount)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kPrefix)) continue;
    if (fs::exists("/proc/" + name.substr(std::strlen(kPrefix)))) continue;
    for (const char* child : {"clients", "proxy"}) {
      std::ofstream(entry.path() / child / "cgroup.kill") << "1";
      ::rmdir((entry.path() / child).c_str());
    }
    ::rmdir(entry.path().c_str());
  }
  for (const auto& entry : fs::directory_iterator("/tmp")) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kPrefix)) continue;
    if (fs::exists("/proc/" + name.substr(std::strlen(kPrefix)))) continue;
    std::error_code ignored;
    fs::remove_all(entry.path(), ignored);
  }
}

void add_address(int fd6, const char* address) {
  // struct in6_ifreq of linux/ipv6.h, which cannot be included beside netinet/in.h.
  struct {
    in6_addr address;
    std::uint32_t prefix;
    int interface;
  } request{};
  ::inet_pton(AF_INET6, address, &request.address);
  request.prefix = 128;
  request.interface = 1;  // lo
  check(::ioctl(fd6, SIOCSIFADDR, &request) == 0, std::string("add ") + address);
}

void add_address4(int fd, const char* name, const char* address) {
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  sockaddr_in in{};
  in.sin_family = AF_INET;
  ::inet_pton(AF_INET, address, &in.sin_addr);
  std::memcpy(&request.ifr_addr, &in, sizeof(in));
  check(::ioctl(fd, SIOCSIFADDR, &request) == 0, std::string("add ") + address);
}

// ---- the proxy's process ----

template <class T>
protocol::RedirectorAnswer ask(int fd, const T& request, std::span<const int> descriptors,
                               host::UniqueFd* received) {
  if (!host::send_message(fd, {reinterpret_cast<const char*>(&request), sizeof(request)},
                          descriptors))
    throw std::runtime_error("send to the redirector");
  auto message = host::receive_message(fd);
  protocol::RedirectorAnswer answer{};
  if (!message || message->bytes.size() != sizeof(answer))
    throw std::runtime_error("no answer from the redirector");
  std::memcpy(&answer, message->bytes.data(), sizeof(answer));
  if (answer.status != protocol::RedirectorStatus::Ok)
    throw std::runtime_error("redirector says " + std::to_string(static_cast<int>(answer.status)) +
                             ", errno " + std::to_string(answer.error));
  if (received != nullptr && !message->descriptors.empty())
    *received = std::move(message->descriptors.front());
  return answer;
}

void beat(vw_heartbeat* heart) {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  heart->beat_ns = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
                   static_cast<std::uint64_t>(now.tv_nsec);
}

void answer_one(int listener) {
  const host::UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
  if (!fd) return;
  Reply reply;
  socklen_t size = sizeof(reply.origin);
  if (::getsockopt(fd.get(), VW_SOL_VEILWIRE, VW_SO_ORIGIN, &reply.origin, &size) != 0)
    reply.error = errno;
  // A client of Fast Open has sent a byte already: unread, it would turn our close into a reset.
  char ignored[16];
  (void)::recv(fd.get(), ignored, sizeof(ignored), MSG_DONTWAIT);
  (void)::send(fd.get(), &reply, sizeof(reply), MSG_NOSIGNAL);
}

struct ProxyHello {
  std::uint16_t port4 = 0;
  std::uint16_t port6 = 0;
};

[[noreturn]] void proxy_main(const Arena& arena, const Arena::ProxyOptions& options, int control) {
  arena.join(arena.proxy_cgroup());
  check(::setresgid(kNobody, kNobody, kNobody) == 0, "setresgid");
  check(::setresuid(kNobody, kNobody, kNobody) == 0, "setresuid");
  const auto connected = host::connect_local(arena.socket(), true);
  if (!connected) throw std::runtime_error("connect to the redirector");
  host::UniqueFd heartbeat;
  protocol::RedirectorRequest request{protocol::kRedirectorVersion,
                                      protocol::RedirectorMessage::Hello, 0};
  ask(connected->get(), request, {}, &heartbeat);
  void* page =
      ::mmap(nullptr, sizeof(vw_heartbeat), PROT_READ | PROT_WRITE, MAP_SHARED, heartbeat.get(), 0);
  check(page != MAP_FAILED, "map the heartbeat");
  auto* heart = static_cast<vw_heartbeat*>(page);
  beat(heart);

  std::vector<host::UniqueFd> listeners;
  ProxyHello hello;
  if (options.stored != nullptr) {
    for (const auto& fd : *options.stored) listeners.emplace_back(::dup(fd.get()));
  } else if (options.listen4) {
    listeners.push_back(listen_on("127.0.0.1", options.port4, options.backlog));
    hello.port4 = port_of(listeners.back().get());
  }
  if (options.listen6 && options.stored == nullptr) {
    listeners.push_back(listen_on("::1", 0, options.backlog));
    hello.port6 = port_of(listeners.back().get());
  }
  std::vector<int> numbers;
  for (const auto& listener : listeners) numbers.push_back(listener.get());
  request.type = protocol::RedirectorMessage::Listeners;
  ask(connected->get(), request, numbers, nullptr);
  if (!host::send_message(control, {reinterpret_cast<const char*>(&hello), sizeof(hello)},
                          options.store ? std::span<const int>(numbers) : std::span<const int>()))
    throw std::runtime_error("say hello");

  bool beating = true;
  bool accepting = true;
  for (;;) {
    if (beating) beat(heart);
    std::vector<pollfd> ready{{control, POLLIN, 0}};
    for (const auto& listener : listeners)
      ready.push_back({listener.get(), static_cast<short>(accepting ? POLLIN : 0), 0});
    ::poll(ready.data(), ready.size(), 200);
    for (std::size_t i = 1; i < ready.size(); ++i)
      if (ready[i].revents != 0) answer_one(ready[i].fd);
    if (ready[0].revents == 0) continue;
    char order[64]{};
    if (::read(control, order, sizeof(order)) <= 0) ::_exit(0);
    if (order[0] == 'b') {
      beating = false;
      heart->beat_ns = 1;
    } else if (order[0] == 'c') {
      listeners.clear();
    } else if (order[0] == 'q') {
      accepting = false;
    } else if (order[0] == 't') {
      protocol::RedirectorTargets targets{};
      targets.head = {protocol::kRedirectorVersion, protocol::RedirectorMessage::Targets, 0};
      targets.lifetime_seconds = 600;
      targets.count = 1;
      const auto address = redirector::parse_address(order + 1);
      std::copy(address->begin(), address->end(), static_cast<std::uint8_t*>(targets.addresses[0]));
      ask(connected->get(), targets, {}, nullptr);
    }
    std::string answer = "0";
    if (order[0] == 'd') {
      const auto where = redirector::parse_endpoint(order + 1);
      const sockaddr_storage to =
          address_of(redirector::to_string(where->address).c_str(), where->port);
      const host::UniqueFd fd = tcp_socket(to.ss_family);
      if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), size_of(to)) != 0)
        answer = std::to_string(errno);
    }
    check(::write(control, answer.data(), answer.size()) > 0, "acknowledge");
  }
}

int order(const host::UniqueFd& control, const std::string& text) {
  check(::write(control.get(), text.data(), text.size()) > 0, "order");
  char answer[16]{};
  check(::read(control.get(), answer, sizeof(answer) - 1) > 0, "the proxy did not answer");
  return std::stoi(answer);
}

// A child says why it failed: exceptions must not reach the test's own frames.
template <class F>
[[noreturn]] void guarded(F body) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  try {
    body();
    ::_exit(0);
  } catch (const std::exception& error) {
    const std::string text = std::string("child: ") + error.what() + "\n";
    (void)!::write(STDERR_FILENO, text.data(), text.size());
    ::_exit(99);
  }
}

}  // namespace

host::UniqueFd listen_on(const char* address, std::uint16_t port, int backlog) {
  const sockaddr_storage where = address_of(address, port);
  host::UniqueFd fd(::socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  check(static_cast<bool>(fd), "socket");
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (where.ss_family == AF_INET6)
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_FASTOPEN, &backlog, sizeof(backlog));
  check(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), size_of(where)) == 0, "bind");
  check(::listen(fd.get(), backlog) == 0, "listen");
  return fd;
}

std::uint16_t port_of(int fd) {
  sockaddr_storage name{};
  socklen_t size = sizeof(name);
  check(::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) == 0, "getsockname");
  sockaddr_in in{};
  std::memcpy(&in, &name, sizeof(in));  // the port lies at the same place in sockaddr_in6
  return ntohs(in.sin_port);
}

host::UniqueFd tcp_socket(int family) {
  return host::UniqueFd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    kill();
    pid_ = std::exchange(other.pid_, -1);
  }
  return *this;
}
void Child::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  wait();
}
int Child::wait() {
  if (pid_ <= 0) return -1;
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

sockaddr_storage address_of(const char* address, std::uint16_t port) {
  sockaddr_storage storage{};
  sockaddr_in in{};
  sockaddr_in6 in6{};
  if (::inet_pton(AF_INET, address, &in.sin_addr) == 1) {
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&storage, &in, sizeof(in));
  } else if (::inet_pton(AF_INET6, address, &in6.sin6_addr) == 1) {
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port);
    std::memcpy(&storage, &in6, sizeof(in6));
  } else {
    throw std::runtime_error(std::string("not an address: ") + address);
  }
  return storage;
}

socklen_t size_of(const sockaddr_storage& address) {
  return address.ss_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
}

std::string text_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof(in));
    ::inet_ntop(AF_INET, &in.sin_addr, text.data(), text.size());
    return std::string(text.data()) + ":" + std::to_string(ntohs(in.sin_port));
  }
  sockaddr_in6 in{};
  std::memcpy(&in, &address, sizeof(in));
  ::inet_ntop(AF_INET6, &in.sin6_addr, text.data(), text.size());
  return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(in.sin6_port));
}

std::string destination_of(const vw_origin& origin) {
  redirector::Address address{};
  std::copy(std::begin(origin.destination), std::end(origin.destination), address.begin());
  return redirector::to_string(redirector::Endpoint{address, origin.destination_port});
}

Connected finish(int fd) {
  Connected result;
  result.tgid = static_cast<std::uint32_t>(::getpid());
  result.read =
      ::recv(fd, &result.reply, sizeof(result.reply), MSG_WAITALL) == sizeof(result.reply);
  socklen_t size = sizeof(result.peer);
  ::getpeername(fd, reinterpret_cast<sockaddr*>(&result.peer), &size);
  return result;
}

Connected connect_with(int fd, const sockaddr_storage& destination) {
  Connected result;
  result.tgid = static_cast<std::uint32_t>(::getpid());
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&destination), size_of(destination)) != 0) {
    result.error = errno;
    return result;
  }
  return finish(fd);
}

Connected connect_to(const char* address, std::uint16_t port) {
  const sockaddr_storage destination = address_of(address, port);
  const host::UniqueFd fd = tcp_socket(destination.ss_family);
  return connect_with(fd.get(), destination);
}

void write_text(const std::string& path, const std::string& text) {
  const host::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  check(fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()),
        "write " + path);
}

void enter_network() {
  check(::unshare(CLONE_NEWNET) == 0, "a network namespace");
  const host::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const host::UniqueFd fd6(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
  check(::ioctl(fd.get(), SIOCSIFFLAGS, &request) == 0, "loopback up");
  add_address4(fd.get(), "lo:1", kRemote4);
  add_address4(fd.get(), "lo:2", kOther4);
  add_address(fd6.get(), kRemote6);
  write_text("/proc/sys/net/ipv4/tcp_fastopen", "1543");  // 0x607: both ends, without cookies
  write_text("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
}

void wait_until_readable(int fd) {
  pollfd ready{fd, POLLIN, 0};
  while (::poll(&ready, 1, -1) < 0 && errno == EINTR) {
  }
}

void Arena::Proxy::stop_beating() { order(control, "b"); }
void Arena::Proxy::close_listeners() { order(control, "c"); }
void Arena::Proxy::accept_nothing() { order(control, "q"); }
int Arena::Proxy::dial(const char* address, std::uint16_t port) {
  const std::string host = address;
  const bool six = host.find(':') != std::string::npos;
  return order(control, "d" + (six ? "[" + host + "]" : host) + ":" + std::to_string(port));
}
void Arena::Proxy::push_target(const char* address) { order(control, std::string("t") + address); }

Arena::Arena() {
  if (::geteuid() != 0) throw std::runtime_error("needs root");
  if (::access("/sys/kernel/btf/vmlinux", R_OK) != 0)
    throw std::runtime_error("needs a kernel with BTF");
  const std::string mount = cgroup_mount();
  remove_leftovers(mount);
  const std::string name = kPrefix + std::to_string(::getpid());
  root_ = mount + "/" + name;
  clients_ = root_ + "/clients";
  proxy_ = root_ + "/proxy";
  for (const std::string& path : {root_, clients_, proxy_})
    check(::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST, "make " + path);

  check(::unshare(CLONE_NEWNS) == 0, "a mount namespace");
  check(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
  directory_ = "/tmp/" + name;
  const std::string pins = directory_ + "/bpf";
  fs::create_directories(pins);
  fs::permissions(directory_, fs::perms(0755));
  check(::mount("bpf", pins.c_str(), "bpf", 0, nullptr) == 0, "mount a bpffs");
  enter_network();
}

Arena::~Arena() {
  redirector_.kill();
  for (const std::string& left : redirector::detach_all(pins())) ADD_FAILURE() << "left: " << left;
  ::umount2((directory_ + "/bpf").c_str(), MNT_DETACH);
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
  // What a test has killed may still be on its way out.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const auto removed = [&](const std::string& path) {
    while (::rmdir(path.c_str()) != 0) {
      if (errno != EBUSY || std::chrono::steady_clock::now() > deadline) return false;
      ::poll(nullptr, 0, 5);
    }
    return true;
  };
  for (const std::string& path : {clients_, proxy_, root_})
    if (!removed(path)) ADD_FAILURE() << path << ": " << std::strerror(errno);
}

redirector::Settings Arena::settings() const {
  redirector::Settings settings;
  settings.cgroup = clients_;
  settings.proxy_cgroup = proxy_;
  settings.pin_directory = pins();
  settings.socket = socket();
  settings.ports = {80, 443, 8443};
  settings.heartbeat = std::chrono::seconds(60);  // a crowded machine is not a dead proxy
  return settings;
}

void Arena::start_redirector(const redirector::Settings& settings) {
  if (!redirector_starts(settings)) throw std::runtime_error("the redirector did not start");
}

bool Arena::redirector_starts(const redirector::Settings& settings) {
  redirector_.kill();
  int ready[2];
  int stop[2];
  check(::pipe2(ready, O_CLOEXEC) == 0 && ::pipe2(stop, O_CLOEXEC) == 0, "pipe");
  const pid_t pid = ::fork();
  check(pid >= 0, "fork");
  if (pid == 0)
    guarded([&] {
      host::log::start("redirector", "warning");
      redirector::Redirector program(settings, host::listen_local(settings.socket, 0666), kNobody);
      check(::write(ready[1], "r", 1) == 1, "ready");
      program.run(stop[0]);  // never readable: ends by a signal
    });
  redirector_ = Child(pid);
  for (const int fd : {ready[1], stop[0], stop[1]}) ::close(fd);
  char answer = 0;
  const ssize_t got = ::read(ready[0], &answer, 1);
  ::close(ready[0]);
  return got == 1;
}

void Arena::stop_redirector() { redirector_.kill(); }

Arena::Proxy Arena::start_proxy(const ProxyOptions& options) {
  int control[2];
  check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) == 0, "socketpair");
  const pid_t pid = ::fork();
  check(pid >= 0, "fork");
  if (pid == 0)
    guarded([&] {
      ::close(control[0]);
      proxy_main(*this, options, control[1]);
    });
  ::close(control[1]);
  Proxy proxy;
  proxy.process = Child(pid);
  proxy.control.reset(control[0]);
  ProxyHello hello;
  auto message = host::receive_message(control[0]);
  if (!message || message->bytes.size() != sizeof(hello))
    throw std::runtime_error("the proxy did not start");
  std::memcpy(&hello, message->bytes.data(), sizeof(hello));
  proxy.stored = std::move(message->descriptors);
  proxy.port4 = hello.port4;
  proxy.port6 = hello.port6;
  return proxy;
}

redirector::KernelMaps Arena::maps() const {
  return redirector::KernelMaps(redirector::versioned_directory(pins()) + "/maps");
}

const redirector::Iterators& Arena::iterators() {
  if (!iterators_) iterators_ = std::make_unique<redirector::Iterators>();
  return *iterators_;
}

void Arena::label(pid_t pid) {
  const auto own_tgid = static_cast<std::uint32_t>(pid);
  for (const vw_process& process : iterators().processes()) {
    if (process.own_tgid != own_tgid) continue;
    const std::uint32_t tgid = process.tgid;
    vw_label label{};
    label.start_boottime_ns = process.start_boottime_ns;
    label.word = VW_LABEL_CONFIRMED;
    label.root_tgid = tgid;
    label.root_start_boottime_ns = process.start_boottime_ns;
    label.exe = process.exe;
    label.memory_map = process.memory_map;
    if (!maps().insert_label(tgid, label)) fail("label");
    return;
  }
  throw std::runtime_error("no process to label");
}

void Arena::join(const std::string& cgroup) const { write_text(cgroup + "/cgroup.procs", "0"); }

void Arena::write_bytes(int fd, const void* data, std::size_t size) {
  check(::write(fd, data, size) == static_cast<ssize_t>(size), "result");
}

Child Arena::start_client(const std::function<void()>& work, bool labelled) {
  int start[2];
  check(::pipe2(start, O_CLOEXEC) == 0, "pipe");
  const pid_t pid = ::fork();
  check(pid >= 0, "fork");
  if (pid == 0)
    guarded([&] {
      char go = 0;
      join(clients_);
      check(::read(start[0], &go, 1) == 1, "start");
      work();
    });
  Child child(pid);
  ::close(start[0]);
  if (labelled) label(pid);
  write_bytes(start[1], "g", 1);
  ::close(start[1]);
  return child;
}

void Arena::run_client(const std::function<void(int)>& work, bool labelled, void* result,
                       std::size_t size) {
  int out[2];
  check(::pipe2(out, O_CLOEXEC) == 0, "pipe");
  Child child = start_client([&] { work(out[1]); }, labelled);
  ::close(out[1]);
  std::size_t got = 0;
  while (got < size) {
    const ssize_t n = ::read(out[0], static_cast<char*>(result) + got, size - got);
    if (n <= 0) break;
    got += static_cast<std::size_t>(n);
  }
  ::close(out[0]);
  if (const int code = child.wait(); code != 0 || got != size)
    throw std::runtime_error("a client failed: " + std::to_string(code));
}

// A test that waits for what does not come must not hold the machine: SIGALRM ends it, its children
// follow, and so do its namespaces with everything pinned in them.
constexpr unsigned kTestSeconds = 120;

void KernelTest::SetUp() {
  ::alarm(kTestSeconds);
  try {
    arena_ = std::make_unique<Arena>();
  } catch (const std::runtime_error& error) {
    // Root and BTF are what this tier needs; anything else that goes wrong is a failure.
    if (::geteuid() == 0 && ::access("/sys/kernel/btf/vmlinux", R_OK) == 0) throw;
    GTEST_SKIP() << "SKIPPED: the kernel tier cannot run here: " << error.what();
  }
}

void KernelTest::TearDown() {
  std::error_code ignored;
  if (HasFailure() && arena_ && fs::exists(arena_->pins(), ignored)) {
    const redirector::KernelMaps maps = arena_->maps();
    for (const auto& [tgid, label] : maps.labels())
      std::cerr << "label of " << tgid << ": state " << (label.word & VW_LABEL_STATE_MASK)
                << " after " << (label.word >> 8) << " execs, root " << label.root_tgid << "\n";
    for (const auto& [name, count] : maps.counters())
      if (count != 0) std::cerr << name << ": " << count << "\n";
  }
  arena_.reset();
}

}  // namespace veilwire::tests
