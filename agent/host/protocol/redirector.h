// The privileged interface, all of it: what the proxy says to the redirector over one
// SOCK_SEQPACKET connection.
//
// The redirector checks SO_PEERCRED (the proxy's configured uid, or root), then answers every
// message with one RedirectorAnswer. A message of another version, size or type is answered
// `Malformed` and the connection closed. One proxy at a time is registered; a newer connection
// replaces the older. Closing it changes nothing that is in force: listeners stay authentic as long
// as they listen, addresses until they expire.
//
// One message comes unasked: a RedirectorNotice, to a proxy that has shown its listeners. The
// redirector has no way to the ledger; the proxy puts it on record.
//
// Tested by tests/bpf/service_test.cpp.
#pragma once

#include <cstdint>

namespace veilwire::host::protocol {

inline constexpr std::uint16_t kRedirectorVersion = 1;
inline constexpr std::uint16_t kRedirectorMaxListeners =
    16;  // a message's descriptors (SCM_RIGHTS)
inline constexpr std::uint16_t kRedirectorMaxAddresses = 64;      // a message's addresses
inline constexpr std::uint32_t kRedirectorMaxTargets = 4096;      // kept; more is answered `Full`
inline constexpr std::uint32_t kRedirectorMaxTargetTime = 86400;  // seconds

enum class RedirectorMessage : std::uint16_t {
  Hello = 1,  // struct RedirectorRequest. The answer carries one descriptor: the heartbeat map, to
              // be mapped shared and writable (sizeof(vw_heartbeat)); the proxy stores
              // CLOCK_MONOTONIC nanoseconds in it once a second from its event loop. The caller is
              // exempt from redirection from here on.
  Listeners =
      2,  // struct RedirectorRequest with 1..16 listening TCP sockets: those bound to 127.0.0.1 or
          // ::1 are marked as authentic, and connects in their network namespace go to them.
  Targets =
      3,  // struct RedirectorTargets: addresses that the proxy resolved for intercepted hosts.
};

struct RedirectorRequest {
  std::uint16_t version;  // kRedirectorVersion
  RedirectorMessage type;
  std::uint32_t reserved;  // zero
};

struct RedirectorTargets {
  RedirectorRequest head;
  std::uint32_t
      lifetime_seconds;  // 1..kRedirectorMaxTargetTime; pushing an address again renews it
  std::uint32_t count;   // 1..kRedirectorMaxAddresses; the rest of the array is zero
  std::uint8_t addresses[kRedirectorMaxAddresses]
                        [16];  // IPv4 as ::ffff:a.b.c.d; loopback and :: are refused
};

enum class RedirectorStatus : std::uint16_t {
  Ok = 0,
  Malformed = 1,
  NotAllowed = 2,
  Full = 3,
  Failed = 4
};

struct RedirectorAnswer {
  std::uint16_t version;
  RedirectorStatus status;
  std::uint32_t error;  // errno of what failed, for the log; 0 if none
};

// A kernel program that was found not to be in force: whoever may do that has detached it, removed
// its pin or replaced it. What was found while no proxy was there is told to the next one.
struct RedirectorNotice {
  std::uint16_t version;
  std::uint16_t restored;  // 0 or 1: it is attached again
  std::uint32_t away_ms;   // at most so long it was away; UINT32_MAX: that is not known
  char program[24];        // NUL-padded; "interception": all of them, by `detach`
};
static_assert(sizeof(RedirectorNotice) != sizeof(RedirectorAnswer), "told apart by their size");

}  // namespace veilwire::host::protocol
