// Stands in for glibc's function of this name, which came with 2.36: Debian's libstdc++.a refers to
// it (std::random_device), and programs that bring libstdc++ along are to start under RHEL 9, whose
// glibc is 2.34. Linked into every program by veilwire_program(). Tested by
// tests/unit/host/arc4random_test.cpp, and that no other newer symbol is taken by packaging/reach.
#include <cerrno>
#include <cstdint>
#include <cstdlib>

#include <sys/random.h>

extern "C" std::uint32_t arc4random() noexcept {
  std::uint32_t value = 0;
  // So few bytes come whole; a signal interrupts only while the kernel gathers its first
  // randomness.
  while (::getrandom(&value, sizeof value, 0) != sizeof value)
    if (errno != EINTR) std::abort();
  return value;
}
