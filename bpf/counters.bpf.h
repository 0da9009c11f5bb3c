/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Every early return names its reason, so that status can say why a connection was not intercepted.
 *
 * Tested by the redirect tests, which compare counters.
 */
#ifndef VEILWIRE_BPF_COUNTERS_BPF_H
#define VEILWIRE_BPF_COUNTERS_BPF_H

#include "bpf/maps.bpf.h"

/* Atomic although per cpu: some of these programs can be preempted by themselves. */
vw_inline void vw_count(__u32 reason) {
  __u64* count = bpf_map_lookup_elem(&counters, &reason);
  if (count) __sync_fetch_and_add(count, 1);
}

#endif /* VEILWIRE_BPF_COUNTERS_BPF_H */
