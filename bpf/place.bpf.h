/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Which number a process has in another PID namespace than the initial one: every task carries its
 * numbers in all namespaces from the initial one down to its own, by their level. So one look at
 * the level of a namespace serves the tasks in it and below it, and tells those that are elsewhere;
 * bpf_get_ns_current_pid_tgid would do neither.
 *
 * Tested by tests/bpf/pid_namespace_test.cpp.
 */
#ifndef VEILWIRE_BPF_PLACE_BPF_H
#define VEILWIRE_BPF_PLACE_BPF_H

#include "bpf/prelude.bpf.h"

/* The number at a level that pid has. An array is walked by hand: CO-RE relocates constant indices
 * only. */
vw_inline struct upid* vw_number_at(struct pid* pid, __u32 level) {
  __u64 first = (__u64)__builtin_preserve_access_index(&pid->numbers);
  return (struct upid*)(first + (__u64)level * bpf_core_type_size(struct upid));
}

vw_inline struct pid* vw_pid_of(struct task_struct* task) {
  return BPF_CORE_READ(task, signal, pids[PIDTYPE_TGID]);
}

/* 0: the process is not visible from that namespace. */
vw_inline __u32 vw_own_tgid(struct task_struct* task, __u32 level, __u32 namespace) {
  if (!level) return (__u32)BPF_CORE_READ(task, tgid); /* only one namespace is of level 0 */
  struct pid* pid = vw_pid_of(task);
  if (!pid || BPF_CORE_READ(pid, level) < level) return 0;
  struct upid* number = vw_number_at(pid, level);
  if (BPF_CORE_READ(number, ns, ns.inum) != namespace) return 0;
  return (__u32)BPF_CORE_READ(number, nr);
}

/* Not the namespace of its next children, which a task may have chosen already. */
vw_inline void vw_look_at_place(struct task_struct* task, struct vw_place* place) {
  struct pid* pid = vw_pid_of(task);
  __u32 level = BPF_CORE_READ(pid, level);
  struct upid* number = vw_number_at(pid, level);
  place->pid_level = level;
  place->pid_namespace = BPF_CORE_READ(number, ns, ns.inum);
  place->cgroup_level = (__u32)BPF_CORE_READ(task, nsproxy, cgroup_ns, root_cset, dfl_cgrp, level);
  place->reserved = 0;
}

#endif /* VEILWIRE_BPF_PLACE_BPF_H */
