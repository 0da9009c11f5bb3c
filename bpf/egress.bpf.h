/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The confused deputy: a client whose cgroup has an egress filter would escape it through the
 * proxy. Before a redirect, ask whether an egress program is effective on the client's socket that
 * does not bind the proxy. The kernel judges a socket by the cgroup it was created in, so that is
 * what is asked.
 *
 * Tested by tests/bpf/redirect_test.cpp.
 */
#ifndef VEILWIRE_BPF_EGRESS_BPF_H
#define VEILWIRE_BPF_EGRESS_BPF_H

#include "bpf/counters.bpf.h"

/* More effective programs than this count as a filter. */
#define VW_EGRESS_PROGRAMS 6

vw_inline int vw_is_shared_egress(const struct vw_settings* set, __u32 id) {
#pragma unroll
  for (int i = 0; i < VW_SHARED_EGRESS_COUNT; i++)
    if (set->shared_egress[i] == id) return 1;
  return 0;
}

vw_inline int vw_egress_filtered(const struct vw_settings* set, struct sock* sk) {
  struct cgroup* cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup);
  __u64 type = bpf_core_enum_value(enum cgroup_bpf_attach_type, CGROUP_INET_EGRESS);
  /* Arrays are walked by hand: CO-RE relocates constant indices only. */
  __u64 slot = (__u64)__builtin_preserve_access_index(&cgroup->bpf.effective) +
               type * sizeof(struct bpf_prog_array*);
  struct bpf_prog_array* programs = 0;
  if (bpf_probe_read_kernel(&programs, sizeof(programs), (void*)slot)) {
    vw_count(VW_REASON_EGRESS_UNKNOWN); /* who cannot be asked may filter */
    return 1;
  }
  if (!programs) return 0;
  __u64 item = (__u64)__builtin_preserve_access_index(&programs->items);
  __u64 stride = bpf_core_type_size(struct bpf_prog_array_item);
#pragma unroll
  for (int i = 0; i < VW_EGRESS_PROGRAMS; i++, item += stride) {
    struct bpf_prog* program = BPF_CORE_READ((struct bpf_prog_array_item*)item, prog);
    if (!program) return 0;
    __u32 id = BPF_CORE_READ(program, aux, id);
    if (!id || !vw_is_shared_egress(set, id)) return 1;
  }
  return 1;
}

#endif /* VEILWIRE_BPF_EGRESS_BPF_H */
