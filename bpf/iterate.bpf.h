/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What user space cannot learn elsewhere, written as a stream of structs: every process with the
 * kernel's own start time and executable key (stat differs on btrfs and overlayfs), and every
 * redirected socket.
 *
 * Tested by tests/bpf/label_test.cpp and tests/bpf/redirect_test.cpp.
 */
#ifndef VEILWIRE_BPF_ITERATE_BPF_H
#define VEILWIRE_BPF_ITERATE_BPF_H

#include "bpf/identity.bpf.h"

vw_inline void vw_write_process(struct bpf_iter__task* ctx) {
  struct task_struct* task = ctx->task;
  if (!vw_known_type(struct vw_process) || !task || task->pid != task->tgid) return;
  struct vw_process process = {};
  process.tgid = (__u32)task->tgid;
  struct vw_place reader = {};
  vw_look_at_place((struct task_struct*)bpf_get_current_task_btf(), &reader);
  process.own_tgid = vw_own_tgid(task, reader.pid_level, reader.pid_namespace);
  process.parent_tgid = (__u32)BPF_CORE_READ(task, real_parent, tgid);
  process.start_boottime_ns = task->start_boottime;
  process.memory_map = (__u64)BPF_CORE_READ(task, mm);
  vw_read_exe(BPF_CORE_READ(task, mm, exe_file), &process.exe);
  bpf_seq_write(ctx->meta->seq, &process, sizeof(process));
}

/* A mark dies with its socket: what is listed here is alive. */
vw_inline void vw_write_marked(struct bpf_iter__bpf_sk_storage_map* ctx) {
  struct sock* sk = ctx->sk;
  if (!vw_known_type(struct vw_marked_listener) || !sk || !ctx->value) return;
  struct vw_marked_listener listener = {};
  listener.netns_cookie = BPF_CORE_READ(sk, __sk_common.skc_net.net, net_cookie);
  listener.port = BPF_CORE_READ(sk, __sk_common.skc_num);
  listener.six = BPF_CORE_READ(sk, __sk_common.skc_family) == VW_AF_INET6;
  listener.listening = BPF_CORE_READ(sk, __sk_common.skc_state) == BPF_TCP_LISTEN;
  bpf_seq_write(ctx->meta->seq, &listener, sizeof(listener));
}

vw_inline void vw_write_redirected(struct bpf_iter__bpf_sk_storage_map* ctx) {
  struct sock* sk = ctx->sk;
  const struct vw_origin* origin = ctx->value;
  if (!vw_known_type(struct vw_redirected) || !sk || !origin) return;
  struct vw_redirected redirected = {};
  redirected.origin = *origin;
  redirected.source_port = BPF_CORE_READ(sk, __sk_common.skc_num);
  if (BPF_CORE_READ(sk, __sk_common.skc_family) == VW_AF_INET6) {
    bpf_core_read(redirected.source, 16, &sk->__sk_common.skc_v6_rcv_saddr);
  } else {
    redirected.source[10] = 0xff;
    redirected.source[11] = 0xff;
    bpf_core_read(redirected.source + 12, 4, &sk->__sk_common.skc_rcv_saddr);
  }
  bpf_seq_write(ctx->meta->seq, &redirected, sizeof(redirected));
}

#endif /* VEILWIRE_BPF_ITERATE_BPF_H */
