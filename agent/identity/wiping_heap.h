// See wiping_heap.cpp, which is linked into programs and never into a library: it changes the heap
// of the whole program.
#pragma once

namespace veilwire::agent_identity {

// Before OpenSSL is used. Throws std::runtime_error.
void use_wiping_heap();

}  // namespace veilwire::agent_identity
