/* SPDX-License-Identifier: GPL-2.0-only */
/* For the tests only: the predicates as programs that a test run can call, and foreign programs
 * that share the hooks with ours. */
#include "bpf/quic.bpf.h"

char vw_license[] SEC("license") = "GPL";

struct vw_address_case {
  __u8 address[16];
  __u32 mapped;
  __u32 loopback;
};

SEC("syscall")
int classify_address(struct vw_address_case* c) {
  struct vw_address address;
  __builtin_memcpy(address.bytes, c->address, sizeof(address.bytes));
  vw_resolve_unspecified(&address);
  c->mapped = vw_is_mapped4(&address);
  c->loopback = vw_is_loopback(&address);
  __builtin_memcpy(c->address, address.bytes, sizeof(address.bytes));
  return 0;
}

struct vw_select_case {
  __u32 port_flags;
  __u32 labelled;
  __u32 socket_labelled;
  __u32 target;
  __u32 endpoint;
  __u32 loopback;
};

SEC("syscall")
int decide(struct vw_select_case* c) {
  struct vw_facts facts = {.port_flags = c->port_flags,
                           .labelled = c->labelled != 0,
                           .socket_labelled = c->socket_labelled != 0,
                           .target = c->target != 0,
                           .endpoint = c->endpoint != 0,
                           .loopback = c->loopback != 0};
  return (int)vw_decide(&facts);
}

struct vw_lookup_case {
  __u8 address[16];
  __u16 port;
  __u16 reserved[3];
};

/* A packet program, because a syscall program may not look into an LPM trie; the case is the
 * packet. Bit 0: a target, bit 1: an endpoint, bits 2 and up: the port's flags. */
SEC("tc")
int look_up(struct __sk_buff* skb) {
  struct vw_lookup_case c;
  struct vw_address address;
  if (bpf_skb_load_bytes(skb, 0, &c, sizeof(c))) return -1;
  __builtin_memcpy(address.bytes, c.address, sizeof(address.bytes));
  return (vw_is_target(&address) ? 1 : 0) | (vw_is_endpoint(&address, c.port) ? 2 : 0) |
         (int)(vw_port_flags(c.port) << 2);
}

struct vw_find_case {
  __u32 length;
  __u32 where;
  __u8 bytes[512];
};

SEC("tc")
int find_needle(struct __sk_buff* skb) {
  __u32 zero = 0;
  __u32 head[2];
  const struct vw_settings* set = bpf_map_lookup_elem(&settings, &zero);
  struct vw_text* text = bpf_map_lookup_elem(&texts, &zero);
  if (!set || !text || bpf_skb_load_bytes(skb, 0, head, sizeof(head))) return -1;
  if (bpf_skb_load_bytes(skb, sizeof(head), text->bytes, 512)) return -1;
  return vw_find(text, head[0], set, head[1]);
}

struct vw_heart_case {
  __s64 offset_ns; /* of the beat from now */
  __u64 limit_ns;
};

SEC("syscall")
int heart(struct vw_heart_case* c) {
  __u32 zero = 0;
  struct vw_heartbeat beat = {.beat_ns = bpf_ktime_get_ns() + (__u64)c->offset_ns};
  struct vw_settings set = {.heartbeat_limit_ns = c->limit_ns};
  bpf_map_update_elem(&heartbeat, &zero, &beat, BPF_ANY);
  return vw_heart_beats(&set);
}

/* ---- somebody else's programs on the same cgroups ---- */

SEC("cgroup/getsockopt")
int foreign_getsockopt(struct bpf_sockopt* ctx) {
  if (ctx->level != 0x1234) return 1;
  __u32* answer = ctx->optval;
  if ((void*)(answer + 1) > ctx->optval_end) return 1;
  *answer = 4711;
  vw_store(ctx, optlen, sizeof(*answer));
  vw_store(ctx, retval, 0);
  return 1;
}

SEC("cgroup_skb/egress")
int foreign_egress(struct __sk_buff* skb) { return 1; }

/* Asks for a callback of its own, and shows on the socket's mark what is asked for afterwards. */
SEC("sockops")
int foreign_sockops(struct bpf_sock_ops* ctx) {
  if (ctx->op == BPF_SOCK_OPS_TCP_CONNECT_CB) {
    bpf_sock_ops_cb_flags_set(ctx, BPF_SOCK_OPS_RTT_CB_FLAG);
  } else if (ctx->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB) {
    int flags = (int)ctx->bpf_sock_ops_cb_flags;
    bpf_setsockopt(ctx, VW_SOL_SOCKET, 36 /* SO_MARK */, &flags, sizeof(flags));
  }
  return 1;
}

SEC("cgroup/connect4")
int foreign_connect4(struct bpf_sock_addr* ctx) { return 1; }
