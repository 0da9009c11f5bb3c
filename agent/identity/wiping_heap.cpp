// What this program frees is wiped first: a token goes through more hands than ours, through the
// buffers of HTTP, JSON and TLS, and none of them leaves it behind. Linked into programs that hold
// tokens; the bound of what it costs is that of the memory which they free. What OpenSSL frees goes
// the same way from use_wiping_heap() on. Tested by tests/unit/identity/wiping_heap_test.cpp, and
// by tests/e2e/provider_test.py, which looks through the memory of the running program.
#include "agent/identity/wiping_heap.h"

#include "userspace/base/secret.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <stdexcept>

#include <malloc.h>
#include <openssl/crypto.h>

namespace {

void free_wiped(void* block) noexcept {
  if (block == nullptr) return;
  veilwire::wipe(block, ::malloc_usable_size(block));
  std::free(block);
}

void* allocate(std::size_t size) noexcept { return std::malloc(size == 0 ? 1 : size); }
void* allocate(std::size_t size, std::align_val_t alignment) noexcept {
  void* block = nullptr;
  return ::posix_memalign(&block, static_cast<std::size_t>(alignment), size == 0 ? 1 : size) == 0
             ? block
             : nullptr;
}

void* or_throw(void* block) {
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void* openssl_allocate(std::size_t size, const char*, int) { return std::malloc(size); }
void openssl_free(void* block, const char*, int) { free_wiped(block); }
void* openssl_reallocate(void* block, std::size_t size, const char*, int) {
  if (block == nullptr) return std::malloc(size);
  if (size == 0) return free_wiped(block), nullptr;
  const std::size_t before = ::malloc_usable_size(block);
  if (size <= before) return block;
  void* const larger = std::malloc(size);
  if (larger == nullptr) return nullptr;
  std::memcpy(larger, block, before);
  free_wiped(block);
  return larger;
}

}  // namespace

void* operator new(std::size_t size) { return or_throw(allocate(size)); }
void* operator new[](std::size_t size) { return or_throw(allocate(size)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return or_throw(allocate(size, alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return or_throw(allocate(size, alignment));
}
void operator delete(void* block) noexcept { free_wiped(block); }
void operator delete[](void* block) noexcept { free_wiped(block); }
void operator delete(void* block, std::size_t) noexcept { free_wiped(block); }
void operator delete[](void* block, std::size_t) noexcept { free_wiped(block); }
void operator delete(void* block, std::align_val_t) noexcept { free_wiped(block); }
void operator delete[](void* block, std::align_val_t) noexcept { free_wiped(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { free_wiped(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { free_wiped(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { free_wiped(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { free_wiped(block); }

namespace veilwire::agent_identity {

void use_wiping_heap() {
  if (CRYPTO_set_mem_functions(openssl_allocate, openssl_reallocate, openssl_free) != 1)
    throw std::runtime_error("OpenSSL was in use before what it frees could be wiped");
}

}  // namespace veilwire::agent_identity
