/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The record's way from the client's socket to the accepted one. Written before the SYN leaves,
 * keyed by both ends and the network namespace; moved to the accepted socket when that is
 * established; so the key lives for microseconds and port re-use, TIME_WAIT and eviction cannot
 * matter. Writing it at ACTIVE_ESTABLISHED instead hands out other people's records under TCP Fast
 * Open, and a key without the namespace confuses two of them.
 *
 * The accepted socket is locked by the softirq until PASSIVE_ESTABLISHED has run, and getsockopt
 * takes the lock: an acceptor cannot look too early.
 *
 * Tested by tests/bpf/handoff_test.cpp.
 */
#ifndef VEILWIRE_BPF_HANDOFF_BPF_H
#define VEILWIRE_BPF_HANDOFF_BPF_H

#include "bpf/address.bpf.h"
#include "bpf/counters.bpf.h"

/* The client's end is the source on both sides. */
vw_inline void vw_tuple_of(struct bpf_sock_ops* ctx, int accepting, struct vw_tuple* tuple) {
  struct vw_address local;
  struct vw_address remote;
  if (vw_load(ctx, family) == VW_AF_INET6) {
    __u32 a = vw_load(ctx, local_ip6[0]);
    __u32 b = vw_load(ctx, local_ip6[1]);
    __u32 c = vw_load(ctx, local_ip6[2]);
    __u32 d = vw_load(ctx, local_ip6[3]);
    local = vw_address6(a, b, c, d);
    a = vw_load(ctx, remote_ip6[0]);
    b = vw_load(ctx, remote_ip6[1]);
    c = vw_load(ctx, remote_ip6[2]);
    d = vw_load(ctx, remote_ip6[3]);
    remote = vw_address6(a, b, c, d);
  } else {
    local = vw_address4(vw_load(ctx, local_ip4));
    remote = vw_address4(vw_load(ctx, remote_ip4));
  }
  __u16 local_port = (__u16)vw_load(ctx, local_port);
  __u16 remote_port = (__u16)bpf_ntohl(vw_load(ctx, remote_port));
  tuple->netns_cookie = bpf_get_netns_cookie(ctx);
  tuple->reserved = 0;
  if (accepting) {
    __builtin_memcpy(tuple->source, remote.bytes, 16);
    __builtin_memcpy(tuple->destination, local.bytes, 16);
    tuple->source_port = remote_port;
    tuple->destination_port = local_port;
  } else {
    __builtin_memcpy(tuple->source, local.bytes, 16);
    __builtin_memcpy(tuple->destination, remote.bytes, 16);
    tuple->source_port = local_port;
    tuple->destination_port = remote_port;
  }
}

/* TCP_CONNECT_CB: the local port is known, nothing has been sent. */
vw_inline void vw_hand_off(struct bpf_sock_ops* ctx) {
  struct bpf_sock* sk = ctx->sk;
  if (!sk) return vw_count(VW_REASON_SOCKOPS_NO_SOCKET);
  struct vw_origin* origin = bpf_sk_storage_get(&origins, sk, 0, 0);
  if (!origin) return vw_count(VW_REASON_CONNECT_WITHOUT_RECORD);
  struct vw_tuple tuple = {};
  vw_tuple_of(ctx, 0, &tuple);
  if (bpf_map_update_elem(&handoff, &tuple, origin, BPF_ANY))
    return vw_count(VW_REASON_HANDOFF_FULL);
  vw_count(VW_REASON_HANDED_OFF);
  /* Or-ed: other programs may have asked for other callbacks. */
  if (bpf_sock_ops_cb_flags_set(ctx,
                                (int)(ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG)))
    vw_count(VW_REASON_HANDOFF_UNWATCHED); /* it stays until its tuple comes again */
}

/* STATE_CB, closed: whatever nobody took is dropped. The addresses are still this socket's alone.
 */
vw_inline void vw_drop_handoff(struct bpf_sock_ops* ctx) {
  struct bpf_sock* sk = ctx->sk;
  if (ctx->args[1] != BPF_TCP_CLOSE) return;
  if (!sk) return vw_count(VW_REASON_SOCKOPS_NO_SOCKET);
  if (!bpf_sk_storage_get(&origins, sk, 0, 0)) return;
  struct vw_tuple tuple = {};
  vw_tuple_of(ctx, 0, &tuple);
  if (!bpf_map_delete_elem(&handoff, &tuple)) vw_count(VW_REASON_HANDOFF_DROPPED);
}

/* PASSIVE_ESTABLISHED_CB on the proxy's side. */
vw_inline void vw_take_over(struct bpf_sock_ops* ctx) {
  struct bpf_sock* sk = ctx->sk;
  if (!sk) return vw_count(VW_REASON_SOCKOPS_NO_SOCKET);
  struct vw_tuple tuple = {};
  vw_tuple_of(ctx, 1, &tuple);
  struct vw_origin* origin = bpf_map_lookup_elem(&handoff, &tuple);
  if (!origin) return vw_count(VW_REASON_ACCEPT_WITHOUT_RECORD);
  struct vw_origin* record = bpf_sk_storage_get(&accepted, sk, origin, BPF_SK_STORAGE_GET_F_CREATE);
  vw_count(record ? VW_REASON_ACCEPTED : VW_REASON_ACCEPT_NO_STORAGE);
  bpf_map_delete_elem(&handoff, &tuple);
}

/* getsockopt(VW_SOL_VEILWIRE). Other levels are none of our business: untouched, whatever their
 * result. */
vw_inline int vw_answer(struct bpf_sockopt* ctx) {
  if (ctx->level != VW_SOL_VEILWIRE) return 1;
  if (ctx->optname != VW_SO_ORIGIN) {
    vw_count(VW_REASON_ORIGIN_OPTION);
    vw_store(ctx, retval, -VW_ENOPROTOOPT);
    return 1;
  }
  struct bpf_sock* sk = ctx->sk;
  struct vw_origin* record = sk ? bpf_sk_storage_get(&accepted, sk, 0, 0) : 0;
  if (!record) {
    vw_count(VW_REASON_ORIGIN_MISSING);
    vw_store(ctx, retval, -VW_ENOENT);
    return 1;
  }
  struct vw_origin* answer = ctx->optval;
  if ((void*)(answer + 1) > ctx->optval_end || ctx->optlen < (__s32)sizeof(*answer)) {
    vw_count(VW_REASON_ORIGIN_BUFFER);
    vw_store(ctx, retval, -VW_EINVAL);
    return 1;
  }
  *answer = *record;
  vw_store(ctx, optlen, sizeof(*answer));
  vw_store(ctx, retval, 0);
  vw_count(VW_REASON_ORIGIN_READ);
  return 1;
}

#endif /* VEILWIRE_BPF_HANDOFF_BPF_H */
