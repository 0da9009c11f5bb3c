/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What every kernel-side file starts with: UAPI contexts, kernel types, libbpf's helpers, and the
 * two idioms that clang 14 and the verifier force on us.
 */
#ifndef VEILWIRE_BPF_PRELUDE_BPF_H
#define VEILWIRE_BPF_PRELUDE_BPF_H

// clang-format off
#include <linux/bpf.h>
#include <linux/in.h>
// clang-format on

#include "bpf/abi.h"
#include "bpf/vmlinux_subset.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* Not UAPI in every libc's kernel headers, or only in headers that clash with the BPF target. */
#define VW_AF_INET 2
#define VW_AF_INET6 10
#define VW_SOCK_STREAM 1
#define VW_SOCK_DGRAM 2
#define VW_SOL_SOCKET 1
#define VW_SO_BINDTOIFINDEX 62
#define VW_ECONNREFUSED 111
#define VW_ENOENT 2
#define VW_EINVAL 22
#define VW_ENOPROTOOPT 92

/* One context field, one load or store of 32 bits at a constant offset. In C, clang 14 merges
 * neighbouring accesses into a wider one and turns branches into one access at a computed offset;
 * the verifier refuses both. */
#define vw_load(context, field)                                                            \
  ({                                                                                       \
    __u32 vw_value;                                                                        \
    asm volatile(                                                                          \
        "%[value] = *(u32*)(%[base] + %[offset])"                                          \
        : [value] "=r"(vw_value)                                                           \
        : [base] "r"(context), [offset] "i"(__builtin_offsetof(typeof(*(context)), field)) \
        : "memory");                                                                       \
    vw_value;                                                                              \
  })
#define vw_store(context, field, source)                                     \
  asm volatile("*(u32*)(%[base] + %[offset]) = %[value]"                     \
               :                                                             \
               : [base] "r"(context), [value] "r"((__u32)(source)),          \
                 [offset] "i"(__builtin_offsetof(typeof(*(context)), field)) \
               : "memory")

/* Keeps a type that only lives on stacks in the object's BTF, where layout_test compares it. Never
 * 0. */
#define vw_known_type(type) bpf_core_type_id_local(type)

#define vw_inline static __always_inline

#endif /* VEILWIRE_BPF_PRELUDE_BPF_H */
