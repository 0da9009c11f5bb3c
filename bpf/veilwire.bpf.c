/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The programs: each dispatches to one idea's header. Where they are attached is the redirector's
 * business (agent/redirector/kernel_programs.cpp holds the table).
 *
 * Depends on no kprobe, fentry or LSM hook. Needs Linux 5.18 (bpf_loop, set_retval, syscall
 * programs).
 */
#include "bpf/handoff.bpf.h"
#include "bpf/iterate.bpf.h"
#include "bpf/label.bpf.h"
#include "bpf/place.bpf.h"
#include "bpf/quic.bpf.h"
#include "bpf/redirect.bpf.h"

char vw_license[] SEC("license") = "GPL";

/* ---- labels ---- */

SEC("tp_btf/sched_process_fork")
int BPF_PROG(vw_fork, struct task_struct* parent, struct task_struct* child) {
  vw_label_fork(parent, child);
  return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(vw_exec, struct task_struct* task, pid_t old_pid, struct linux_binprm* program) {
  vw_label_exec(task, program);
  return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(vw_exit, struct task_struct* task) {
  vw_label_exit(task);
  return 0;
}

SEC("syscall")
int vw_judge(struct vw_judgement* judgement) { return vw_judge_label(judgement); }

SEC("syscall")
int vw_look_around(struct vw_place* place) {
  vw_look_at_place((struct task_struct*)bpf_get_current_task_btf(), place);
  return 0;
}

SEC("cgroup/sock_create")
int vw_sock_create(struct bpf_sock* ctx) {
  struct task_struct* task = (struct task_struct*)bpf_get_current_task_btf();
  struct vw_label* label =
      vw_label_of((__u32)(bpf_get_current_pid_tgid() >> 32), vw_start_time(task));
  if (!label || !vw_in_scope(label->word)) return 1;
  struct vw_socket socket = {.flags = VW_SOCKET_LABELLED};
  if (bpf_sk_storage_get(&sockets, ctx, &socket, BPF_SK_STORAGE_GET_F_CREATE))
    vw_count(VW_REASON_SOCKET_LABELLED);
  else
    vw_count(VW_REASON_SOCKET_NO_STORAGE);
  return 1;
}

/* ---- connects ---- */

vw_inline int vw_connect(struct bpf_sock_addr* ctx, int six_hook) {
  __u32 zero = 0;
  const struct vw_settings* set = bpf_map_lookup_elem(&settings, &zero);
  struct vw_attempt attempt = {};
  int tcp = ctx->type == VW_SOCK_STREAM && ctx->protocol == IPPROTO_TCP;
  if (tcp) vw_forget(ctx);
  if (!set) return vw_pass(VW_REASON_NO_SETTINGS);
  if (set->mode == VW_MODE_OFF) return vw_pass(VW_REASON_OFF);
  if (six_hook)
    vw_attempt6(ctx, &attempt);
  else
    vw_attempt4(ctx, &attempt);
  if (tcp) return vw_redirect_tcp(ctx, set, &attempt, six_hook);
  if (ctx->type == VW_SOCK_DGRAM && ctx->protocol == IPPROTO_UDP)
    return vw_mark_udp(ctx, set, &attempt);
  return vw_pass(VW_REASON_NOT_TCP_OR_UDP);
}

SEC("cgroup/connect4")
int vw_connect4(struct bpf_sock_addr* ctx) { return vw_connect(ctx, 0); }

SEC("cgroup/connect6")
int vw_connect6(struct bpf_sock_addr* ctx) { return vw_connect(ctx, 1); }

vw_inline int vw_sendmsg(struct bpf_sock_addr* ctx, int six_hook) {
  __u32 zero = 0;
  const struct vw_settings* set = bpf_map_lookup_elem(&settings, &zero);
  struct vw_attempt attempt = {};
  if (!set) return vw_pass(VW_REASON_NO_SETTINGS);
  if (set->mode == VW_MODE_OFF) return vw_pass(VW_REASON_OFF);
  if (six_hook)
    vw_attempt6(ctx, &attempt);
  else
    vw_attempt4(ctx, &attempt);
  return vw_send_udp(ctx, set, &attempt);
}

SEC("cgroup/sendmsg4")
int vw_sendmsg4(struct bpf_sock_addr* ctx) { return vw_sendmsg(ctx, 0); }

SEC("cgroup/sendmsg6")
int vw_sendmsg6(struct bpf_sock_addr* ctx) { return vw_sendmsg(ctx, 1); }

SEC("cgroup_skb/egress")
int vw_egress(struct __sk_buff* skb) { return vw_pass_packet(skb); }

SEC("cgroup/getpeername4")
int vw_getpeername4(struct bpf_sock_addr* ctx) {
  vw_name_peer(ctx, 0);
  return 1;
}

SEC("cgroup/getpeername6")
int vw_getpeername6(struct bpf_sock_addr* ctx) {
  vw_name_peer(ctx, 1);
  return 1;
}

/* ---- hand-off: the first on the clients' cgroup, the other two on the proxy's ---- */

SEC("sockops")
int vw_connecting(struct bpf_sock_ops* ctx) {
  if (ctx->op == BPF_SOCK_OPS_TCP_CONNECT_CB)
    vw_hand_off(ctx);
  else if (ctx->op == BPF_SOCK_OPS_STATE_CB)
    vw_drop_handoff(ctx);
  return 1;
}

SEC("sockops")
int vw_accepting(struct bpf_sock_ops* ctx) {
  if (ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB) vw_take_over(ctx);
  return 1;
}

SEC("cgroup/getsockopt")
int vw_getsockopt(struct bpf_sockopt* ctx) { return vw_answer(ctx); }

/* ---- for user space to read ---- */

SEC("iter/task")
int vw_processes(struct bpf_iter__task* ctx) {
  vw_write_process(ctx);
  return 0;
}

SEC("iter/bpf_sk_storage_map")
int vw_redirected_sockets(struct bpf_iter__bpf_sk_storage_map* ctx) {
  vw_write_redirected(ctx);
  return 0;
}

SEC("iter/bpf_sk_storage_map")
int vw_marked_listeners(struct bpf_iter__bpf_sk_storage_map* ctx) {
  vw_write_marked(ctx);
  return 0;
}
