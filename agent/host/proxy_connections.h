// How many connections the proxy makes to each of the other programs, and so how many they must
// take: a thread that finds no place would serve nobody.
#pragma once

#include <cstddef>

namespace veilwire::host {

// Of the proxy; each has one connection to the signer, to identity and to the recorder.
inline constexpr unsigned kMostProxyThreads = 64;
// As many again while it is replaced; what is more is somebody who has its user and misuses it.
inline constexpr std::size_t kProxyConnections = std::size_t{2} * kMostProxyThreads;

}  // namespace veilwire::host
