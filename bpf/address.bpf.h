/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Addresses as plain values: 16 bytes in network order, IPv4 in v4-mapped form, so that one key and
 * one comparison serve both families.
 *
 * Tested by tests/bpf/predicates_test.cpp.
 */
#ifndef VEILWIRE_BPF_ADDRESS_BPF_H
#define VEILWIRE_BPF_ADDRESS_BPF_H

#include "bpf/prelude.bpf.h"

struct vw_address {
  union {
    __u8 bytes[16];
    __u32 words[4]; /* network order */
  };
};

vw_inline struct vw_address vw_address4(__u32 network_order) {
  struct vw_address a = {.words = {0, 0, bpf_htonl(0xffff), network_order}};
  return a;
}

vw_inline struct vw_address vw_address6(__u32 a, __u32 b, __u32 c, __u32 d) {
  struct vw_address address = {.words = {a, b, c, d}};
  return address;
}

vw_inline int vw_is_mapped4(const struct vw_address* a) {
  return a->words[0] == 0 && a->words[1] == 0 && a->words[2] == bpf_htonl(0xffff);
}

/* The kernel connects to loopback when asked for 0.0.0.0 or ::, so that is what they mean here. */
vw_inline void vw_resolve_unspecified(struct vw_address* a) {
  if (vw_is_mapped4(a) && a->words[3] == 0)
    a->words[3] = bpf_htonl(0x7f000001);
  else if (a->words[0] == 0 && a->words[1] == 0 && a->words[2] == 0 && a->words[3] == 0)
    a->words[3] = bpf_htonl(1);
}

vw_inline int vw_is_loopback(const struct vw_address* a) {
  if (vw_is_mapped4(a)) return (a->words[3] & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000);
  return a->words[0] == 0 && a->words[1] == 0 && a->words[2] == 0 && a->words[3] == bpf_htonl(1);
}

/* fe80::/10: means nothing without the interface, which no hook tells. */
vw_inline int vw_is_link_local6(const struct vw_address* a) {
  return a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

#endif /* VEILWIRE_BPF_ADDRESS_BPF_H */
