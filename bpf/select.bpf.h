/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Who is intercepted: a decision over plain values, and the lookups that fill them in.
 *
 * Tested by tests/bpf/predicates_test.cpp.
 */
#ifndef VEILWIRE_BPF_SELECT_BPF_H
#define VEILWIRE_BPF_SELECT_BPF_H

#include "bpf/address.bpf.h"
#include "bpf/counters.bpf.h"
#include "bpf/label.bpf.h"

struct vw_facts {
  __u32 port_flags;     /* VW_PORT_* of the destination port, 0 if not configured */
  __u8 labelled;        /* the task's label is in scope */
  __u8 socket_labelled; /* or the socket's creator's was */
  __u8 target;          /* the destination lies in a target prefix */
  __u8 endpoint;        /* the destination is a listed address and port */
  __u8 loopback;
};

/* VW_REASON_REDIRECTED if the connect is in scope, otherwise why it is not. Loopback passes unless
 * it is listed: sandboxes, debuggers and development servers live there. */
vw_inline __u32 vw_decide(const struct vw_facts* facts) {
  if (facts->endpoint) return VW_REASON_REDIRECTED;
  if (!facts->port_flags) return VW_REASON_PORT_NOT_IN_SCOPE;
  if (facts->target && (facts->port_flags & VW_PORT_TARGET)) return VW_REASON_REDIRECTED;
  if (facts->loopback) return VW_REASON_LOOPBACK;
  if ((facts->labelled || facts->socket_labelled) && (facts->port_flags & VW_PORT_LABELLED))
    return VW_REASON_REDIRECTED;
  return VW_REASON_NOT_SELECTED;
}

vw_inline int vw_is_target(const struct vw_address* address) {
  if (vw_is_mapped4(address)) {
    struct vw_prefix4 key = {.bits = 32};
    __builtin_memcpy(key.address, &address->words[3], sizeof(key.address));
    return bpf_map_lookup_elem(&targets4, &key) != 0;
  }
  struct vw_prefix6 key = {.bits = 128};
  __builtin_memcpy(key.address, address->bytes, sizeof(key.address));
  return bpf_map_lookup_elem(&targets6, &key) != 0;
}

vw_inline int vw_is_endpoint(const struct vw_address* address, __u16 port) {
  struct vw_endpoint key = {.port = port};
  __builtin_memcpy(key.address, address->bytes, sizeof(key.address));
  return bpf_map_lookup_elem(&endpoints, &key) != 0;
}

vw_inline __u32 vw_port_flags(__u16 port) {
  __u32* flags = bpf_map_lookup_elem(&ports, &port);
  return flags ? *flags : 0;
}

/* By label, which the redirector gave to the registered proxy, and by cgroup: never by pid or port.
 */
vw_inline int vw_is_proxy(const struct vw_settings* set, const struct vw_label* label) {
  if (label && vw_state(label->word) == VW_LABEL_EXEMPT) return 1;
  return set->proxy_cgroup_id &&
         bpf_get_current_ancestor_cgroup_id((int)set->proxy_cgroup_level) == set->proxy_cgroup_id;
}

#endif /* VEILWIRE_BPF_SELECT_BPF_H */
