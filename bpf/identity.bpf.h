/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Who is connecting: read from the task inside the hook, so that no race with /proc can change it.
 *
 * Tested by tests/bpf/redirect_test.cpp.
 */
#ifndef VEILWIRE_BPF_IDENTITY_BPF_H
#define VEILWIRE_BPF_IDENTITY_BPF_H

#include "bpf/place.bpf.h"

/* Takes a pointer that may be NULL or stale: every read is a checked one. */
vw_inline void vw_read_exe(struct file* file, struct vw_exe* exe) {
  struct inode* inode = BPF_CORE_READ(file, f_inode);
  exe->inode = BPF_CORE_READ(inode, i_ino);
  exe->generation = BPF_CORE_READ(inode, i_generation);
  exe->device = BPF_CORE_READ(inode, i_sb, s_dev);
}

/* The leader's: threads share it, and a thread that execs takes it over. */
vw_inline __u64 vw_start_time(struct task_struct* task) {
  return BPF_CORE_READ(task, group_leader, start_boottime);
}

/* Everything but destination, flags, bound interface and namespace. */
vw_inline void vw_fill_identity(struct vw_origin* origin, const struct vw_settings* set,
                                struct task_struct* task, const struct vw_label* label) {
  __u64 ids = bpf_get_current_uid_gid();
  origin->version = VW_ORIGIN_VERSION;
  origin->uid = (__u32)ids;
  origin->gid = (__u32)(ids >> 32);
  origin->loginuid = VW_UNSET_ID;
  origin->audit_session = VW_UNSET_ID;
  if (bpf_core_field_exists(task->loginuid)) origin->loginuid = BPF_CORE_READ(task, loginuid.val);
  if (bpf_core_field_exists(task->sessionid))
    origin->audit_session = BPF_CORE_READ(task, sessionid);
  origin->tgid = (__u32)(bpf_get_current_pid_tgid() >> 32);
  origin->own_tgid = vw_own_tgid(task, set->pid_level, set->pid_namespace);
  origin->start_boottime_ns = vw_start_time(task);
  origin->cgroup_id = bpf_get_current_cgroup_id();
  origin->connected_at_ns = bpf_ktime_get_ns();
  bpf_get_current_comm(origin->comm, sizeof(origin->comm));
  /* A label knows the file from the exec itself; without one the memory map's own reference is the
   * next best (a process may replace it by prctl only with CAP_SYS_RESOURCE). */
  if (label)
    origin->exe = label->exe;
  else
    vw_read_exe(BPF_CORE_READ(task, mm, exe_file), &origin->exe);
}

#endif /* VEILWIRE_BPF_IDENTITY_BPF_H */
