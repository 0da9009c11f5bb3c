// Wraps a C handle in a unique_ptr on the day it appears: Owned<EVP_PKEY, EVP_PKEY_free>. Knows no
// library itself.
#pragma once

#include <memory>

namespace veilwire::crypto {

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* handle) const {
    kFree(handle);
  }
};

template <class T, auto kFree>
using Owned = std::unique_ptr<T, Free<kFree>>;

}  // namespace veilwire::crypto
